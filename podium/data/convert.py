"""From an extracted archive to the checked dataset."""

import os
import shutil
from collections import Counter, defaultdict
from pathlib import Path

from podium.config.layout import AnyLayout, Checks
from podium.data.archives import extract
from podium.data.checks import Checked, Task, check_image, distinct_images, drop_categories
from podium.data.folders import whole_folder
from podium.data.layouts.coco import read_coco
from podium.data.layouts.dsb2018 import read_dsb2018
from podium.data.layouts.isaid import read_isaid
from podium.data.layouts.places import find, name_in
from podium.data.quarantine import Quarantine
from podium.data.records import RawDataset
from podium.data.sample import check_sample
from podium.errors import PodiumError
from podium.files import canonical_json, file_digest, text_digest, write_json, write_text
from podium.pool import in_processes

_READERS = {"coco": read_coco, "dsb2018": read_dsb2018, "isaid": read_isaid}


def build_from_archive(
    archive: str | Path,
    layout: AnyLayout,
    checks: Checks,
    destination: str | Path,
    *,
    description: str,
    workers: int = 1,
) -> dict:
    """Extract an archive beside the destination, build the dataset, remove what was extracted. See `build_dataset`."""
    destination = Path(destination)
    extracted = destination.with_name(f".{destination.name}.extracted")
    shutil.rmtree(extracted, ignore_errors=True)
    try:
        extract(archive, extracted)
        return build_dataset(extracted, layout, checks, destination, description=description, workers=workers)
    finally:
        shutil.rmtree(extracted, ignore_errors=True)


def build_dataset(
    folder: str | Path,
    layout: AnyLayout,
    checks: Checks,
    destination: str | Path,
    *,
    description: str,
    workers: int = 1,
) -> dict:
    """Check all records of an extracted archive and write the dataset, wholly or not at all.

    Written are `annotations.json`, `images/` (unchanged bytes, hard links where the file system allows),
    `quarantine.json`, `digest.txt`, and `sample_submission.csv` where the layout names one. What stood at `destination`
    is replaced. The result depends on the archive's content and the configuration only: not on the order of files in
    the archive, on time, on paths, or on the number of workers.

    Parameters
    ----------
    folder
        The extracted archive. Its images and the dataset's may be the same files on disk afterwards: do not edit them.
    description
        For `info.description`; not part of the digest.
    workers
        Processes that decode images; each holds one image and its masks at a time.

    Returns
    -------
    dict
        `images` (train, test), `annotations`, `categories` (annotations by name), `quarantine` (counts), `digest`.

    Raises
    ------
    PodiumError
        Where the archive is not laid out as the layout says, where nothing to train on is left, and where records fail
        their checks and the policy is `fail`.
    """
    folder, destination = Path(folder), Path(destination)
    quarantine = Quarantine()
    sample = find(folder, layout.sample_submission, "sample_submission") if layout.sample_submission else None
    raw = _READERS[layout.kind](folder, layout, quarantine)
    drop_categories(raw, checks.drop_categories, quarantine)
    checked = list(in_processes(check_image, _tasks(raw, quarantine), workers, "checks images"))
    for result in checked:
        quarantine.extend(result.found)
    kept = [result for result in checked if result.size]
    ids = {}
    if sample:
        ids = check_sample(
            sample,
            name_in(folder, sample),
            keys={result.image.key for result in kept},
            test_keys={result.image.key for result in kept if result.image.subset == "test"},
            left_out={result.image.key for result in checked if not result.size},
            quarantine=quarantine,
        )
    _note_twins(kept, quarantine)
    _note_categories(kept, raw.categories, quarantine)
    quarantine.enforce(checks)
    coco = _coco(kept, raw.categories, ids)
    if not coco["annotations"]:
        raise PodiumError(
            "there is no object in the training images" + _first_problem(quarantine),
            file=destination,
            mend="compare the layout's paths with the archive",
        )
    digest = text_digest(canonical_json([coco, file_digest(sample) if sample else None]))
    coco = {"info": {"description": description, "digest": digest}, **coco}
    with whole_folder(destination) as partial:
        for entry, result in zip(coco["images"], kept, strict=True):
            _link(result.image.path, partial / "images" / entry["file_name"])
        write_json(partial / "annotations.json", coco)
        write_json(partial / "quarantine.json", quarantine.content(), indent=1)
        if sample:
            shutil.copyfile(sample, partial / "sample_submission.csv")
        write_text(partial / "digest.txt", digest + "\n")
    subsets = Counter(entry["subset"] for entry in coco["images"])
    per_category = Counter(entry["category_id"] for entry in coco["annotations"])
    return {
        "images": {name: subsets[name] for name in ("train", "test")},
        "annotations": len(coco["annotations"]),
        "categories": {category["name"]: per_category[category["id"]] for category in coco["categories"]},
        "quarantine": quarantine.content()["counts"],
        "digest": digest,
    }


def _tasks(raw: RawDataset, quarantine: Quarantine) -> list[Task]:
    """Pair images with their annotations, training images first, each subset in the order of keys."""
    train = distinct_images([image for image in raw.images if image.subset == "train"], quarantine)
    test = distinct_images([image for image in raw.images if image.subset == "test"], quarantine)
    known = {image.source_id for image in raw.images if image.subset == "train"}
    used = {image.source_id for image in train}
    by_image = defaultdict(list)
    for annotation in raw.annotations:
        if annotation.image in used:
            by_image[annotation.image].append(annotation)
        elif annotation.image in known:
            problem = f"its image {annotation.image} was left out"
            quarantine.leave_out("orphan", annotation.record, problem, file=annotation.file, key="image_id")
        else:
            problem = f"there is no image {annotation.image}"
            quarantine.leave_out("annotation", annotation.record, problem, file=annotation.file, key="image_id")
    return [Task(image, tuple(by_image[image.source_id])) for image in train] + [Task(image) for image in test]


def _coco(kept: list[Checked], categories: list[str], ids: dict[str, str]) -> dict:
    """Return the COCO dict; `ids` gives the sample submission's own way to write a test image's key."""
    numbers = {name: number for number, name in enumerate(categories, start=1)}
    images, annotations = [], []
    for image_id, result in enumerate(kept, start=1):
        image = result.image
        images.append(
            {
                "id": image_id,
                "file_name": f"{image.subset}/{image.key}{image.path.suffix}",
                "width": result.size[0],
                "height": result.size[1],
                "key": ids.get(image.key, image.key) if image.subset == "test" else image.key,
                "subset": image.subset,
                "digest": result.digest,
            }
        )
        for entry in result.annotations:
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": image_id,
                    "category_id": numbers[entry["category"]],
                    **{key: value for key, value in entry.items() if key != "category"},
                }
            )
    return {
        "images": images,
        "annotations": annotations,
        "categories": [{"id": number, "name": name} for name, number in numbers.items()],
    }


def _note_twins(kept: list[Checked], quarantine: Quarantine) -> None:
    by_digest = defaultdict(list)
    for result in kept:
        by_digest[result.digest].append(f"{result.image.subset} {result.image.key}")
    for names in by_digest.values():
        if len(names) > 1:
            quarantine.note("images " + ", ".join(names), "they are the same file, byte by byte")


def _note_categories(kept: list[Checked], categories: list[str], quarantine: Quarantine) -> None:
    entries = [entry for result in kept for entry in result.annotations]
    used = {entry["category"] for entry in entries}
    for name in categories:
        if name not in used:
            quarantine.note(f"category {name}", "it has no annotation")
    without = sum("segmentation" not in entry for entry in entries)
    if 0 < without < len(entries):
        quarantine.note("annotations", f"{without} of {len(entries)} have no mask, the others have one")


def _first_problem(quarantine: Quarantine) -> str:
    left_out = quarantine.content()["left_out"]
    if not left_out:
        return ""
    return f"; {len(left_out)} records were left out, the first: {left_out[0]['record']}, {left_out[0]['problem']}"


def _link(source: Path, target: Path) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.link(source.resolve(), target)
    except FileExistsError:
        raise PodiumError(
            "two images have this place on a disk that does not tell capitals apart",
            file=target.name,
            mend="rename one of them in the archive, or use another disk",
        ) from None
    except OSError:  # Another file system, or one without hard links.
        shutil.copyfile(source, target)
