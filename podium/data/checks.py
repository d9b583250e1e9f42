"""Checks of raw records: what comes out is right, and what was wrong is listed."""

from collections import defaultdict
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath

from pycocotools import mask as coco_mask

from podium.data import masks
from podium.data.images import examine, read_mask
from podium.data.quarantine import Quarantine
from podium.data.records import RawAnnotation, RawDataset, RawImage
from podium.errors import PodiumError
from podium.files import file_digest

# COCO files round to two decimals: less than this outside is no fault of a box.
_ROUNDING = 0.011
# Polygons run along the outer edge of border pixels, and tools differ by a pixel in where that is.
_POLYGON_BORDER = 1.0


@dataclass(frozen=True)
class Task:
    """An image and its annotations, to be checked together."""

    image: RawImage
    annotations: tuple[RawAnnotation, ...] = ()


@dataclass
class Checked:
    """What is left of a task.

    `annotations` are COCO entries without ids, their `category_id` being still a name under `category`.
    An image that was left out has no size.
    """

    image: RawImage
    size: tuple[int, int] | None = None
    digest: str = ""
    annotations: list[dict] = field(default_factory=list)
    found: Quarantine = field(default_factory=Quarantine)


class _Wrong(Exception):
    """An annotation that cannot be used: the problem, and the key in the record."""

    def __init__(self, problem: str, key: str):
        super().__init__(problem)
        self.problem, self.key = problem, key


def distinct_images(images: Sequence[RawImage], quarantine: Quarantine) -> list[RawImage]:
    """Return the images that have a source id and a key of their own, in the order of keys.

    - A file listed twice is kept once. Different files with one source id are all left out: nobody knows whose the
      annotations are.
    - Files of one name in different folders get their paths as keys, which is noted. Where these are equal too (`a.png`
      beside `a.jpg`), the first is kept.
    """
    by_id: dict[Hashable, list[RawImage]] = defaultdict(list)
    for image in images:
        by_id[image.source_id].append(image)
    single = []
    for same in by_id.values():
        kept = same[:1] if len({image.file for image in same}) == 1 else []
        for image in same[len(kept) :]:
            problem = (
                "it is listed twice: the first is kept" if kept else f"several images have the id {image.source_id}"
            )
            quarantine.leave_out("image", f"image {image.key}", problem, file=image.file, key="id")
        single += kept

    by_key: dict[str, list[RawImage]] = defaultdict(list)
    for image in single:
        by_key[image.key].append(image)
    kept_by_key: dict[str, RawImage] = {}
    for key in sorted(by_key):
        same = sorted(by_key[key], key=lambda image: image.file)
        files = {image.path or image.file for image in same}
        if len(files) > 1:
            same = [replace(image, key=str(PurePosixPath(image.file).with_suffix(""))) for image in same]
            quarantine.note(
                f"image {key}", f"{len(files)} files have this name: their paths are their keys", key="file_name"
            )
        for image in same:
            if image.key in kept_by_key:
                problem = f"the file {kept_by_key[image.key].file} has the same key and is kept"
                quarantine.leave_out("image", f"image {image.key}", problem, file=image.file, key="file_name")
            else:
                kept_by_key[image.key] = image
    return [kept_by_key[key] for key in sorted(kept_by_key)]


def drop_categories(raw: RawDataset, names: Sequence[str], quarantine: Quarantine) -> None:
    """Remove categories and their annotations, which are counted; images stay.

    Raises
    ------
    PodiumError
        A name is not one of the dataset's categories, or none of these is left.
    """
    unknown = [name for name in names if name not in raw.categories]
    if unknown:
        raise PodiumError(
            f"there is no category {', '.join(map(repr, unknown))}",
            key="checks.drop_categories",
            mend=f"take names from the dataset's: {', '.join(raw.categories)}",
        )
    if names and not set(raw.categories) - set(names):
        raise PodiumError("no category is left", key="checks.drop_categories", mend="drop fewer categories")
    for name in dict.fromkeys(names):
        number = sum(annotation.category == name for annotation in raw.annotations)
        quarantine.drop(f"category {name}", number, f"its {number} annotations were left out, as configured")
    raw.categories = [name for name in raw.categories if name not in names]
    raw.annotations = [annotation for annotation in raw.annotations if annotation.category not in names]


def check_image(task: Task) -> Checked:
    """Check an image with its annotations. Everything found goes into the result; nothing is raised for bad records."""
    checked = Checked(task.image)
    image, found = task.image, checked.found
    record = f"image {image.key}"
    try:
        declared = _declared(image)
        if image.problem:
            raise _Wrong(image.problem, "file_name")
        if image.path is None:
            raise _Wrong("the image is missing", "file_name")
        try:
            size, orientation = examine(image.path, declared)
        except PodiumError as error:
            raise _Wrong(error.problem, "file_name") from None
        if declared and size != declared:
            turned = f" (EXIF orientation {orientation})" if orientation != 1 else ""
            raise _Wrong(
                f"the image is {size[0]} x {size[1]} pixels{turned}, its record says {declared[0]} x {declared[1]}",
                "width" if size[0] != declared[0] else "height",
            )
    except _Wrong as wrong:
        found.leave_out("image", record, wrong.problem, file=image.file, key=wrong.key)
        for annotation in task.annotations:
            found.leave_out(
                "orphan", f"{annotation.record} of {record}", "its image was left out", file=annotation.file
            )
        return checked

    if orientation != 1:
        found.note(
            record,
            f"its EXIF orientation is {orientation}; pixels are used as they are stored, unless turning them gives the "
            f"size that its record states",
            file=image.file,
        )
    checked.size, checked.digest = size, file_digest(image.path)
    for annotation in task.annotations:
        name = f"{annotation.record} of {record}"
        try:
            entry, mended = check_annotation(annotation, *size)
        except _Wrong as wrong:
            found.leave_out("annotation", name, wrong.problem, file=annotation.file, key=wrong.key)
            continue
        for problem, key in mended:
            found.mend(name, problem, file=annotation.file, key=key)
        checked.annotations.append(entry)
    _note_overlap(task, checked, record)
    return checked


def check_annotation(annotation: RawAnnotation, width: int, height: int) -> tuple[dict, list[tuple[str, str]]]:
    """Return an annotation as a COCO entry (without ids; `category` is a name), and what was mended: (problem, key).

    Where there is a mask, `bbox` is the tight box around it and `area` its pixels; elsewhere the box as it is written,
    cut at the image's border, and its area.
    """
    mended: list[tuple[str, str]] = []
    if annotation.iscrowd not in (0, 1):
        raise _Wrong(f"iscrowd is 0 or 1, not {annotation.iscrowd!r}", "iscrowd")
    entry: dict = {"category": annotation.category, "iscrowd": int(annotation.iscrowd)}
    if annotation.bbox is None and annotation.mask is None:
        raise _Wrong("it has neither a box nor a mask", "bbox")
    box, outside = None, 0.0
    if annotation.bbox is not None:
        box, outside = _box(annotation.bbox, width, height)
    if annotation.mask is None:
        if outside > _ROUNDING:
            mended.append((f"the box {_short(annotation.bbox)} reaches {outside:g} pixels outside and was cut", "bbox"))
        return {**entry, "bbox": box, "area": box[2] * box[3]}, mended

    rle = _rle(annotation.mask, width, height, mended)
    if masks.area(rle) == 0:
        raise _Wrong("the mask is empty", "segmentation")
    tight = masks.box_of(rle)
    if box is not None:
        if _apart(box, tight):
            raise _Wrong(f"the box {_short(annotation.bbox)} lies apart from the mask, whose box is {tight}", "bbox")
        if outside > _POLYGON_BORDER:
            mended.append(
                (f"the box {_short(annotation.bbox)} reaches outside; the mask's box {tight} is used", "bbox")
            )
    return {**entry, "bbox": tight, "area": float(masks.area(rle)), "segmentation": rle}, mended


def _declared(image: RawImage) -> tuple[int, int] | None:
    if image.size is None or image.size == (None, None):
        return None
    for key, value in zip(("width", "height"), image.size, strict=True):
        whole = _is_number(value) and value == int(value)
        if not whole or value < 1:
            raise _Wrong(f"the record's {key} is {value!r}", key)
    return int(image.size[0]), int(image.size[1])


def _box(bbox: object, width: int, height: int) -> tuple[list[float], float]:
    """Return the box cut at the border, and by how many pixels it reached outside."""
    if not isinstance(bbox, (list, tuple)) or len(bbox) != 4 or not all(_is_number(value) for value in bbox):
        raise _Wrong(f"a box is four finite numbers x, y, w, h, not {_short(bbox)}", "bbox")
    x, y, w, h = (float(value) for value in bbox)
    if w <= 0 or h <= 0:
        raise _Wrong(f"the box {_short(bbox)} has no area", "bbox")
    left, top, right, bottom = max(x, 0.0), max(y, 0.0), min(x + w, float(width)), min(y + h, float(height))
    if left >= right or top >= bottom:
        raise _Wrong(f"the box {_short(bbox)} lies outside the image of {width} x {height}", "bbox")
    outside = max(left - x, top - y, x + w - right, y + h - bottom)
    return ([x, y, w, h] if outside <= 0 else [left, top, right - left, bottom - top]), outside


def _rle(mask: object, width: int, height: int, mended: list[tuple[str, str]]) -> masks.Rle:
    if isinstance(mask, Path):
        return _rle_of_picture(mask, width, height, mended)
    if isinstance(mask, dict):
        return _rle_of_code(mask, width, height)
    if isinstance(mask, (list, tuple)):
        return masks.polygons_to_rle(_polygons(mask, width, height, mended), height, width)
    raise _Wrong(f"a mask is a list of polygons or a run-length code, not a {type(mask).__name__}", "segmentation")


def _rle_of_picture(path: Path, width: int, height: int, mended: list[tuple[str, str]]) -> masks.Rle:
    try:
        mask, two_values = read_mask(path)
    except PodiumError as error:
        raise _Wrong(error.problem.replace("the image", "the mask"), "segmentation") from None
    if mask.shape != (height, width):
        raise _Wrong(f"the mask is {mask.shape[1]} x {mask.shape[0]}, its image {width} x {height}", "segmentation")
    if not two_values:
        mended.append(("the mask has shades: pixels brighter than half of the brightest are taken", "segmentation"))
    return masks.encode(mask)


def _rle_of_code(code: dict, width: int, height: int) -> masks.Rle:
    size, counts = code.get("size"), code.get("counts")
    if size != [height, width]:
        raise _Wrong(
            f"the mask's size (height, width) is {_short(size)}, its image's {[height, width]}", "segmentation.size"
        )
    try:
        if isinstance(counts, str):
            counts = masks.counts_to_runs(counts).tolist()
        if not isinstance(counts, list):
            raise ValueError(f"counts are a text or a list, not a {type(counts).__name__}")
        return masks.runs_to_rle(counts, height, width)
    except ValueError as error:
        raise _Wrong(f"the mask's code is wrong: {error}", "segmentation.counts") from None


def _polygons(mask: Sequence, width: int, height: int, mended: list[tuple[str, str]]) -> list[list[float]]:
    if all(isinstance(value, (int, float)) for value in mask):
        mended.append(("the segmentation is one list of numbers: it is taken as one polygon", "segmentation"))
        mask = [mask]
    polygons, thin = [], 0
    for part in mask:
        if not isinstance(part, (list, tuple)) or not all(_is_number(value) for value in part):
            raise _Wrong(f"a polygon is a list of finite numbers, not {_short(part)}", "segmentation")
        if len(part) % 2:
            raise _Wrong(f"a polygon has {len(part)} numbers: one coordinate is missing", "segmentation")
        if len(part) < 6:
            thin += 1
            continue
        xs, ys = part[0::2], part[1::2]
        outside = max(-min(xs), -min(ys), max(xs) - width, max(ys) - height)
        if -min(xs) > width or -min(ys) > height or max(xs) > 2 * width or max(ys) > 2 * height:
            raise _Wrong(
                f"a polygon reaches {outside:g} pixels outside, farther than the image is large", "segmentation"
            )
        if outside > _POLYGON_BORDER:
            mended.append((f"a polygon reaches {outside:g} pixels outside and was cut", "segmentation"))
        polygons.append(part)
    if not polygons:
        raise _Wrong(f"a polygon has at least three points, not {len(mask[0]) // 2}", "segmentation")
    if thin:
        mended.append((f"{thin} of {len(mask)} polygons have less than three points and were dropped", "segmentation"))
    return polygons


def _note_overlap(task: Task, checked: Checked, record: str) -> None:
    """Note masks that share pixels where each is a picture of its own: there, an image's masks are meant not to."""
    if not any(isinstance(annotation.mask, Path) for annotation in task.annotations):
        return
    codes = [entry["segmentation"] for entry in checked.annotations]
    shared = sum(masks.area(code) for code in codes) - (masks.area(coco_mask.merge(codes)) if codes else 0)
    if shared:
        checked.found.note(
            record, f"its masks overlap by {shared} pixels; they are kept as they are", file=task.image.file
        )


def _apart(box: Sequence[float], other: Sequence[float]) -> bool:
    """Tell whether two boxes [x, y, w, h] are more than a pixel apart."""
    return any(
        box[axis] > other[axis] + other[axis + 2] + 1 or other[axis] > box[axis] + box[axis + 2] + 1 for axis in (0, 1)
    )


def _is_number(value: object) -> bool:
    # Neither NaN nor infinite, nor an integer that no float holds.
    return isinstance(value, (int, float)) and not isinstance(value, bool) and -1e15 < value < 1e15


def _short(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 80 else text[:77] + "…"
