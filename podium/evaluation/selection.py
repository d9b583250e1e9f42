"""The choice of an experiment, and why."""

import math
from collections.abc import Mapping

import numpy as np

from podium.errors import PodiumError
from podium.evaluation.bootstrap import difference, resampled
from podium.evaluation.totals import Total


def select(station: str, metric: str, totals: Mapping[str, Total], images: int, samples: int) -> dict:
    """Choose the candidate of the highest score on validation; of equal ones the first.

    Parameters
    ----------
    station, metric
        Of the candidates.
    totals
        By candidate: its score as a function of how often each of the validation images counts.
    images, samples
        How many images there are, and how often they are resampled.

    Returns
    -------
    record
        `station`, `experiment` (the choice), `metric`, `value`, `images`, `rule` (in words), `ties` (others of the same
        value) and `candidates`, best first: `experiment`, `value` (None where it is not defined), and of all but the
        choice the paired bootstrap of value minus the choice's: `low`, `high`, `above` (see
        `podium.evaluation.bootstrap.difference`).

    Raises
    ------
    PodiumError
        Where no candidate has a score.
    """
    values = {name: total(np.ones(images)) for name, total in totals.items()}
    ranked = sorted(values, key=lambda name: math.inf if math.isnan(values[name]) else -values[name])
    best = ranked[0]
    if math.isnan(values[best]):
        raise PodiumError(
            f"{metric} is not defined for any of {len(values)} candidates on the {images} validation images",
            key="selection.by",
            mend="enlarge the validation part (splits.val), or choose another metric",
        )
    drawn = dict(zip(totals, resampled([*totals.values()], images, samples=samples), strict=True))
    compared = {name: difference(drawn[name][None], drawn[best][None]) for name in ranked if name != best}
    return {
        "station": station,
        "experiment": best,
        "metric": metric,
        "value": values[best],
        "images": images,
        "rule": f"the highest {metric} on validation among {len(values)} candidates, of equal ones the first",
        "ties": [name for name in ranked[1:] if values[name] == values[best]],
        "candidates": [
            {
                "experiment": name,
                "value": None if math.isnan(values[name]) else values[name],
                **compared.get(name, {}),
            }
            for name in ranked
        ],
    }
