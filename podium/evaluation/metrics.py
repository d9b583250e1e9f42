"""The competitions' metrics: small statistics of each image, and the score over images that follows from them.

So a score over any choice of images, each counted any number of times, costs no new matching: this is what bootstrap
intervals and cross-fitting need. docs/metrics.md has their conventions and sources in one table.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from typing import Any, Literal

import numpy as np

from podium.config.metrics import METRIC_NAMES
from podium.errors import PodiumError
from podium.evaluation.boxes import RSNA_THRESHOLDS, WHEAT_THRESHOLDS, by_score, greedy_precision
from podium.evaluation.inputs import true_mask
from podium.evaluation.instances import iou_matrix, mean_f2, mean_precision
from podium.evaluation.overlap import overlap
from podium.evaluation.pixels import Pixels, f_score, iou, mean_hits, pixels
from podium.evaluation.ranked import coco, voc, voc_or_nothing
from podium.evaluation.totals import Total, area_under_curve, coco_precision, f_of_all, mean


@dataclass(frozen=True)
class Metric:
    """A score of predictions, 0 … 1, the higher the better.

    Parameters
    ----------
    name
        A key of `METRICS`.
    of_image
        (true, predicted) -> statistics of one image.
    of_images
        statistics of several images -> the score as a function of how often each image counts.
    crowds
        Whether `of_image` knows what to do with crowds; if not, they are left out of the truth.
    asks
        What else `of_image` takes, which `metric_for` gives it: `categories`, ids of all that are in the dataset, and
        `most`, how many predictions of an image and category count.
    """

    name: str
    of_image: Callable[[Sequence[dict], Sequence[dict]], Any]
    of_images: Callable[[Sequence], Total] = mean
    crowds: bool = False
    asks: tuple[str, ...] = ()

    @property
    def title(self) -> str:
        """What it is called on the page."""
        return METRIC_NAMES[self.name].title

    @property
    def needs(self) -> Literal["boxes", "masks"]:
        """What the annotations and predictions must have: `bbox` or `segmentation`."""
        return METRIC_NAMES[self.name].needs

    @property
    def ranked(self) -> bool:
        """Whether it judges the order of all predictions: a threshold of confidence cannot make it better."""
        return METRIC_NAMES[self.name].ranked

    def counting(self, predicted: Sequence[dict], threshold: float) -> Sequence[dict]:
        """Return the predictions that it judges: all where it is ranked, else those of a score from a threshold on."""
        return predicted if self.ranked else [each for each in predicted if each["score"] >= threshold]

    def image(self, true: Sequence[dict], predicted: Sequence[dict], height: int, width: int) -> Any:
        """Return the statistics of one image of (height, width).

        `true` are COCO annotations, `predicted` COCO results, all of which count: `category_id`, `bbox` [x, y, w, h] or
        `segmentation` (RLE), and of the predicted `score`, as far as the metric looks at them.
        """
        return self.of_image([each for each in true if self.crowds or not each.get("iscrowd")], predicted)

    def total(self, statistics: Sequence, weights: np.ndarray | None = None) -> float:
        """Return the score over images: `statistics` as `image` returned them, `weights` how often each counts (1).

        NaN where it is not defined, as over no images.
        """
        ones = np.ones(len(statistics))
        return self.of_images(statistics)(ones if weights is None else np.asarray(weights, dtype=np.float64))


def _masks(score: Callable) -> Callable:
    """Make a function of true and predicted masks one of annotations and results."""
    return lambda true, predicted: score([true_mask(each) for each in true], [true_mask(each) for each in predicted])


def _instances(score: Callable) -> Callable:
    return _masks(lambda true, predicted: score(iou_matrix(true, predicted)))


def _union(score: Callable[[Pixels], float]) -> Callable:
    return _masks(lambda true, predicted: score(pixels(true, predicted)))


def _mean_dice(true: Sequence[dict], predicted: Sequence[dict], categories: Sequence[int], empty: float) -> float:
    """Return the mean over all categories of Dice, `empty` for those that are not there and were not found."""
    if unknown := {each["category_id"] for each in [*true, *predicted]} - {*categories}:
        raise PodiumError(f"objects of categories that the dataset does not have: {sorted(unknown)}", key="category_id")
    count, scores = _masks(pixels), []
    for category in categories:
        found = count(*([each for each in side if each["category_id"] == category] for side in (true, predicted)))
        scores.append(f_score(found) if any(found) else empty)
    return float(np.mean(scores))


_box_iou = partial(overlap, iou_type="bbox")


def _greedy(thresholds: np.ndarray) -> Callable:
    return lambda true, predicted: greedy_precision(_box_iou(true, predicted)[:, by_score(predicted)], thresholds)


def _at_least(threshold: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda iou: iou >= threshold


def _over(threshold: float) -> Callable[[np.ndarray], np.ndarray]:
    return lambda iou: iou > threshold


_VOC = partial(voc, iou_of=_box_iou, hit=_at_least(0.5))

METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("dsb2018", _instances(mean_precision)),
        Metric("airbus_f2", _instances(mean_f2)),
        Metric("sartorius", _instances(mean_precision)),
        Metric("tgs_salt", _union(mean_hits)),
        Metric("dice", _union(f_score)),
        Metric("dice_global", _masks(pixels), partial(f_of_all, beta=1.0)),
        Metric("severstal_dice", partial(_mean_dice, empty=1.0), asks=("categories",)),
        Metric("uw_madison_dice", partial(_mean_dice, empty=0.0), asks=("categories",)),
        Metric("vesuvius_f05", _masks(pixels), partial(f_of_all, beta=0.5)),
        Metric("iou", _union(iou)),
        Metric("mask_ap", partial(coco, iou_type="segm"), coco_precision, crowds=True, asks=("most",)),
        Metric("openimages_segmentation", partial(_VOC, iou_of=partial(overlap, iou_type="segm")), area_under_curve),
        Metric("global_wheat", _greedy(WHEAT_THRESHOLDS)),
        Metric("rsna", _greedy(RSNA_THRESHOLDS)),
        Metric("voc2010", _VOC, area_under_curve),
        Metric("vinbigdata", partial(voc_or_nothing, iou_of=_box_iou, hit=_over(0.4)), area_under_curve),
        Metric("openimages", _VOC, area_under_curve),
        Metric("box_ap", partial(coco, iou_type="bbox"), coco_precision, crowds=True, asks=("most",)),
    )
}
"""The metrics by name. `metric_for` makes them ready for the images of a dataset."""


def metric_for(name: str, categories: Sequence[Mapping], max_detections: int) -> Metric:
    """Return a metric that can be asked about images of a dataset.

    Parameters
    ----------
    name
        A key of `METRICS`.
    categories
        All categories of the dataset (`id`): some scores are means over them, also where an image has none of them.
    max_detections
        How many predictions of an image and category count in COCO's AP, best scores first.
    """
    metric = METRICS[name]
    known = {"categories": tuple(each["id"] for each in categories), "most": max_detections}
    return replace(metric, of_image=partial(metric.of_image, **{key: known[key] for key in metric.asks}), asks=())
