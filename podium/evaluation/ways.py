"""Ways to the same objects compared on the same images: the competition's metric, and COCO's AP of boxes and masks."""

from collections.abc import Mapping, Sequence

import numpy as np

from podium.config.evaluation import Evaluation
from podium.config.tuning import Choice
from podium.evaluation.bootstrap import difference, resampled
from podium.evaluation.comparison import judged
from podium.evaluation.metrics import METRICS
from podium.evaluation.totals import Total, defined


def way_totals(
    own_metric: str,
    dataset: dict,
    predictions: Sequence[dict],
    masks: bool,
    evaluation: Evaluation,
    *,
    choice: Choice | None = None,
    shares_out: bool = False,
) -> dict[str, Total]:
    """Return a way's scores as functions of how often each of the dataset's images counts.

    They are by metric: `own_metric`, box_ap and mask_ap, those of masks where the predictions have some (`masks`). See
    `podium.evaluation.comparison.judged` for the others.
    """
    image_ids = [image["id"] for image in dataset["images"]]
    names = dict.fromkeys([own_metric, "box_ap", "mask_ap"])
    return {
        name: judged(name, dataset, image_ids, predictions, {}, evaluation, choice=choice, shares_out=shares_out)
        for name in names
        if masks or METRICS[name].needs == "boxes"
    }


def compare_ways(totals: Mapping[str, Mapping[str, Total]], images: int, samples: int) -> dict[str, dict]:
    """Compare ways by each metric, all on the same resamples of the images.

    Parameters
    ----------
    totals
        By way and metric, as `way_totals` returns them.
    images, samples
        How many images there are, and how often they are resampled.

    Returns
    -------
    by_metric
        `reference`: the first way that the metric judges. `ways`: of each such way its `value` (None where it is not
        defined) and, but for the reference, its `difference` to it with `low`, `high` and `above` (see
        `podium.evaluation.bootstrap.difference`).
    """
    return {
        metric: _compared({way: own[metric] for way, own in totals.items() if metric in own}, images, samples)
        for metric in dict.fromkeys(metric for own in totals.values() for metric in own)
    }


def _compared(totals: Mapping[str, Total], images: int, samples: int) -> dict:
    names = [*totals]
    drawn = resampled([*totals.values()], images, samples=samples)
    values = [total(np.ones(images)) for total in totals.values()]
    rows = {name: {"value": defined(value)} for name, value in zip(names, values, strict=True)}
    for name, value, scores in zip(names[1:], values[1:], drawn[1:], strict=True):
        rows[name] |= {"difference": defined(value - values[0]), **difference(scores[None], drawn[:1])}
    return {"reference": names[0], "ways": rows}
