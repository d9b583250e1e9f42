"""A scene of the generated competition: ground, clutter and aircraft under one sun, seen by one camera."""

from dataclasses import dataclass

import numpy as np

from podium.data.generated import aircraft, clutter
from podium.data.generated.aircraft import Aircraft
from podium.data.generated.ground import Ground, lay, over
from podium.data.generated.raster import SAMPLES, Canvas, Frame, blur, smooth_noise

FULL = SAMPLES**2
MIN_VISIBLE_PIXELS = 12
MIN_VISIBLE_SHARE = 0.4
MAX_AIRCRAFT = 12
TRAFFIC = {"airliner": 23, "jumbo": 10, "business": 16, "turboprop": 13, "light": 10, "delta": 14, "fighter": 14}
"""How common each design is, in percent."""


@dataclass(frozen=True)
class Scene:
    """A photograph (h, w, 3) uint8 and the exact mask (h, w) bool of every aircraft in it; masks do not overlap."""

    image: np.ndarray
    masks: list[np.ndarray]


class Parked:
    """The aircraft of a scene, with the room that they take."""

    def __init__(self, height: int, width: int):
        self.shape = (height, width)
        self.taken = np.zeros(self.shape, np.uint16)
        self.placed: list[tuple[Aircraft, np.ndarray]] = []

    def try_add(self, craft: Aircraft) -> bool:
        """Add an aircraft, unless too little of it shows or it would overlap another one."""
        height, width = self.shape
        rows, columns, patch = window(craft, height, width)
        visible = craft.coverage[patch]
        area = np.count_nonzero(visible * 2 >= FULL)
        if area < MIN_VISIBLE_PIXELS or area < MIN_VISIBLE_SHARE * np.count_nonzero(craft.coverage * 2 >= FULL):
            return False
        taken = self.taken[rows, columns]
        # Two that share a pixel's samples overlap; half a pixel each would make both masks claim it.
        if np.any((taken > 0) & (visible > 0) & (taken + visible >= FULL)):
            return False
        taken += visible
        mask = np.zeros(self.shape, bool)
        mask[rows, columns] = visible * 2 >= FULL
        self.placed.append((craft, mask))
        return True


def window(craft: Aircraft, height: int, width: int) -> tuple[slice, slice, tuple[slice, slice]]:
    """Return the picture's rows and columns that an aircraft's patch covers, and the same place within the patch."""
    patch_height, patch_width = craft.coverage.shape
    rows = slice(min(max(craft.top, 0), height), max(min(craft.top + patch_height, height), 0))
    columns = slice(min(max(craft.left, 0), width), max(min(craft.left + patch_width, width), 0))
    inside = (
        slice(rows.start - craft.top, rows.stop - craft.top),
        slice(columns.start - craft.left, columns.stop - craft.left),
    )
    return rows, columns, inside


def draw_scene(rng: np.random.Generator, height: int, width: int, unit: float, empty: bool) -> Scene:
    """Draw a scene.

    Parameters
    ----------
    rng
        Decides everything but what the other parameters say.
    height, width
        Size in pixels.
    unit
        Number of pixels in a unit of drawing: scales whatever is drawn.
    empty
        Whether the scene holds no aircraft; otherwise it holds one at least and MAX_AIRCRAFT at most.
    """
    sun = rng.uniform(0, 2 * np.pi)
    ground = lay(rng, (height, width), unit)
    parked = Parked(height, width)
    if not empty:
        _park(rng, parked, ground, unit, sun)
    things = _clutter(rng, parked.taken > 0, ground, unit, sun)

    image = _shaded(rng, ground.image, things, [craft for craft, _ in parked.placed], sun)
    solid = Canvas(height, width)
    for thing in things:
        for polygon, colour in thing.polygons:
            solid.fill(polygon, colour)
    image = over(image, solid)
    for craft, _ in parked.placed:
        rows, columns, patch = window(craft, height, width)
        alpha = (craft.coverage[patch] / FULL)[..., None]
        image[rows, columns] = image[rows, columns] * (1 - alpha) + craft.colour[patch]
    return Scene(_photographed(rng, image), [mask for _, mask in parked.placed])


def _park(rng: np.random.Generator, parked: Parked, ground: Ground, unit: float, sun: float) -> None:
    """Park aircraft singly and in rows. One scale holds for the scene: an airliner's length in pixels."""
    airliner = np.exp(rng.uniform(np.log(50), np.log(80)))
    wanted = rng.choice(np.arange(1, MAX_AIRCRAFT + 1), p=np.array([14, 14, 13, 12, 11, 9, 8, 6, 5, 3, 3, 2]) / 100)
    for _ in range(200):
        room = wanted - len(parked.placed)
        if room <= 0:
            return
        design = aircraft.jittered(
            aircraft.DESIGNS[rng.choice(list(TRAFFIC), p=np.array(list(TRAFFIC.values())) / 100)], rng
        )
        length = np.clip(design.length * airliner, 16, 80) * unit
        spot = _spot(rng, parked.shape, ground, margin=0.1 * length)
        livery = aircraft.draw_livery(rng, design.military)
        if room >= 3 and rng.random() < 0.5:
            _park_row(rng, parked, design, livery, spot, length, sun, room)
        else:
            parked.try_add(aircraft.paint(rng, aircraft.build(design), livery, spot, length, sun))
    # A crowded picture may hold fewer than wanted, never none: nothing stands in the way of the first.


def _park_row(
    rng: np.random.Generator,
    parked: Parked,
    design: aircraft.Design,
    livery: aircraft.Livery,
    spot: Frame,
    length: float,
    sun: float,
    room: int,
) -> None:
    """Park aircraft of one design side by side, wing tip to wing tip or somewhat apart."""
    lean = rng.uniform(-0.5, 0.5) if rng.random() < 0.5 else 0.0
    gap = rng.uniform(1.0, 4.0) if rng.random() < 0.6 else rng.uniform(4, 12)
    step = (2 * design.wing_reach * length + gap) / np.cos(lean)
    row = Frame(spot.x, spot.y, spot.angle - np.pi / 2 - lean)
    for k in range(min(room, rng.integers(3, 8))):
        place = row.at([(k * step, rng.normal(0, 0.3))])[0]
        own = livery if rng.random() < 0.75 else aircraft.draw_livery(rng, design.military)
        frame = Frame(*place, spot.angle + rng.normal(0, 0.012))
        parked.try_add(aircraft.paint(rng, aircraft.build(design), own, frame, length, sun))


def _spot(rng: np.random.Generator, shape: tuple[int, int], ground: Ground, margin: float) -> Frame:
    """Draw a place and a heading: mostly on the pavement and square to it, where there is any."""
    height, width = shape
    place = rng.uniform((-margin, -margin), (width + margin, height + margin))
    for _ in range(6):
        column, row = (int(np.clip(v, 0, side - 1)) for v, side in zip(place, (width, height), strict=True))
        if ground.paved[row, column]:
            break
        place = rng.uniform((-margin, -margin), (width + margin, height + margin))
    square = ground.frame.angle + rng.integers(4) * np.pi / 2 + rng.normal(0, 0.1)
    return Frame(*place, square if rng.random() < 0.45 else rng.uniform(0, 2 * np.pi))


def _clutter(
    rng: np.random.Generator, taken: np.ndarray, ground: Ground, unit: float, sun: float
) -> list[clutter.Thing]:
    """Put things where no aircraft stands and no other thing does."""
    height, width = taken.shape
    blocked = blur(taken.astype(np.float64), 1.2) > 0.02
    makers = [clutter.building, clutter.tank, clutter.vehicles, clutter.container, clutter.trees]
    things = []
    for _ in range(rng.integers(3, 16)):
        make = makers[rng.choice(len(makers), p=[0.22, 0.06, 0.42, 0.16, 0.14])]
        angle = ground.frame.angle + rng.integers(4) * np.pi / 2 if rng.random() < 0.6 else rng.uniform(0, 2 * np.pi)
        spot = Frame(rng.uniform(0, width), rng.uniform(0, height), angle)
        thing = make(rng, spot, unit, sun)
        footprint = thing.footprint(height, width)
        kept_clear = (
            ground.paved if make is clutter.trees or (ground.runway and make is not clutter.vehicles) else False
        )
        if not np.any(footprint & (blocked | kept_clear)):
            blocked |= footprint
            things.append(thing)
    return things


def _shaded(
    rng: np.random.Generator, image: np.ndarray, things: list[clutter.Thing], crafts: list[Aircraft], sun: float
) -> np.ndarray:
    """Darken the ground by the soft shadows of everything that stands on it."""
    height, width = image.shape[:2]
    shadow, away = Canvas(height, width), -np.array([np.cos(sun), np.sin(sun)]) * rng.uniform(0.5, 1.3)
    for thing in things:
        for polygon, _ in thing.polygons:
            # The shadow of a wall is what the outline sweeps over.
            for share in np.linspace(0, 1, int(thing.height) + 2):
                shadow.fill(polygon + away * thing.height * share)
    for craft in crafts:
        size = max(craft.coverage.shape)
        for outline in craft.outlines:
            shadow.fill(outline + away * (0.5 + 0.055 * size))
    soft = blur(shadow.coverage() / FULL, rng.uniform(0.5, 1.0)) * rng.uniform(0.3, 0.62)
    return image * (1 - soft[..., None] * (1.0, 0.96, 0.88))


def _photographed(rng: np.random.Generator, image: np.ndarray) -> np.ndarray:
    """Turn the scene into a photograph: optics, haze, exposure, colour cast, sensor noise."""
    image = blur(image, rng.uniform(0.3, 0.55))
    contrast, level = rng.uniform(0.78, 1.12), rng.uniform(-22, 14)
    image = (image - 128) * contrast + 128 + level
    image = image * rng.uniform(0.95, 1.05, 3) * (1 + 0.02 * smooth_noise(rng, image.shape[:2], (90.0,))[..., None])
    image = image + rng.uniform(1.0, 4.0) * rng.standard_normal((*image.shape[:2], 1))
    image = image + rng.uniform(0.5, 2.5) * rng.standard_normal(image.shape)
    return np.clip(np.rint(image), 0, 255).astype(np.uint8)
