"""The folder that colleagues are given."""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from podium.config.share import Share
from podium.data.dataset import Dataset
from podium.data.folders import whole_folder
from podium.files import write_text
from podium.pool import in_processes
from podium.report.pictures import OBJECT_COLOURS, colours
from podium.share.images import evenly, shared_images
from podium.share.one_image import Work, share_image
from podium.share.readme import readme
from podium.share.tables import COLUMNS, RENAMED_COLUMNS, renamed_rows, write_coco, write_csv, write_yolo_data
from podium.share.viewer import steps_of, write_index, write_page

log = logging.getLogger(__name__)


def build_share(
    folder: Path,
    settings: Share,
    dataset: Dataset,
    split: dict,
    predictions: Mapping[str, Sequence[dict]],
    *,
    title: str,
    experiment: str,
    thresholds: Mapping[str, float],
    workers: int = 1,
) -> None:
    """Write the folder anew: viewer, pictures, exported files, README.txt.

    Parameters
    ----------
    predictions
        COCO results by part.
    thresholds
        By part: score from which on a prediction is drawn, and is in the formats that annotations are in. The viewer
        begins with that of the first part but val.
    workers
        Processes.

    Raises
    ------
    PodiumError
        Where predictions are of another dataset, or an image cannot be read.
    """
    parts = shared_images(dataset, split, predictions)
    images = [image for own in parts.values() for image in own]
    shown = {image.stem for each in parts.values() for image in evenly(each, settings.max_images)}
    names = {category["id"]: category["name"] for category in dataset.categories}
    begins = thresholds[max(thresholds, key=lambda part: part != "val")]
    masks = {
        source
        for image in images
        for source, entries in image.sources()
        if any("segmentation" in each for each in entries)
    }
    palette = colours(len(names) if len(names) > 1 else OBJECT_COLOURS)
    with whole_folder(folder) as partial:
        work = Work(partial, settings, thresholds, names, palette, masks)
        tasks = [(work, image, image.stem in shown) for image in images]
        done = list(in_processes(share_image, tasks, workers, "writes pictures"))
        counts = sum((each.counts for each in done), Counter())
        if "csv" in settings.formats:
            write_csv(partial / "csv" / "objects.csv", COLUMNS, (row for each in done for row in each.rows))
        if renamed := renamed_rows(images):
            write_csv(partial / "renamed.csv", RENAMED_COLUMNS, renamed)
        if "coco" in settings.formats:
            write_coco(partial, dataset, parts)
        if "yolo" in settings.formats:
            write_yolo_data(partial, list(names.values()), list(parts))
        counts["renamed"] = len(renamed)
        numbers = {part: (sum(image.stem in shown for image in own), len(own)) for part, own in parts.items()}
        write_index(
            partial,
            [each.index for each in done if each.index],
            list(names.values()),
            palette,
            steps_of(thresholds.values()),
            begins,
            experiment=experiment,
            parts=numbers,
        )
        text = readme(title, experiment, settings, thresholds, begins, numbers, counts, masks, list(names.values()))
        write_text(partial / "README.txt", text)
        write_page(partial, title)
    log.info("%d images, of which %d are shown; %s", len(images), len(shown), dict(counts))
