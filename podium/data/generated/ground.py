"""The ground of the generated competition: terrain, pavement, and what is painted on it."""

from dataclasses import dataclass

import numpy as np

from podium.data.generated.raster import SAMPLES, Canvas, Frame, blur, disc, smooth_noise

Tone = tuple[float, float, float]

TERRAINS = {
    "grass": ((84, 102, 58), (124, 124, 80)),
    "dry grass": ((140, 130, 88), (172, 156, 112)),
    "soil": ((120, 100, 76), (150, 126, 98)),
    "desert": ((186, 166, 132), (208, 188, 154)),
}
PAVEMENTS = {
    "concrete": ((158, 156, 149), (176, 173, 165)),
    "worn concrete": ((132, 131, 126), (152, 149, 141)),
    "asphalt": ((78, 80, 84), (98, 98, 99)),
}
WHITE, YELLOW = (226, 226, 220), (214, 178, 62)


@dataclass(frozen=True)
class Ground:
    """The bare ground of a scene."""

    image: np.ndarray  # (h, w, 3) float64 of 0..255
    paved: np.ndarray  # (h, w) bool
    frame: Frame  # what its lines run along
    runway: bool  # whether the pavement is a runway, on which nobody builds


def lay(rng: np.random.Generator, shape: tuple[int, int], unit: float) -> Ground:
    """Lay out a piece of ground; `unit` is the number of pixels in a unit of drawing."""
    height, width = shape
    layout = rng.choice(["apron", "edge", "runway", "field"], p=[0.3, 0.32, 0.22, 0.16])
    frame = Frame(width * rng.uniform(0.3, 0.7), height * rng.uniform(0.3, 0.7), rng.uniform(0, 2 * np.pi))
    far = 2.0 * max(shape)
    areas = []
    if layout == "apron":
        areas = [frame.rectangle((-far, far), (-far, far))]
    elif layout == "edge":
        areas = [frame.rectangle((-far, far), (-rng.uniform(5, 45) * unit, far))]
    elif layout == "runway":
        half = rng.uniform(22, 34) * unit
        aside = rng.uniform(-50, 50) * unit
        areas = [frame.rectangle((-far, far), (-half, half)), frame.rectangle((aside, aside + 1.1 * half), (0, far))]
    mask = Canvas(height, width)
    for area in areas:
        mask.fill(area)
    paved = mask.coverage() / SAMPLES**2

    name = rng.choice(list(TERRAINS))
    image = _textured(rng, shape, TERRAINS[name], (70.0, 26.0, 9.0, 3.0), grain=6.0)
    if layout == "field" and rng.random() < 0.6:
        image = _furrows(rng, image, frame, unit)
    if layout in ("field", "runway", "edge") and rng.random() < 0.6:
        image = _road(rng, image, unit)
    if areas:
        kinds = ["asphalt", "worn concrete"] if layout == "runway" else list(PAVEMENTS)
        surface = _textured(rng, shape, PAVEMENTS[rng.choice(kinds)], (60.0, 22.0), grain=2.7)
        surface = _slabs(rng, surface, frame, unit)
        # A verge: the ground next to the pavement is trodden and dusty.
        verge = blur(paved, 3 * unit)[..., None] * 0.35
        image = image * (1 - verge) + (150, 144, 128) * verge
        image = image * (1 - paved[..., None]) + surface * paved[..., None]
        image = _stained(rng, image, paved, unit)
        image = _marked(rng, image, paved, frame, unit, runway=half if layout == "runway" else None)
    return Ground(image, paved > 0.5, frame, layout == "runway")


def over(image: np.ndarray, canvas: Canvas, opacity: np.ndarray | float = 1.0) -> np.ndarray:
    """Lay a painted canvas over an image, with an opacity of 0..1 (a number or (h, w))."""
    alpha = (canvas.coverage() / SAMPLES**2 * opacity)[..., None]
    return image * (1 - alpha) + canvas.colour() * np.broadcast_to(opacity, image.shape[:2])[..., None]


def _textured(
    rng: np.random.Generator, shape: tuple[int, int], tones: tuple[Tone, Tone], cells: tuple[float, ...], grain: float
) -> np.ndarray:
    dark, light = (np.array(tone, float) for tone in tones)
    mix = np.clip(0.5 + 0.34 * smooth_noise(rng, shape, cells), -0.1, 1.1)[..., None]
    image = dark * (1 - mix) + light * mix + rng.uniform(-8, 8)
    return image + grain * smooth_noise(rng, shape, (1.6, 3.5))[..., None]


def _furrows(rng: np.random.Generator, image: np.ndarray, frame: Frame, unit: float) -> np.ndarray:
    rows, columns = np.mgrid[: image.shape[0], : image.shape[1]] + 0.5
    across = (rows - frame.y) * np.cos(frame.angle) - (columns - frame.x) * np.sin(frame.angle)
    period = rng.uniform(4, 9) * unit
    depth = rng.uniform(2, 6) * np.clip(0.6 + 0.5 * smooth_noise(rng, image.shape[:2], (40.0,)), 0, 1)
    return image + (depth * np.sin(across * (2 * np.pi / period)))[..., None]


def _road(rng: np.random.Generator, image: np.ndarray, unit: float) -> np.ndarray:
    """A track or a road that bends a little, right across the picture."""
    height, width = image.shape[:2]
    frame = Frame(width * rng.uniform(0.1, 0.9), height * rng.uniform(0.1, 0.9), rng.uniform(0, 2 * np.pi))
    along = np.linspace(-2, 2, 33) * max(height, width)
    bend = rng.uniform(-0.6, 0.6) / max(height, width)
    aside = np.array([0, rng.uniform(1.6, 4) * unit])
    line = np.stack([along, bend * along**2], axis=1)
    canvas = Canvas(height, width)
    tone = rng.choice([(104, 104, 104), (158, 146, 122), (130, 126, 118)])
    canvas.fill(np.vstack([frame.at(line + aside), frame.at(line - aside)[::-1]]), tone)
    return over(image, canvas, np.clip(0.85 + 0.1 * smooth_noise(rng, (height, width), (8.0, 3.0)), 0, 1))


def _slabs(rng: np.random.Generator, surface: np.ndarray, frame: Frame, unit: float) -> np.ndarray:
    """Slabs of slightly different tone, with dark joints."""
    height, width = surface.shape[:2]
    slab, reach = rng.uniform(9, 18) * unit, 1.5 * max(height, width)
    count = int(reach / slab)
    joints = Canvas(height, width)
    for k in range(-count, count):
        joints.fill(frame.rectangle((-reach, reach), (k * slab, k * slab + 0.2)), (92, 91, 88))
        joints.fill(frame.rectangle((k * slab, k * slab + 0.2), (-reach, reach)), (92, 91, 88))
    tones = Canvas(height, width)
    for a, b in rng.integers(-count, count, (40, 2)):
        place = ((a * slab, (a + 1) * slab), (b * slab, (b + 1) * slab))
        tones.fill(frame.rectangle(*place), rng.choice([(110, 110, 106), (190, 187, 178)]))
    return over(over(surface, tones, rng.uniform(0.04, 0.16)), joints, rng.uniform(0.3, 0.8))


def _stained(rng: np.random.Generator, image: np.ndarray, paved: np.ndarray, unit: float) -> np.ndarray:
    """Oil stains and tyre marks."""
    height, width = paved.shape
    stains = Canvas(height, width)
    for _ in range(rng.integers(3, 14)):
        spot = Frame(rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, 2 * np.pi))
        stains.fill(spot.at(disc(rng.uniform(1, 6) * unit, rng.uniform(0.7, 2.5) * unit)), (60, 58, 54))
    for _ in range(rng.integers(0, 5)):
        spot = Frame(rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, 2 * np.pi))
        stains.fill(spot.rectangle((0, rng.uniform(40, 160) * unit), (0, rng.uniform(0.4, 1.2) * unit)), (58, 57, 55))
    soft = blur(stains.coverage() / SAMPLES**2, 0.9 * unit) * paved * rng.uniform(0.12, 0.4)
    return image * (1 - soft[..., None] * 0.7)


def _marked(
    rng: np.random.Generator, image: np.ndarray, paved: np.ndarray, frame: Frame, unit: float, runway: float | None
) -> np.ndarray:
    """Lines on the pavement: the runway's own, or taxi lines and parking bays. `runway` is half the runway's width."""
    height, width = paved.shape
    lines, reach = Canvas(height, width), 1.5 * max(height, width)
    if runway is not None:
        for side in (-0.9, 0.87):
            lines.fill(frame.rectangle((-reach, reach), (side * runway, side * runway + 0.9 * unit)), WHITE)
        dash, gap = rng.uniform(16, 24) * unit, rng.uniform(12, 18) * unit
        for k in range(-12, 13):
            start = k * (dash + gap)
            lines.fill(frame.rectangle((start, start + dash), (-0.7 * unit, 0.7 * unit)), WHITE)
        if rng.random() < 0.5:
            at = rng.uniform(-60, 60) * unit
            for k in (-4, -3, -2, -1, 1, 2, 3, 4):
                bar = ((at, at + 22 * unit), ((k - 0.3) * 0.18 * runway, (k + 0.3) * 0.18 * runway))
                lines.fill(frame.rectangle(*bar), WHITE)
    else:
        half = rng.uniform(0.35, 0.6) * unit
        for across in rng.uniform(0, 90, rng.integers(1, 3)) * unit:
            lines.fill(frame.rectangle((-reach, reach), (across - half, across + half)), YELLOW)
            spacing, depth = rng.uniform(22, 60) * unit, rng.uniform(15, 50) * unit
            for k in range(-6, 7) if rng.random() < 0.7 else ():
                lines.fill(frame.rectangle((k * spacing - half, k * spacing + half), (across, across + depth)), YELLOW)
    if rng.random() < 0.45:
        _cross(rng, lines, height, width, unit)
    wear = np.clip(rng.uniform(0.55, 0.9) + 0.15 * smooth_noise(rng, (height, width), (12.0, 4.0)), 0, 1)
    return over(image, lines, wear * paved)


def _cross(rng: np.random.Generator, lines: Canvas, height: int, width: int, unit: float) -> None:
    """A painted cross: flat, with two equal straight bars, so that it is nearly an aircraft."""
    spot = Frame(rng.uniform(0, width), rng.uniform(0, height), rng.uniform(0, 2 * np.pi))
    arm = rng.uniform(8, 20) * unit
    half = arm * rng.uniform(0.08, 0.16)
    colour = WHITE if rng.random() < 0.5 else YELLOW
    lines.fill(spot.rectangle((-arm, arm), (-half, half)), colour)
    lines.fill(spot.rectangle((-half, half), (-arm, arm)), colour)
