"""Files that formats have for many images: COCO JSON, CSV, YOLO's data.yaml."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import yaml

from podium.data.dataset import Dataset
from podium.files import whole, write_json, write_text
from podium.share.images import SharedImage
from podium.share.objects import SharedObject
from podium.share.outlines import signed_area

COLUMNS = ["part", "image", "file", "image_id", "source", "category", "category_id", "score"]
COLUMNS += ["x", "y", "width", "height", "area", "mask", "parts", "holes", "crowd"]
RENAMED_COLUMNS = ["part", "image", "file", "name"]


def write_coco(folder: Path, dataset: Dataset, parts: Mapping[str, Sequence[SharedImage]]) -> None:
    """Write for each part `coco/<part>.json`, the images with their truth where it is known, and
    `coco/<part>.predictions.json`, COCO's results for them; masks as run-length codes, which are exact
    (https://cocodataset.org/#format-data and #format-results).
    """
    for part, images in parts.items():
        truth = dataset.restricted(image.entry["id"] for image in images)
        write_json(folder / "coco" / f"{part}.json", truth | {"info": {"description": part}})
        found = [each for image in images for each in image.predictions]
        write_json(folder / "coco" / f"{part}.predictions.json", found)


def write_yolo_data(folder: Path, names: Sequence[str], parts: Sequence[str]) -> None:
    """Write Ultralytics' `data.yaml` beside each folder of labels; images are to lie in `images/<part>/` beside it.

    Ultralytics does not take one without `train` and `val`: the first part stands for both where it is not known.
    """
    for labels in sorted((folder / "yolo").glob("*/*/labels")):
        held = [part for part in parts if (labels / part).is_dir()]
        places = {"train": held[0], "val": "val" if "val" in held else held[0], "test": held[-1]}
        content = {key: f"images/{part}" for key, part in places.items()} | {"names": dict(enumerate(names))}
        write_text(labels.parent / "data.yaml", yaml.safe_dump(content, sort_keys=False, allow_unicode=True))


def csv_rows(image: SharedImage, source: str, objects: Iterable[SharedObject]) -> list[list]:
    """Return a row of `COLUMNS` for each object. A text that a spreadsheet could take for a formula gets a `'` before
    it (https://owasp.org/www-community/attacks/CSV_Injection)."""
    entry = image.entry
    return [
        [
            *(image.part, _text(entry["key"]), _text(image.path.name), entry["id"], source),
            *(_text(each.category), each.entry["category_id"], "" if each.score is None else each.score, *each.box),
            *(each.area, int(each.mask is not None), len(each.parts)),
            *(sum(signed_area(ring) < 0 for part in each.parts for ring in part), int(each.crowd)),
        ]
        for each in objects
    ]


def renamed_rows(images: Iterable[SharedImage]) -> list[list]:
    """Return a row of `RENAMED_COLUMNS` for each image whose files are called otherwise than the original: `name` is
    what the original has to be called where its name is to lead to its labels, as with Ultralytics."""
    return [
        [image.part, *map(_text, (image.entry["key"], image.path.name, image.stem + image.path.suffix))]
        for image in images
        if image.renamed
    ]


def write_csv(path: Path, columns: Sequence[str], rows: Iterable[Sequence]) -> None:
    """Write rows under the names of their columns."""
    with whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(columns)
        writer.writerows(rows)


def _text(value: object) -> str:
    text = str(value)
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
