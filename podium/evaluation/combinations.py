"""Combinations of thresholds, and what a metric makes of each of them in each image."""

import math
from collections.abc import Callable, Iterable, Mapping, Sequence
from itertools import product
from typing import Any

from podium.config.tuning import Choice, Tuning
from podium.evaluation.metrics import Metric

AXES = ("score_threshold", "mask_threshold", "nms_iou", "min_area")
"""What is tuned, in the order of `Choice`."""

Maker = Callable[[Choice], Sequence[dict]]
"""The instances of one image as COCO results by falling score, whatever the choice's score threshold."""


def axes_of(tuning: Tuning, configured: Choice) -> dict[str, tuple]:
    """Return the values that are tried by axis: sorted (None first), each once, those configured among them.

    Where the configured choice has no mask threshold, masks are not made anew: that axis has no other value.
    """
    axes = {}
    for name in AXES:
        own = getattr(configured, name)
        values = {own} if name == "mask_threshold" and own is None else {own, *getattr(tuning, name)}
        axes[name] = tuple(sorted(values, key=lambda value: (value is not None, value)))
    return axes


def choices_of(axes: Mapping[str, Sequence]) -> list[Choice]:
    """Return all combinations, the last axis moving fastest."""
    return [Choice(**dict(zip(axes, values, strict=True))) for values in product(*axes.values())]


def statistics_of(
    metric: Metric, axes: Mapping[str, Sequence], images: Iterable[tuple[Mapping, Sequence[dict], Maker]]
) -> list[list]:
    """Return the metric's statistics of each image, by combination (as in `choices_of`), then by image.

    Parameters
    ----------
    images
        Of each image its record (`height`, `width`), its annotations and the maker of its instances. One image is
        held at a time.

    Notes
    -----
    An image's instances are made once for each combination of the other axes; score thresholds cut their list. Sets of
    instances that come again are not scored again, so that what is paid for is the number of different sets.
    """
    rest = [axes[name] for name in AXES[1:]]
    found: list[list] = [[] for _ in range(math.prod(map(len, axes.values())))]
    for record, truth, make in images:
        known: dict[tuple, Any] = {}
        for place, values in enumerate(product(*rest)):
            results = make(Choice(score_threshold=0, **dict(zip(AXES[1:], values, strict=True))))
            marks = tuple(_mark(result) for result in results)
            for step, threshold in enumerate(axes["score_threshold"]):
                count = sum(result["score"] >= threshold for result in results)
                if marks[:count] not in known:
                    known[marks[:count]] = metric.image(truth, results[:count], record["height"], record["width"])
                found[step * math.prod(map(len, rest)) + place].append(known[marks[:count]])
    return found


def _mark(result: Mapping) -> tuple:
    mask = result.get("segmentation")
    return result["category_id"], result["score"], mask["counts"] if mask else tuple(result["bbox"])
