"""Aircraft of the generated competition, seen from above: designs, their parts, and how one is painted.

Body coordinates: (along, across) in lengths of the fuselage, nose at (+0.5, 0), tail at (-0.5, 0).
"""

from dataclasses import dataclass, fields, replace

import numpy as np

from podium.data.generated.raster import Canvas, Frame, smooth_noise


@dataclass(frozen=True)
class Design:
    """Proportions of a type, in lengths of its fuselage; `length` itself in lengths of an airliner."""

    length: float
    girth: float  # half the fuselage's width
    wing_at: float  # where the wing's leading edge meets the fuselage
    wing_root: float
    wing_reach: float  # half the span
    wing_sweep: float  # how far the tip's leading edge lies behind the root's
    wing_tip: float
    tail_root: float
    tail_reach: float
    tail_sweep: float
    tail_tip: float
    blunt: float  # the nose's length
    boom: float = 0.25  # the tail's width as a share of the fuselage's
    pods: tuple[float, ...] = ()  # engines under the wing, as shares of its reach
    rear_engines: bool = False
    propeller: bool = False
    military: bool = False


DESIGNS = {
    "airliner": Design(1.0, 0.053, 0.13, 0.20, 0.47, 0.27, 0.05, 0.12, 0.17, 0.11, 0.045, 0.13, pods=(0.34,)),
    "jumbo": Design(1.1, 0.050, 0.15, 0.22, 0.48, 0.29, 0.05, 0.12, 0.17, 0.12, 0.045, 0.14, pods=(0.36, 0.64)),
    "business": Design(0.5, 0.052, 0.02, 0.20, 0.46, 0.19, 0.06, 0.11, 0.19, 0.09, 0.06, 0.20, rear_engines=True),
    "turboprop": Design(
        0.66, 0.058, 0.12, 0.13, 0.53, 0.03, 0.07, 0.11, 0.20, 0.03, 0.07, 0.16, pods=(0.32,), propeller=True
    ),
    "light": Design(0.36, 0.062, 0.21, 0.18, 0.62, 0.02, 0.14, 0.14, 0.21, 0.03, 0.10, 0.16, propeller=True),
    "delta": Design(0.50, 0.060, 0.12, 0.52, 0.31, 0.42, 0.07, 0.01, 0.06, 0.01, 0.01, 0.30, boom=0.75, military=True),
    "fighter": Design(
        0.50, 0.066, 0.10, 0.32, 0.34, 0.21, 0.09, 0.17, 0.24, 0.13, 0.08, 0.32, boom=0.80, military=True
    ),
}

CIVIL = np.array([(238, 238, 236), (228, 230, 234), (205, 207, 210), (176, 180, 186), (150, 160, 178), (222, 212, 188)])
MILITARY = np.array(
    [(152, 158, 164), (178, 182, 184), (122, 130, 104), (174, 156, 124), (116, 122, 132), (140, 144, 132)]
)
ACCENTS = np.array([(170, 36, 40), (30, 62, 132), (20, 110, 112), (214, 122, 30), (52, 56, 66), (70, 120, 60)])


@dataclass(frozen=True)
class Part:
    """One opaque polygon of an aircraft, body coordinates."""

    outline: np.ndarray
    paint: str = "body"
    shade: float = 1.0
    tilt: float = 0.0  # slope to the right; what faces the sun is lighter


@dataclass(frozen=True)
class Livery:
    """RGB colours of 0..255; `patches` are those of a camouflage and equal the body without one."""

    body: np.ndarray
    accent: np.ndarray
    glass: np.ndarray
    metal: np.ndarray
    patches: np.ndarray


def jittered(design: Design, rng: np.random.Generator, spread: float = 0.06) -> Design:
    """Return a design with every proportion changed a little."""
    numbers = {f.name: getattr(design, f.name) for f in fields(design) if f.type in (float, "float")}
    return replace(design, **{name: value * rng.uniform(1 - spread, 1 + spread) for name, value in numbers.items()})


def draw_livery(rng: np.random.Generator, military: bool) -> Livery:
    """Draw the colours of one aircraft."""
    paints = MILITARY if military and rng.random() < 0.6 else CIVIL
    body = rng.choice(paints) + rng.uniform(-10, 10) + rng.uniform(-4, 4, 3)
    patches = rng.choice(MILITARY) * 0.85 if military and rng.random() < 0.2 else body
    accent = body * 0.8 if military else rng.choice(ACCENTS) + rng.uniform(-12, 12, 3)
    return Livery(body, accent, np.array([44.0, 50, 60]), body * 0.35 + 62 + rng.uniform(-15, 15), patches)


def build(design: Design) -> list[Part]:
    """Return the parts of an aircraft, lowest first."""
    d, parts = design, []
    tail_at = -0.5 + d.tail_root + d.tail_sweep * 0.4
    parts += _surface(tail_at, d.tail_root, d.tail_reach, d.tail_sweep, d.tail_tip, flap=0.3)
    for share in d.pods:
        lead = d.wing_at - d.wing_sweep * share
        span = (lead - 0.1, lead + 0.065) if not d.propeller else (lead - 0.14, lead + 0.06)
        parts += _both(_spindle(*span, 0.026, share * d.wing_reach), "metal", 0.95)
    parts += _surface(d.wing_at, d.wing_root, d.wing_reach, d.wing_sweep, d.wing_tip, flap=0.22)
    if d.propeller:
        for share in d.pods:
            lead = d.wing_at - d.wing_sweep * share
            parts += _both(_spindle(lead - 0.16, lead + 0.06, 0.024, share * d.wing_reach), "body", 0.9, 0.05)
    if d.rear_engines:
        parts += _both(_spindle(-0.36, -0.18, 0.03, d.girth + 0.035), "metal", 1.0)
    parts += _fuselage(d)
    if d.military:
        parts += _both(
            np.array([(-0.30, 0.55), (-0.46, 0.60), (-0.46, 0.75), (-0.38, 0.70)]) * (1, d.girth), "body", 0.72
        )
        parts.append(Part(np.array([(-0.49, -0.6), (-0.44, -0.6), (-0.44, 0.6), (-0.49, 0.6)]) * (1, d.girth), "glass"))
        parts.append(Part(_spindle(0.14, 0.33, d.girth * 0.42, 0.0), "glass"))
    else:
        fin = np.array([(-0.28, 0.0), (-0.42, 0.16), (-0.50, 0.18), (-0.50, -0.18), (-0.42, -0.16)])
        parts.append(Part(fin * (1, d.girth), "accent"))
        cockpit = np.array(
            [(0.50, 0.30), (0.46, 0.62), (0.43, 0.62), (0.45, 0.0), (0.43, -0.62), (0.46, -0.62), (0.50, -0.30)]
        )
        parts.append(Part((cockpit - (0.25 * d.blunt, 0)) * (1, d.girth), "glass"))
    return parts


def _both(outline: np.ndarray, paint: str, shade: float, tilt: float = 0.0) -> list[Part]:
    mirrored = outline * (1, -1)
    return [Part(outline, paint, shade, tilt), Part(mirrored, paint, shade, -tilt)]


def _surface(at: float, root: float, reach: float, sweep: float, tip: float, flap: float) -> list[Part]:
    """A wing or a tailplane: the panel, and the flaps along its trailing edge a little darker."""
    panel = np.array([(at, 0), (at - sweep, reach * 0.97), (at - sweep - tip * 0.4, reach), (at - sweep - tip, reach)])
    kink = (at - max(root, sweep * 0.42 + (root * 0.58 + tip * 0.42) * 0.92), reach * 0.36)
    panel = np.vstack([panel, [kink, (at - root, 0)]])
    edge, inner = panel[3:], panel[3:] + np.array([(tip * flap, 0), (root * flap * 0.8, 0), (root * flap, 0)])
    return _both(panel, "body", 0.93, 0.07) + _both(np.vstack([edge, inner[::-1]]), "body", 0.80, 0.07)


def _spindle(back: float, front: float, half: float, across: float) -> np.ndarray:
    """A slender body with a round front, between two values along, around `across`."""
    reach = front - back
    profile = [
        (back, 0.45),
        (back + 0.35 * reach, 0.95),
        (back + 0.75 * reach, 1.0),
        (front - 0.06 * reach, 0.7),
        (front, 0.3),
    ]
    side = np.array([(along, half * width) for along, width in profile])
    return np.vstack([side, side[::-1] * (1, -1)]) + np.array([0, across])


def _fuselage(d: Design) -> list[Part]:
    """The fuselage as a lit cylinder: a dark rim, the body, the flank towards either side, the ridge."""
    nose = [(0.5 - d.blunt * (1 - np.cos(t)), np.sin(t)) for t in np.linspace(0.15, np.pi / 2, 5)]
    aft = [(-0.20, 1.0), (-0.34, 0.5 + 0.5 * d.boom), (-0.5, d.boom * 0.8)]
    side = np.array(nose + aft) * (1, d.girth)
    whole = np.vstack([side, side[::-1] * (1, -1)])
    right = np.vstack([side, side[::-1] * (1, 0.1)])
    return [
        *_both(right, "body", 0.80, 0.16),
        Part(whole * (0.985, 0.74), "body", 0.95),
        *_both(np.vstack([side * (0.97, 0.6), side[::-1] * (0.97, 0.0)]), "body", 1.0, 0.05),
        Part(whole * (0.9, 0.22), "body", 1.08),
    ]


@dataclass(frozen=True)
class Aircraft:
    """One aircraft placed in the picture: its parts' frame, its painted patch and where the patch lies."""

    outlines: list[np.ndarray]  # (n, 2) picture points per part
    colour: np.ndarray  # (h, w, 3) float64, premultiplied by coverage
    coverage: np.ndarray  # (h, w) samples of each pixel that the paint covers
    left: int
    top: int


def paint(
    rng: np.random.Generator, parts: list[Part], livery: Livery, frame: Frame, length: float, sun: float
) -> Aircraft:
    """Paint an aircraft of `length` pixels at a frame whose angle is its heading; `sun` is the direction to the sun."""
    outlines = [frame.at(part.outline, length) for part in parts]
    points = np.vstack(outlines)
    left, top = (int(v) for v in np.floor(points.min(axis=0)) - 1)
    right, bottom = (int(v) for v in np.ceil(points.max(axis=0)) + 1)
    canvas = Canvas(bottom - top, right - left, left, top)
    sunny_side = np.sin(sun - frame.angle)
    for part, outline in zip(parts, outlines, strict=True):
        canvas.fill(outline, getattr(livery, part.paint) * (part.shade + part.tilt * sunny_side))
    coverage, colour = canvas.coverage(), canvas.colour()
    blotches = np.clip(smooth_noise(rng, coverage.shape, (max(3.0, length / 7),)) * 3, 0, 1)[..., None]
    colour *= 1 + blotches * (livery.patches / livery.body - 1)
    colour *= 1 + 0.03 * smooth_noise(rng, coverage.shape, (2.0, 6.0))[..., None]
    return Aircraft(outlines, colour, coverage, left, top)
