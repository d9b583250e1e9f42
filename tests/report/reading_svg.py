"""Reading a plot back: where its line goes, in the units of its axes."""

import re
from xml.etree import ElementTree

import numpy as np

SVG = "{http://www.w3.org/2000/svg}"


def texts(svg: str) -> list[str]:
    """Return what is written in a plot."""
    return ["".join(each.itertext()).strip() for each in ElementTree.fromstring(svg).iter(f"{SVG}text")]


def line(svg: str, name: str) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of the points of the line with the id `name`, read off linear axes by their ticks."""
    group = _group(svg, name)
    points = np.array(re.findall(r"[ML] ([\d.-]+) ([\d.-]+)", group.find(f"{SVG}path").get("d")), dtype=float)
    return _on_axis(svg, "x", points[:, 0]), _on_axis(svg, "y", points[:, 1])


def _on_axis(svg: str, axis: str, places: np.ndarray) -> np.ndarray:
    ticks = []
    while (tick := _group(svg, f"{axis}tick_{len(ticks) + 1}")) is not None:
        place = next(tick.iter(f"{SVG}use")).get(axis)
        ticks.append((float(place), float("".join(next(tick.iter(f"{SVG}text")).itertext()))))
    (first, low), (last, high) = ticks[0], ticks[-1]
    return low + (places - first) / (last - first) * (high - low)


def _group(svg: str, name: str) -> ElementTree.Element | None:
    return next((each for each in ElementTree.fromstring(svg).iter(f"{SVG}g") if each.get("id") == name), None)


def dots(svg: str, name: str) -> list[float]:
    """Return the heights of the markers of all lines with the id `name`, read off a linear axis."""
    groups = [each for each in ElementTree.fromstring(svg).iter(f"{SVG}g") if each.get("id") == name]
    places = [float(each.get("y")) for group in groups for each in group.iter(f"{SVG}use")]
    return _on_axis(svg, "y", np.array(places)).tolist()
