"""The page's pictures: what was there and what was found, on a few images."""

import random
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Literal

import numpy as np

from podium.config.competition import Competition
from podium.config.tuning import Choice
from podium.data.by_image import by_image
from podium.data.dataset import Dataset
from podium.evaluation.instances import mean_precision
from podium.evaluation.overlap import overlap
from podium.inference.submitted import as_submitted
from podium.report.blocks import Gallery, Missing, Picture, Specimen, number, optional_json
from podium.report.names import SPLITS, title_of
from podium.report.pictures import ALONE, CROWD, OBJECT_COLOURS, Colour, Shape, colours, data_uri, draw, fitted
from podium.report.tuning import tuning_of

COLOUR_KEY = "A prediction has the colour of the true object that its box covers (IoU over 0.5); red: none of its own."


def predictions_file(station: Literal["detection", "instances"], name: str, split: str) -> str:
    return f"{station}/{name}/predictions.{split}.json"


def truth_galleries(
    competition: Competition,
    dataset: Dataset,
    data: Path,
    results: Path,
    station: Literal["detection", "instances"],
    name: str,
    part: Literal["val", "test"],
) -> list[Gallery | Missing]:
    """Show images of a part with truth beside their truth and their predictions: at random, the best, the worst.

    Images are ranked by the competition's metric over masks, or over boxes where the predictions have no masks.
    `data` is `data/<name>`, `results` is `results/<name>`.
    """
    if not competition.report.gallery:
        return []
    detection = name if station == "detection" else competition.instances[name].detection
    files = [
        (data, f"splits/{competition.detection[detection].fold}.json"),
        (results, predictions_file(station, name, part)),
        (results, f"{station}/{name}/metrics.{part}.json"),
    ]
    split, predictions, metrics = contents = [optional_json(root, file) for root, file in files]
    if None in contents:
        return [
            Missing(f"Pictures of the {SPLITS[part]} split", file)
            for (_, file), content in zip(files, contents, strict=True)
            if content is None
        ]
    found = shown_objects(competition, dataset, results, station, name, part, predictions, metrics["score_threshold"])
    show = Showing(competition, dataset, found, with_truth=True)
    metric = competition.own_metric
    rows, words = metrics["per_image"], title_of(metric)
    # Some metrics are not defined for an image without objects.
    scores = {row["image_id"]: row[metric] for row in rows if row.get(metric) is not None}
    if not scores:
        scores = {row["image_id"]: _box_score(dataset, found, row["image_id"]) for row in rows}
        words = "mean precision of boxes, IoU 0.50 to 0.95"
    # An empty image found empty scores 1 and shows nothing.
    full = [image_id for image_id in scores if dataset.annotations[image_id]] or list(scores)
    count = competition.report.gallery
    best = sorted(full, key=lambda each: (-scores[each], each))
    worst = sorted(scores, key=lambda each: (scores[each], each))
    galleries = []
    for title, text, chosen in (
        ("At random", show.key, sample(split[part], count, competition.splits.seed)),
        ("Best", f"By {words}, images with objects only.", best[:count]),
        ("Worst", f"By {words}.", worst[:count]),
    ):
        if chosen:
            specimens = [show(image_id, f"{words} {number(scores.get(image_id))}") for image_id in chosen]
            galleries.append(Gallery(of_part(title, part), text, specimens, show.legend))
    return galleries


def of_part(title: str, part: Literal["val", "test"]) -> str:
    """Return the title of pictures, which says where they are not of the test split."""
    return title if part == "test" else f"{title}, {SPLITS[part]} split"


def submission_gallery(competition: Competition, dataset: Dataset, results: Path) -> list[Gallery | Missing]:
    """Show a few of the competition's own test images beside what was found in them."""
    count, ids = competition.report.gallery, dataset.subset("test")
    if not count or not ids or not competition.submission:
        return []
    file = predictions_file(competition.submission.station, competition.submission.experiment, "submission")
    predictions = optional_json(results, file)
    if predictions is None:
        return [Missing("Pictures of the competition's test images", file)]
    submission = competition.submission
    found = shown_objects(
        *(competition, dataset, results, submission.station, submission.experiment, "submission", predictions),
        submission.score_threshold,
    )
    show = Showing(competition, dataset, found, with_truth=False)
    specimens = [show(image_id, "") for image_id in sample(ids, count, competition.splits.seed)]
    return [Gallery("The competition's test images", "At random.", specimens, show.legend)]


class Showing:
    """Makes the pictures of an image, each image once."""

    def __init__(self, competition: Competition, dataset: Dataset, found: Mapping[int, list[dict]], with_truth: bool):
        self.dataset, self.found, self.with_truth = dataset, found, with_truth
        self.side = competition.report.picture_side
        self.done: dict[int, Specimen] = {}
        names = dataset.category_names
        self.by_category = dict(zip((c["id"] for c in dataset.categories), colours(len(names)), strict=True))
        self.by_place = colours(OBJECT_COLOURS) if len(names) == 1 else None

    @property
    def key(self) -> str:
        """What the colours mean where they do not mean categories."""
        return COLOUR_KEY if self.by_place else ""

    @property
    def legend(self) -> list[tuple[str, str]]:
        """The colours of the categories, where colours stand for them."""
        if self.by_place:
            return []
        named = zip(self.dataset.category_names, self.by_category.values(), strict=True)
        return [(name, f"rgb({red} {green} {blue})") for name, (red, green, blue) in named]

    def __call__(self, image_id: int, fact: str) -> Specimen:
        if image_id not in self.done:
            self.done[image_id] = self._specimen(image_id, fact)
        return self.done[image_id]

    def _specimen(self, image_id: int, fact: str) -> Specimen:
        entry, image = self.dataset.images[image_id], self.dataset.read(image_id)
        key, truth, found = entry["key"], self.dataset.annotations[image_id], self.found[image_id]
        pictures = [picture(fitted(image, self.side), "image", f"Image {key}")]
        facts = [f"{entry['width']} \u00d7 {entry['height']}"]
        if self.with_truth:
            words = f"{sum(not each['iscrowd'] for each in truth)} true"
            facts.append(words)
            pictures.append(self._drawn(image, truth, self._colours(truth), "truth", f"{key}: {words} objects"))
        words = f"{len(found)} predicted"
        facts += [words, fact] if fact else [words]
        pictures.append(self._predicted(image, found, truth, "prediction", f"{key}: {words} objects"))
        return Specimen(pictures, key, ", ".join(facts))

    def beside(self, image_id: int, predictions: Mapping[str, Mapping[int, list[dict]]]) -> Specimen:
        """Show an image's truth and, beside it, several predictions by their labels, each by image."""
        entry, image = self.dataset.images[image_id], self.dataset.read(image_id)
        key, truth = entry["key"], self.dataset.annotations[image_id]
        words = f"{sum(not each['iscrowd'] for each in truth)} true"
        pictures = [self._drawn(image, truth, self._colours(truth), "truth", f"{key}: {words} objects")]
        for label, found in predictions.items():
            own = found[image_id]
            alt = f"{key}, {label}: {len(own)} predicted objects"
            pictures.append(self._predicted(image, own, truth, f"{label}: {len(own)}", alt))
        return Specimen(pictures, key, f"{entry['width']} \u00d7 {entry['height']}, {words}")

    def _predicted(
        self, image: np.ndarray, found: Sequence[Mapping], truth: Sequence[Mapping], label: str, alt: str
    ) -> Picture:
        colours = self._matched(found, truth) if self.with_truth and self.by_place else self._colours(found)
        return self._drawn(image, found, colours, label, alt)

    def _drawn(
        self, image: np.ndarray, objects: Sequence[Mapping], colours: Sequence[Colour], label: str, alt: str
    ) -> Picture:
        shapes = [
            Shape(each["bbox"], each.get("segmentation"), colour) for each, colour in zip(objects, colours, strict=True)
        ]
        return picture(draw(image, shapes, self.side), label, alt)

    def _colours(self, objects: Sequence[Mapping]) -> list[Colour]:
        return [
            CROWD
            if each.get("iscrowd")
            else self.by_place[place % OBJECT_COLOURS]
            if self.by_place
            else self.by_category[each["category_id"]]
            for place, each in enumerate(objects)
        ]

    def _matched(self, found: Sequence[Mapping], truth: Sequence[Mapping]) -> list[Colour]:
        """Give each prediction the colour of its true object: the best one left with an IoU of boxes over 0.5."""
        iou, left = overlap(truth, found, "bbox"), self._colours(truth)
        colours = [ALONE] * len(found)
        for place in sorted(range(len(found)), key=lambda place: -found[place]["score"]):
            own = int(np.argmax(iou[:, place])) if len(truth) else -1
            if own >= 0 and iou[own, place] > 0.5:
                colours[place] = left[own]
                iou[own] = 0
        return colours


def picture(pixels: np.ndarray, label: str, alt: str) -> Picture:
    """Return pixels, uint8 (h, w, 3), as a picture of the page."""
    return Picture(data_uri(pixels), pixels.shape[1], pixels.shape[0], alt, label)


def shown_objects(
    competition: Competition,
    dataset: Dataset,
    results: Path,
    station: Literal["detection", "instances"],
    name: str,
    part: Literal["val", "test", "submission"],
    predictions: Sequence[dict],
    threshold: float,
) -> Mapping[int, list[dict]]:
    """Return the predictions of each image that count, treated as those that are submitted.

    They are those from the configured `threshold` on; where thresholds are tuned, those of the choice, but on `val`.
    """
    tuning = tuning_of(competition, results, station, name) if part != "val" else None
    choice = Choice.model_validate(tuning["choice"]) if tuning else None
    shares_out = competition.shares_out(station, name)
    sizes = {image_id: dataset.size(image_id) for image_id in {each["image_id"] for each in predictions}}
    return by_image(as_submitted(predictions, sizes, choice, threshold, shares_out=shares_out).counting)


def _box_score(dataset: Dataset, found: Mapping[int, list[dict]], image_id: int) -> float:
    """Return the Data Science Bowl's mean precision with the IoU of boxes in place of masks."""
    true = [each for each in dataset.annotations[image_id] if not each["iscrowd"]]
    return mean_precision(overlap(true, found[image_id], "bbox"))


def sample(ids: Sequence[int], count: int, seed: int) -> list[int]:
    """Return so many of some images, at random but always the same."""
    return sorted(random.Random(seed).sample(sorted(ids), min(count, len(ids))))
