"""The competitions' metrics: small statistics of each image, and the score over images that follows from them.

So a score over any choice of images, each counted any number of times, costs no new matching: this is what bootstrap
intervals and cross-fitting need.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from podium.config.metrics import METRIC_NAMES
from podium.evaluation.inputs import true_mask
from podium.evaluation.instances import dice, iou_matrix, mean_f2, mean_precision
from podium.evaluation.totals import Total, mean


@dataclass(frozen=True)
class Metric:
    """A score of predictions, 0 … 1, the higher the better.

    Parameters
    ----------
    name
        A key of `METRICS`.
    of_image
        (true, predicted) -> statistics of one image, crowds being left out of the truth.
    of_images
        statistics of several images -> the score as a function of how often each image counts.
    """

    name: str
    of_image: Callable[[Sequence[dict], Sequence[dict]], Any]
    of_images: Callable[[Sequence], Total] = mean

    @property
    def title(self) -> str:
        """What it is called on the page."""
        return METRIC_NAMES[self.name].title

    @property
    def needs(self) -> Literal["boxes", "masks"]:
        """What the annotations and predictions must have."""
        return METRIC_NAMES[self.name].needs

    def image(self, true: Sequence[dict], predicted: Sequence[dict], height: int, width: int) -> Any:
        """Return the statistics of one image of (height, width).

        `true` are COCO annotations (`category_id`, `bbox` [x, y, w, h] or `segmentation` RLE; crowds do not count),
        `predicted` COCO results, all of which count.
        """
        return self.of_image([each for each in true if not each.get("iscrowd")], predicted)

    def total(self, statistics: Sequence, weights: np.ndarray | None = None) -> float:
        """Return the score over images: `statistics` as `image` returned them, `weights` how often each counts (1).

        NaN where it is not defined, as over no images.
        """
        ones = np.ones(len(statistics))
        return self.of_images(statistics)(ones if weights is None else np.asarray(weights, dtype=np.float64))


def _masks(score: Callable) -> Callable:
    """Make a score of true and predicted masks one of annotations and results."""
    return lambda true, predicted: score([true_mask(each) for each in true], [true_mask(each) for each in predicted])


METRICS: dict[str, Metric] = {
    metric.name: metric
    for metric in (
        Metric("dsb2018", _masks(lambda true, predicted: mean_precision(iou_matrix(true, predicted)))),
        Metric("airbus_f2", _masks(lambda true, predicted: mean_f2(iou_matrix(true, predicted)))),
        Metric("dice", _masks(dice)),
    )
}
"""The metrics by name."""
