"""All files of one image."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from podium.config.share import Share
from podium.report.pictures import Colour, Shape
from podium.share.formats import THRESHOLDED, WRITERS, Target
from podium.share.georeference import georeference
from podium.share.images import SharedImage
from podium.share.objects import SharedObject, objects_of
from podium.share.pictures import Pictures, write_pictures
from podium.share.tables import csv_rows
from podium.share.viewer import index_entry, steps_of, write_objects

_SHARPNESS = 0.5  # Of outlines in the viewer, in pixels of the picture.


@dataclass(frozen=True)
class Work:
    """What is done with each image, and with what.

    Attributes
    ----------
    folder
        The folder that is shared.
    thresholds
        By part: score from which on a prediction is drawn, and is in the formats that annotations are in.
    names
        Of the categories by id, in their order.
    colours
        Of the categories; with one category, those that its objects have in turn.
    masks
        The sources, of predictions and truth, whose objects have masks.
    """

    folder: Path
    settings: Share
    thresholds: Mapping[str, float]
    names: dict[int, str]
    colours: list[Colour]
    masks: set[str]


@dataclass(frozen=True)
class Done:
    """What is known of an image when its files are written.

    Attributes
    ----------
    index
        What the viewer's list has of it; None where it is not shown.
    rows
        Its rows of the table of all objects.
    counts
        See `podium.share.readme`.
    """

    index: dict | None
    rows: list[list]
    counts: Counter


def share_image(task: tuple[Work, SharedImage, bool]) -> Done:
    """Write one image's files; the last of the task says whether it is shown, or only exported."""
    work, image, shown = task
    objects = {source: objects_of(entries, work.names, image.size) for source, entries in image.sources()}
    pictures = index = None
    if shown:
        found, truth = objects["predictions"], objects.get("truth")
        pictures = write_pictures(work.folder, image, work.settings.picture_side, _shapes(work, image.part, found))
        shrunk = max(max(image.size) / work.settings.picture_side, 1.0)
        write_objects(work.folder, image, found, truth, _SHARPNESS * shrunk)
        index = index_entry(image, pictures, found, truth, steps_of(work.thresholds.values()))
    counts = _export(work, image, objects, pictures)
    rows = []
    if "csv" in work.settings.formats:
        rows = [row for source, own in objects.items() for row in csv_rows(image, source, own)]
    return Done(index, rows, counts)


def _shapes(work: Work, part: str, found: list[SharedObject]) -> list[Shape]:
    """Return what is drawn on the picture, the most certain above the others, in the colours of the viewer."""
    several = len(work.names) > 1
    shapes = []
    for place, each in enumerate(found):
        if each.score >= work.thresholds[part]:
            colour = work.colours[(each.place if several else place) % len(work.colours)]
            shapes.append(Shape(each.box, each.mask, colour))
    return shapes[::-1]


def _export(
    work: Work, image: SharedImage, objects: dict[str, list[SharedObject]], pictures: Pictures | None
) -> Counter:
    wanted = [name for name in WRITERS if name in work.settings.formats]
    picture = pictures.picture if pictures and pictures.full_size else None
    place = georeference(image.path, *image.size) if "geojson" in wanted else None
    counts = Counter(georeferenced=int(place is not None))
    for source, own in objects.items():
        target = Target(work.folder, image, source, picture, place, source in work.masks)
        certain = [each for each in own if each.score is None or each.score >= work.thresholds[image.part]]
        counts[source] += len(own)
        counts["crowds"] += sum(each.crowd for each in own)
        counts["drawn"] += len(certain) if source == "predictions" else 0
        for name in wanted:
            WRITERS[name](target, certain if name in THRESHOLDED else own)
    return counts
