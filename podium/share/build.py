"""The folder that colleagues are given."""

import logging
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path

from podium.config.share import Share
from podium.data.dataset import Dataset
from podium.data.folders import whole_folder
from podium.errors import PodiumError
from podium.files import write_text
from podium.report.pictures import Colour, Shape, colours
from podium.share.formats import THRESHOLDED, WRITERS, Target
from podium.share.georeference import georeference
from podium.share.images import SharedImage, evenly, parts_of, shared_images
from podium.share.objects import objects_of
from podium.share.pictures import write_pictures
from podium.share.readme import readme
from podium.share.tables import csv_rows, write_coco, write_csv, write_yolo_data
from podium.share.viewer import index_entry, write_index, write_objects, write_page
from podium.start_method import process_context

log = logging.getLogger(__name__)

OBJECT_COLOURS = 12
"""With one category only, objects have different colours, of which there are so many."""

_SHARPNESS = 0.5  # Of outlines in the viewer, in pixels of the picture.


@dataclass(frozen=True)
class Work:
    """What is done with each image, and with what."""

    folder: Path
    settings: Share
    threshold: float
    names: dict[int, str]
    colours: list[Colour]
    masks: bool


@dataclass(frozen=True)
class Done:
    """What is known of an image when its files are written."""

    index: dict | None
    rows: list[list]
    counts: Counter


def build_share(
    folder: Path,
    settings: Share,
    dataset: Dataset,
    split: dict,
    predictions: Mapping[str, Sequence[dict]],
    *,
    title: str,
    experiment: str,
    threshold: float,
    workers: int = 1,
) -> None:
    """Write the folder anew: viewer, pictures, exported files, README.txt.

    Parameters
    ----------
    predictions
        COCO results by part.
    threshold
        Score from which on a prediction is drawn, and is in the formats that annotations are in.
    workers
        Processes.

    Raises
    ------
    PodiumError
        Where predictions are of another dataset, or an image cannot be read.
    """
    images = shared_images(dataset, split, predictions)
    parts = parts_of(images)
    shown = {image.stem for each in parts.values() for image in evenly(each, settings.max_images)}
    names = {category["id"]: category["name"] for category in dataset.categories}
    masks = any("segmentation" in each for image in images for _, entries in image.sources() for each in entries)
    with whole_folder(folder) as partial:
        palette = colours(len(names) if len(names) > 1 else OBJECT_COLOURS)
        work = Work(partial, settings, threshold, names, palette, masks)
        done = list(_all(work, [(image, image.stem in shown) for image in images], workers))
        index = [each.index for each in done if each.index]
        counts = sum((each.counts for each in done), Counter())
        if "csv" in settings.formats:
            write_csv(partial / "csv" / "objects.csv", (row for each in done for row in each.rows))
        if "coco" in settings.formats:
            write_coco(partial, dataset, parts)
        if "yolo" in settings.formats:
            write_yolo_data(partial, list(names.values()), list(parts))
        about = {part: (len(index_of), len(parts[part])) for part, index_of in _by_part(index, parts).items()}
        write_index(
            partial, index, list(names.values()), palette, threshold, title=title, experiment=experiment, parts=about
        )
        text = readme(title, experiment, settings, threshold, about, counts, masks, list(names.values()))
        write_text(partial / "README.txt", text)
        write_page(partial, title)
    log.info("%d images, of which %d are shown; %s", len(images), len(index), dict(counts))


def _by_part(index: Sequence[dict], parts: Mapping[str, object]) -> dict[str, list[dict]]:
    return {part: [each for each in index if each["part"] == part] for part in parts}


def _all(work: Work, tasks: list[tuple[SharedImage, bool]], workers: int) -> Iterator[Done]:
    workers = min(workers, len(tasks))
    if workers <= 1:
        for image, shown in tasks:
            yield share_image(work, image, shown)
        return
    with ProcessPoolExecutor(workers, mp_context=process_context()) as pool:
        try:
            images, shown = zip(*tasks, strict=True)
            chunk = max(1, min(16, len(tasks) // (4 * workers)))
            yield from pool.map(share_image, [work] * len(tasks), images, shown, chunksize=chunk)
        except BrokenProcessPool:
            raise PodiumError(
                "a process that writes pictures was killed, probably for want of memory",
                mend="give the job more memory or fewer threads",
            ) from None


def share_image(work: Work, image: SharedImage, shown: bool) -> Done:
    """Write one image's files."""
    size = image.entry["width"], image.entry["height"]
    objects = {source: objects_of(entries, work.names, size) for source, entries in image.sources()}
    found, truth = objects["predictions"], objects.get("truth")
    pictures = index = None
    if shown:
        several = len(work.names) > 1
        tints = [
            work.colours[(each.place if several else place) % len(work.colours)] for place, each in enumerate(found)
        ]
        # The most certain lie above the others.
        shapes = [
            Shape(each.box, each.entry.get("segmentation"), tint)
            for each, tint in reversed(list(zip(found, tints, strict=True)))
            if each.score >= work.threshold
        ]
        pictures = write_pictures(work.folder, image, work.settings.picture_side, shapes)
        factor = min(work.settings.picture_side / max(size), 1.0)
        write_objects(work.folder, image, found, truth, _SHARPNESS / factor)
        index = index_entry(image, pictures, found, truth)
    wanted = [name for name in WRITERS if name in work.settings.formats]
    place = georeference(image.path, *size) if "geojson" in wanted else None
    counts = Counter({"georeferenced": int(place is not None)})
    for source, each in objects.items():
        picture = pictures.picture if pictures and pictures.full_size else None
        target = Target(work.folder, image, source, picture, place, work.masks)
        certain = [one for one in each if one.score is None or one.score >= work.threshold]
        counts[source] += len(each)
        counts["crowds"] += sum(one.crowd for one in each)
        counts["drawn"] += len(certain) if source == "predictions" else 0
        for name in wanted:
            WRITERS[name](target, certain if name in THRESHOLDED else each)
    rows = [
        row
        for source, each in objects.items()
        if "csv" in work.settings.formats
        for row in csv_rows(image, source, each)
    ]
    return Done(index, rows, counts)
