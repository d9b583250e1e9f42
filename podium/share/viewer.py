"""The viewer: a page that opens from disk, and the data that it draws.

A page from disk may not fetch files, but it may load scripts: each image's objects are one, `data/images/<stem>.js`,
loaded when it is looked at; `data/index.js` has what the list of all images needs.
"""

import json
from bisect import bisect_right
from collections.abc import Iterable, Sequence
from pathlib import Path

import jinja2

from podium.files import write_text
from podium.report.pictures import Colour
from podium.share.images import SharedImage
from podium.share.objects import SharedObject
from podium.share.outlines import Part, smoothed
from podium.share.pictures import Pictures

FOLDER = Path(__file__).parent


def steps_of(thresholds: Iterable[float]) -> list[float]:
    """Return what the slider can be set to: whole percents, and the thresholds: with these what counts is shown."""
    return sorted({*thresholds, *(percent / 100 for percent in range(101))})


def step(score: float, steps: Sequence[float]) -> int:
    """Return the place of the highest step that a score reaches, 0 at least."""
    return max(bisect_right(steps, score) - 1, 0)


def write_page(folder: Path, title: str) -> None:
    """Write `index.html`, `viewer.css` and `viewer.js`."""
    for name in ("viewer.css", "viewer.js"):
        write_text(folder / name, (FOLDER / name).read_text(encoding="utf-8"))
    environment = jinja2.Environment(autoescape=True, undefined=jinja2.StrictUndefined, keep_trailing_newline=True)
    page = environment.from_string((FOLDER / "viewer.html").read_text(encoding="utf-8"))
    write_text(folder / "index.html", page.render(title=title))


def write_objects(
    folder: Path,
    image: SharedImage,
    predictions: Sequence[SharedObject],
    truth: Sequence[SharedObject] | None,
    tolerance: float,
) -> None:
    """Write `data/images/<stem>.js`. Outlines are smoothed to within `tolerance` pixels of the image."""
    content = {
        "predictions": [_object(each, tolerance) for each in predictions],
        "truth": None if truth is None else [_object(each, tolerance) for each in truth],
    }
    _write_call(folder / "data" / "images" / f"{image.stem}.js", "image", image.stem, content)


def index_entry(
    image: SharedImage,
    pictures: Pictures,
    predictions: Sequence[SharedObject],
    truth: Sequence[SharedObject] | None,
    steps: Sequence[float],
) -> dict:
    """Return what the list knows of an image: of each category the steps that scores reach, and how many are true."""
    scores: dict[int, list[int]] = {}
    for each in predictions:
        scores.setdefault(each.place, []).append(step(each.score, steps))
    counts: dict[int, int] = {}
    for each in truth or ():
        counts[each.place] = counts.get(each.place, 0) + 1
    return {
        "key": str(image.entry["key"]),
        "stem": image.stem,
        "part": image.part,
        "size": list(image.size),
        "files": [pictures.picture, pictures.annotated, pictures.thumbnail],
        "scores": list(scores.items()),
        "truth": None if truth is None else list(counts.items()),
    }


def write_index(
    folder: Path,
    images: Sequence[dict],
    categories: Sequence[str],
    colours: Sequence[Colour],
    steps: Sequence[float],
    threshold: float,
    **more,
) -> None:
    """Write `data/index.js`; `colours` are those of the categories, or with one category of its objects in turn.

    `threshold`, with which the page begins, is one of the steps.
    """
    content = {
        "categories": list(categories),
        "colours": [f"rgb({red} {green} {blue})" for red, green, blue in colours],
        "steps": list(steps),
        "threshold": threshold,
        "images": list(images),
        **more,
    }
    _write_call(folder / "data" / "index.js", "index", content)


def _object(each: SharedObject, tolerance: float) -> dict:
    found = {"category": each.place, "box": [round(float(value), 1) for value in each.box]}
    if each.score is not None:
        found["score"] = each.score
    if each.crowd:
        found["crowd"] = True
    if each.mask:
        found["path"] = path(each.parts, tolerance)
    return found


def path(parts: Sequence[Part], tolerance: float) -> str:
    """Return outlines as the data of an SVG path in half pixels, for filling by the even-odd rule."""
    words = []
    for ring in (smoothed(ring, tolerance) for part in parts for ring in part):
        points = (2 * ring).round().astype(int)
        steps = (points[1:] - points[:-1]).ravel()
        words.append(f"M{points[0, 0]} {points[0, 1]}l{' '.join(map(str, steps.tolist()))}z")
    return "".join(words).replace(" -", "-")


def _write_call(file: Path, function: str, *arguments: object) -> None:
    # Without a < there is nothing that could end a script, wherever the file is put.
    texts = [json.dumps(each, allow_nan=False, separators=(",", ":")).replace("<", "\\u003c") for each in arguments]
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(f"podium.{function}({','.join(texts)});\n", encoding="ascii", newline="\n")
