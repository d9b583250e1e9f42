"""What stands about in the generated competition besides aircraft: buildings, hangars, tanks, vehicles, trees."""

from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from podium.data.generated.raster import Canvas, Frame, disc

ROOFS = [(168, 164, 158), (112, 116, 122), (196, 194, 188), (140, 98, 80), (98, 120, 132), (206, 204, 200)]
VEHICLES = [(230, 230, 228), (60, 64, 70), (170, 44, 40), (214, 182, 60), (52, 84, 140), (180, 182, 184)]


@dataclass
class Thing:
    """A solid thing: its polygons with their colours, lowest first, and how high it stands in pixels."""

    height: float
    polygons: list[tuple[np.ndarray, np.ndarray]] = field(default_factory=list)

    def add(self, polygon: np.ndarray, colour: np.ndarray | tuple[float, float, float]) -> None:
        """Add a polygon of picture points, painted over those before it."""
        self.polygons.append((polygon, np.asarray(colour, float)))

    def footprint(self, height: int, width: int) -> np.ndarray:
        """Return which pixels of a picture of this size it touches: (h, w) bool."""
        canvas = Canvas(height, width)
        for polygon, _ in self.polygons:
            canvas.fill(polygon)
        return canvas.coverage() > 0


def building(rng: np.random.Generator, spot: Frame, unit: float, sun: float) -> Thing:
    """A house or a hangar with a lit and a shaded roof; some have a wing, and so the outline of a cross or a T."""
    length, half = rng.uniform(12, 38) * unit, rng.uniform(6, 14) * unit
    thing = Thing(height=rng.uniform(3, 9) * unit)
    roof = np.array(ROOFS[rng.integers(len(ROOFS))]) + rng.uniform(-12, 12)
    _roof(thing, spot, length, half, roof, sun, rounded=rng.random() < 0.35)
    if rng.random() < 0.35:
        aside = spot.at([(rng.uniform(-0.5, 0.6) * length, 0)])[0]
        _roof(thing, Frame(*aside, spot.angle + np.pi / 2), half * rng.uniform(1.3, 2.0), half * 0.45, roof, sun, False)
    for _ in range(rng.integers(0, 6)):
        a, b = rng.uniform(-0.8, 0.8) * length, rng.uniform(-0.7, 0.7) * half
        size = rng.uniform(0.8, 2.2) * unit
        thing.add(spot.rectangle((a, a + size), (b, b + size)), roof * rng.uniform(0.6, 1.2))
    return thing


def _roof(thing: Thing, spot: Frame, length: float, half: float, colour: np.ndarray, sun: float, rounded: bool) -> None:
    sunny_side = np.sin(sun - spot.angle)
    strips = 7 if rounded else 2
    edges = np.linspace(-half, half, strips + 1)
    for low, high in pairwise(edges):
        slope = (low + high) / (2 * half)
        thing.add(spot.rectangle((-length, length), (low, high)), colour * (1 + 0.28 * slope * sunny_side))
    for along in np.arange(-length, length, max(2.0, half / 3)):
        thing.add(spot.rectangle((along, along + 0.1), (-half, half)), colour * 0.9)


def tank(rng: np.random.Generator, spot: Frame, unit: float, sun: float) -> Thing:
    """A round storage tank."""
    radius = rng.uniform(4, 10) * unit
    thing = Thing(height=radius * 0.7)
    tone = np.array([214, 212, 206]) + rng.uniform(-40, 10)
    towards = np.array([np.cos(sun), np.sin(sun)])
    for share, shade in ((1.0, 0.84), (0.85, 0.95), (0.6, 1.0), (0.3, 1.05)):
        thing.add(
            disc(radius * share, radius * share, 24) + (spot.x, spot.y) + towards * radius * (1 - share) * 0.4,
            tone * shade,
        )
    return thing


def vehicles(rng: np.random.Generator, spot: Frame, unit: float, sun: float) -> Thing:
    """A vehicle, a lorry or a row of parked cars."""
    thing = Thing(height=1.2 * unit)
    length, half = (rng.uniform(5, 9), rng.uniform(1.1, 1.5)) if rng.random() < 0.35 else (rng.uniform(2.6, 3.6), 0.8)
    for k in range(rng.integers(2, 9) if length < 4 and rng.random() < 0.5 else 1):
        if k and rng.random() < 0.2:
            continue
        place = Frame(*spot.at([(0, k * 2.6 * unit)])[0], spot.angle + rng.uniform(-0.05, 0.05))
        colour = np.array(VEHICLES[rng.integers(len(VEHICLES))]) + rng.uniform(-15, 15)
        thing.add(place.rectangle((0, length * unit), (-half * unit, half * unit)), colour)
        glass = (length * 0.66 * unit, length * 0.78 * unit)
        thing.add(place.rectangle(glass, (-0.8 * half * unit, 0.8 * half * unit)), (40, 46, 54))
    return thing


def container(rng: np.random.Generator, spot: Frame, unit: float, sun: float) -> Thing:
    """A long bright box, much like a fuselage without wings."""
    length, half = rng.uniform(6, 20) * unit, rng.uniform(1.2, 2.6) * unit
    thing = Thing(height=2.5 * unit)
    tone = np.array([222, 222, 218]) * rng.uniform(0.6, 1.05)
    thing.add(spot.rectangle((-length, length), (-half, half)), tone * 0.86)
    thing.add(spot.rectangle((-length, length), (-0.6 * half, 0.6 * half)), tone)
    return thing


def trees(rng: np.random.Generator, spot: Frame, unit: float, sun: float) -> Thing:
    """A clump of trees, each a few lit crowns."""
    thing = Thing(height=4 * unit)
    towards = np.array([np.cos(sun), np.sin(sun)])
    for _ in range(rng.integers(2, 9)):
        centre = spot.at([rng.normal(0, 7, 2) * unit])[0]
        radius = rng.uniform(2, 4.5) * unit
        tone = np.array([58, 76, 44]) * rng.uniform(0.75, 1.2)
        for share, shade in ((1.0, 0.7), (0.75, 1.0), (0.4, 1.25)):
            ragged = disc(radius * share, radius * share, 11) * rng.uniform(0.75, 1.1, (11, 1))
            thing.add(ragged + centre + towards * radius * (1 - share) * 0.5, tone * shade)
    return thing
