"""Thresholds for a competition's metric: every combination scored on the validation part, the best one chosen.

The score of the best of many combinations on the images that it was chosen on is too good. So the choice is also made
on all but one of several parts of these images and scored on that part, for each part in turn: the cross-fitted score
is that of the way of choosing, on images that had no say in it.
"""

import logging
import math
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import numpy as np

from podium.config.tuning import Choice, Tuning
from podium.data.dataset import Dataset
from podium.data.split_units import make_units
from podium.evaluation.bootstrap import interval
from podium.evaluation.combinations import Maker, axes_of, choices_of, statistics_of
from podium.evaluation.metrics import Metric
from podium.evaluation.totals import Total, defined

EQUAL = 1e-12
"""Scores that differ by less are equal."""

log = logging.getLogger(__name__)


def tune_on(
    dataset: Dataset,
    image_ids: Sequence[int],
    makers: Iterable[Maker],
    metric: Metric,
    configured: Choice,
    tuning: Tuning,
    *,
    group_by: str | None,
    bootstrap_samples: int,
) -> dict[str, Any]:
    """Try all combinations on some images of a dataset; return what `tune` does.

    `makers` has one for each image, in order; `group_by` is that of the splits.
    """
    axes = axes_of(tuning, configured)
    images = (
        (dataset.images[image_id], dataset.annotations[image_id], make)
        for image_id, make in zip(image_ids, makers, strict=True)
    )
    statistics = statistics_of(metric, axes, images)
    place = {image_id: position for position, image_id in enumerate(image_ids)}
    chosen = dataset.restricted(image_ids)
    units = make_units(chosen["images"], chosen["annotations"], dataset.categories, group_by).images
    positions = [[place[image_id] for image_id in unit] for unit in units]
    return tune(metric, axes, statistics, configured, positions, tuning, bootstrap_samples)


def tune(
    metric: Metric,
    axes: Mapping[str, Sequence],
    statistics: Sequence[Sequence],
    configured: Choice,
    units: Sequence[Sequence[int]],
    tuning: Tuning,
    bootstrap_samples: int = 1000,
) -> dict[str, Any]:
    """Choose a combination; return it with all that tells how far to trust it, as JSON can hold it.

    Parameters
    ----------
    statistics
        As `statistics_of` returns them.
    units
        Positions of the images that belong together (a group, equal content), each image once: they are never in
        different parts, and are drawn together by the bootstrap.

    Returns
    -------
    dict
        `metric`, `images`, `units`;
        `choice` and `configured`: a value for each axis;
        `untuned`: the score of the configured combination; `tuned_in_sample`: that of the choice on the images that it
        was chosen on, too good by construction; `cross_fitted`: see the module, None with fewer than two units;
        `gain`: cross-fitted less untuned. Each has `score`, `low`, `high` (95 % bootstrap over units, the choices of
        the parts being taken as given);
        `by_part`: of each part `images`, `choice`, and on these images its `score` and the `untuned` one;
        `agreement`: of `parts` how many chose as all together did (`same`), and by axis the `range` of their choices;
        `axes`: the values that were tried; `surface`: the score of each combination, the last axis moving fastest.
        What is not defined is None.

    Notes
    -----
    Of combinations with equal scores the one is chosen that differs from the configured one in fewer axes, then by
    fewer steps, then the first.
    """
    choices, images = choices_of(axes), len(statistics[0])
    totals = [metric.of_images(each) for each in statistics]
    preferred = _by_preference(axes, choices, configured)
    unit_of = np.zeros(images, dtype=int)
    for place, unit in enumerate(units):
        unit_of[list(unit)] = place

    def judged(total: Total) -> dict[str, float | None]:
        low, high = interval(lambda drawn: total(drawn[unit_of]), len(units), samples=bootstrap_samples)
        return {"score": defined(total(np.ones(images))), "low": defined(low), "high": defined(high)}

    surface = [total(np.ones(images)) for total in totals]
    best, own = _best(surface, preferred), choices.index(configured)
    result = {
        "metric": metric.name,
        "images": images,
        "units": len(units),
        "choice": choices[best].model_dump(),
        "configured": configured.model_dump(),
        "untuned": judged(totals[own]),
        "tuned_in_sample": judged(totals[best]),
        "cross_fitted": None,
        "gain": None,
        "by_part": [],
        "agreement": None,
        "axes": {name: list(values) for name, values in axes.items()},
        "surface": [defined(score) for score in surface],
    }
    if len(units) < 2:
        log.warning("%d images that belong together cannot be divided: no cross-fitted score", images)
        return result

    part_of = divide([len(unit) for unit in units], min(tuning.parts, len(units)), tuning.seed)[unit_of]
    insides = [(part_of == part).astype(float) for part in range(part_of.max() + 1)]
    chosen = [_best([total(1 - inside) for total in totals], preferred) for inside in insides]
    cross = metric.of_images([statistics[chosen[part]][image] for image, part in enumerate(part_of)])
    return result | {
        "cross_fitted": judged(cross),
        "gain": judged(lambda weights: cross(weights) - totals[own](weights)),
        "by_part": [
            {
                "images": int(inside.sum()),
                "choice": choices[each].model_dump(),
                "score": defined(totals[each](inside)),
                "untuned": defined(totals[own](inside)),
            }
            for each, inside in zip(chosen, insides, strict=True)
        ],
        "agreement": {
            "parts": len(chosen),
            "same": sum(each == best for each in chosen),
            "range": {
                name: _range(values, [getattr(choices[each], name) for each in chosen]) for name, values in axes.items()
            },
        },
    }


def divide(sizes: Sequence[int], parts: int, seed: int) -> np.ndarray:
    """Return the part of each unit, int (units,): nearly as many images in each part, none empty.

    Units come by size, equal ones in an order drawn with the seed; each goes to the part with the fewest images.
    """
    drawn = np.random.Generator(np.random.PCG64(seed)).permutation(len(sizes))
    part_of, filled = np.zeros(len(sizes), dtype=int), np.zeros(parts)
    for unit in sorted(drawn.tolist(), key=lambda unit: -sizes[unit]):
        part_of[unit] = np.argmin(filled)
        filled[part_of[unit]] += sizes[unit]
    return part_of


def _by_preference(axes: Mapping[str, Sequence], choices: Sequence[Choice], configured: Choice) -> list[int]:
    """Return the positions of the combinations, those that are more like the configured one first."""

    def distance(position: int) -> tuple[int, int]:
        steps = [
            abs(values.index(getattr(choices[position], name)) - values.index(getattr(configured, name)))
            for name, values in axes.items()
        ]
        return sum(step > 0 for step in steps), sum(steps)

    return sorted(range(len(choices)), key=distance)


def _best(scores: Sequence[float], preferred: Sequence[int]) -> int:
    """Return the position of the highest score, the most preferred of equal ones; what is not defined comes last."""
    known = [score for score in scores if not math.isnan(score)]
    if not known:
        return preferred[0]
    return next(position for position in preferred if scores[position] >= max(known) - EQUAL)


def _range(values: Sequence, chosen: Sequence) -> list:
    """Return the first and the last of the chosen values, in the order of those tried."""
    return [min(chosen, key=values.index), max(chosen, key=values.index)]
