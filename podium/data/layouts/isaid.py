"""A flat JSON list with an entry per object, as iSAID subsets are shipped: file_name, image_id, bbox, segmentation."""

from pathlib import Path, PurePosixPath

from podium.config.layout import IsaidLayout
from podium.data.layouts.coco import mask_in, read_test_images
from podium.data.layouts.places import find, images_below, name_in, resolve
from podium.data.quarantine import Quarantine
from podium.data.records import RawAnnotation, RawDataset, RawImage
from podium.errors import PodiumError
from podium.files import read_json


def read_isaid(root: Path, layout: IsaidLayout, quarantine: Quarantine) -> RawDataset:
    """Read the records of an extracted archive.

    All images of the training folder count: those that the list does not name have no objects. An entry belongs to the
    image that its `file_name` names; an `image_id` that contradicts the one of earlier entries of that file, or that
    earlier entries gave to another file, leaves the entry out.

    Raises
    ------
    PodiumError
        Where the list is missing or malformed.
    """
    path = find(root, layout.annotations, "annotations")
    file = name_in(root, path)
    entries = read_json(path)
    if not isinstance(entries, list):
        raise PodiumError(
            f"a flat list of objects is expected, not a {type(entries).__name__}",
            file=file,
            mend="a JSON with the lists images, annotations and categories is layout kind coco",
        )
    folder = find(root, layout.train_images, "train_images")
    raw = RawDataset(categories=[layout.category])
    raw.images = [
        RawImage(name_in(root, found), found.stem, found, name_in(root, found), "train")
        for found in images_below(folder, quarantine, root)
    ]
    ids: dict[str, object] = {}
    owners: dict[object, str] = {}
    missing: dict[str, RawImage] = {}
    for position, entry in enumerate(entries):
        record = f"entry {position}"
        name = entry.get("file_name") if isinstance(entry, dict) else None
        if not isinstance(name, str) or not name.strip():
            quarantine.leave_out("annotation", record, f"its file_name is {name!r}", file=file, key="file_name")
            continue
        try:
            found = resolve(root, folder, name)
        except PodiumError as error:
            quarantine.leave_out("annotation", record, error.problem, file=file, key="file_name")
            continue
        source_id = name_in(root, found) if found else name
        number = entry.get("image_id")
        if isinstance(number, (int, str)) and (
            ids.setdefault(source_id, number) != number or owners.setdefault(number, source_id) != source_id
        ):
            problem = f"image_id {number!r} and file_name {name!r} contradict earlier entries"
            quarantine.leave_out("annotation", record, problem, file=file, key="image_id")
            continue
        if found is None:
            missing.setdefault(name, RawImage(name, PurePosixPath(name).stem, None, name, "train"))
        raw.annotations.append(
            RawAnnotation(
                record,
                file,
                source_id,
                layout.category,
                bbox=entry.get("bbox"),
                mask=mask_in(entry),
                iscrowd=entry.get("iscrowd", 0),
            )
        )
    raw.images += missing.values()
    if layout.test_images is not None:
        raw.images += read_test_images(root, layout.test_images, quarantine)
    return raw
