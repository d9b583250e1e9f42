"""COCO instances: a JSON file (https://cocodataset.org/#format-data) beside folders of images."""

from pathlib import Path, PurePosixPath

from podium.config.layout import CocoLayout
from podium.data.layouts.places import find, images_below, name_in, resolve
from podium.data.quarantine import Quarantine
from podium.data.records import RawAnnotation, RawDataset, RawImage
from podium.errors import PodiumError
from podium.files import read_json


def read_coco(root: Path, layout: CocoLayout, quarantine: Quarantine) -> RawDataset:
    """Read the records of an extracted archive.

    Categories keep their names and the order of their ids, which need not be contiguous. Images that lie in the folder
    but are not in the JSON are not used, and noted.

    Raises
    ------
    PodiumError
        Where the JSON is missing or malformed, or its categories contradict each other.
    """
    path = find(root, layout.annotations, "annotations")
    file = name_in(root, path)
    content = read_json(path)
    lists = {key: content.get(key) if isinstance(content, dict) else None for key in _LISTS}
    for key, value in lists.items():
        if not isinstance(value, list):
            raise PodiumError(
                f"a COCO file has the lists {', '.join(_LISTS)}; {key!r} is {_kind(value)}", file=file, key=key
            )
    names = _categories(lists["categories"], file, quarantine)
    raw = RawDataset(categories=list(dict.fromkeys(names[number] for number in sorted(names))))
    folder = find(root, layout.train_images, "train_images")
    raw.images = _images(root, folder, lists["images"], file, quarantine)
    raw.annotations = _annotations(lists["annotations"], names, file, quarantine)
    listed = {image.path for image in raw.images}
    unlisted = [found for found in images_below(folder, quarantine, root) if found not in listed]
    if unlisted:
        examples = ", ".join(found.name for found in unlisted[:5])
        quarantine.note(
            f"folder {name_in(root, folder)}", f"{len(unlisted)} images are not in {file} and are not used: {examples}"
        )
    if layout.test_images is not None:
        raw.images += read_test_images(root, layout.test_images, quarantine)
    return raw


def read_test_images(root: Path, folder: str, quarantine: Quarantine) -> list[RawImage]:
    """Return all images of a folder as test images; their source ids and files are their paths in the archive."""
    found = images_below(find(root, folder, "test_images"), quarantine, root)
    return [RawImage(name_in(root, path), path.stem, path, name_in(root, path), "test") for path in found]


def mask_in(entry: dict) -> object | None:
    """Return an entry's segmentation; an empty list is how files without masks fill the key."""
    mask = entry.get("segmentation")
    return None if mask == [] else mask


_LISTS = ("images", "annotations", "categories")


def _categories(entries: list, file: str, quarantine: Quarantine) -> dict[int, str]:
    names: dict[int, str] = {}
    for position, entry in enumerate(entries):
        record = f"categories[{position}]"
        number, name = (entry.get("id"), entry.get("name")) if isinstance(entry, dict) else (None, None)
        if not _is_integer(number):
            raise PodiumError(f"a category's id is a whole number, not {number!r}", file=file, record=record, key="id")
        if not isinstance(name, str) or not name.strip():
            raise PodiumError(f"a category's name is a text, not {name!r}", file=file, record=record, key="name")
        if number in names and names[number] != name:
            raise PodiumError(
                f"two categories have the id {number}: {names[number]!r} and {name!r}",
                file=file,
                record=record,
                key="id",
                mend="give each category an id of its own, and its annotations the same",
            )
        if name in names.values():
            quarantine.mend(f"category {name}", "it is listed more than once; its entries are joined", file=file)
        names[number] = name
    if not names:
        raise PodiumError("there are no categories", file=file, key="categories")
    return names


def _images(root: Path, folder: Path, entries: list, file: str, quarantine: Quarantine) -> list[RawImage]:
    images = []
    for position, entry in enumerate(entries):
        record = f"images[{position}]"
        number, name = (entry.get("id"), entry.get("file_name")) if isinstance(entry, dict) else (None, None)
        if not _is_reference(number):
            quarantine.leave_out("image", record, f"its id is {number!r}", file=file, key="id")
            continue
        path, problem = None, None
        if not isinstance(name, str) or not name.strip():
            name, problem = str(number), f"its file_name is {name!r}"
        elif ".." in PurePosixPath(name).parts:
            problem = f"{name!r} leads out of the archive, or up and down in it"
        else:
            try:
                path = resolve(root, folder, name)
            except PodiumError as error:
                problem = error.problem
        size = (entry.get("width"), entry.get("height")) if "width" in entry or "height" in entry else None
        images.append(RawImage(number, PurePosixPath(name).stem, path, name, "train", size, problem))
    return images


def _annotations(entries: list, names: dict[int, str], file: str, quarantine: Quarantine) -> list[RawAnnotation]:
    annotations, seen = [], set()
    for position, entry in enumerate(entries):
        if not isinstance(entry, dict):
            quarantine.leave_out("annotation", f"annotations[{position}]", f"it is {_kind(entry)}", file=file)
            continue
        number = entry.get("id")
        record = f"annotation {number}" if _is_reference(number) else f"annotations[{position}]"
        problem, key = None, None
        if number is not None and not _is_reference(number):
            problem, key = f"its id is {number!r}", "id"
        elif number in seen:
            problem, key = f"another annotation has the id {number!r}: the first is kept", "id"
        elif not _is_reference(entry.get("image_id")):
            problem, key = f"its image_id is {entry.get('image_id')!r}", "image_id"
        elif not _is_integer(entry.get("category_id")) or entry["category_id"] not in names:
            problem, key = f"there is no category {entry.get('category_id')!r}", "category_id"
        if number is not None and problem is None:
            seen.add(number)
        if problem:
            quarantine.leave_out("annotation", record, problem, file=file, key=key)
            continue
        annotations.append(
            RawAnnotation(
                record,
                file,
                entry["image_id"],
                names[entry["category_id"]],
                bbox=entry.get("bbox"),
                mask=mask_in(entry),
                iscrowd=entry.get("iscrowd", 0),
            )
        )
    return annotations


def _is_integer(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def _is_reference(value: object) -> bool:
    return _is_integer(value) or (isinstance(value, str) and bool(value))


def _kind(value: object) -> str:
    return "missing" if value is None else f"a {type(value).__name__}"
