"""An ablation's tables: points with their spread and what they differ from the reference by; trained experiments."""

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd

from podium.config.ablations import Point
from podium.evaluation.bootstrap import difference, resampled
from podium.evaluation.comparison import plain_numbers
from podium.evaluation.totals import Total


def ablation_tables(
    points: Sequence[Point],
    reference: Point,
    metric: str,
    totals: Mapping[str, Total],
    metrics: Mapping[str, Mapping],
    seconds: Mapping[str, float | None],
    images: int,
    samples: int,
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Return the tables of an ablation, in the order of its points.

    Parameters
    ----------
    points, reference
        The points, and the one of them that the others are compared to.
    metric
        What `totals` are of.
    totals, metrics, seconds
        By experiment: its score as a function of how often each image counts, the content of its metrics file, and how
        long it was trained, None where that is not known.
    images, samples
        How many images there are, and how often they are resampled.

    Returns
    -------
    by_point
        A row per point: `point` (its label), a column per key that varies (see `in_column`), `reference` (whether it
        is it), `seeds` (how many), the metric under its own name as mean and `_sd` over the seeds (sample standard
        deviation, empty for one seed); the `difference` of the means to the reference, over resamples of the images its
        95 % interval, `difference_low` and `difference_high`, and the share of resamples in which it is above 0,
        `share_above`; every number of the metrics files, as mean and `_sd`; `seconds`, the mean time of training.
        The metric is always that of `totals`, which may be of fewer categories than the metrics files are.
    by_seed
        A row per point and seed: `point`, a column per key, `seed`, `experiment`, the numbers with the metric among
        them, `seconds`.
    """
    varied = {key: in_column([point.values[key] for point in points]) for key in points[0].values}
    cells = [dict(zip(varied, values, strict=True)) for values in zip(*varied.values(), strict=True)]
    names = list(dict.fromkeys(name for point in points for name in point.experiments.values()))
    ones = np.ones(images)
    scores = {name: totals[name](ones) for name in names}
    samples_of = dict(zip(names, resampled([totals[name] for name in names], images, samples=samples), strict=True))

    by_seed = pd.DataFrame(
        {
            "point": point.label,
            **values,
            "seed": seed,
            "experiment": name,
            **(plain_numbers(metrics[name]) | {metric: scores[name]}),
            "seconds": seconds[name],
        }
        for point, values in zip(points, cells, strict=True)
        for seed, name in point.experiments.items()
    )
    numbers = [
        column for column in by_seed if column not in ("point", *points[0].values, "seed", "experiment", "seconds")
    ]
    by_seed[numbers] = by_seed[numbers].astype("float64")

    def stacked(point: Point) -> np.ndarray:
        return np.stack([samples_of[name] for name in point.experiments.values()])

    rows = []
    for point, values in zip(points, cells, strict=True):
        own = by_seed[by_seed["point"] == point.label]
        base = by_seed[by_seed["point"] == reference.label]
        is_reference = point == reference
        compared = {} if is_reference else difference(stacked(point), stacked(reference))
        others = [_spread(name, own[name]) for name in numbers if name != metric]
        rows.append(
            {
                "point": point.label,
                **values,
                "reference": is_reference,
                "seeds": len(own),
                **_spread(metric, own[metric]),
                "difference": None if is_reference else own[metric].mean() - base[metric].mean(),
                "difference_low": compared.get("low"),
                "difference_high": compared.get("high"),
                "share_above": compared.get("above"),
                **{key: value for each in others for key, value in each.items()},
                "seconds": pd.to_numeric(own["seconds"]).mean(),
            }
        )
    return pd.DataFrame(rows), by_seed


def in_column(values: Sequence[object]) -> list:
    """Return what varies as a table has it: numbers where all are numbers, else texts, as in the points' labels.

    A table's column of numbers and None would hold NaN, which is equal to nothing, and in a file would be empty.
    """
    if all(_is_number(value) for value in values):
        return list(values)
    return ["None" if value is None or value != value else str(value) for value in values]


def _is_number(value: object) -> bool:
    number = isinstance(value, int | float | np.number) and not isinstance(value, bool)
    return number and not np.isnan(value)


def _spread(name: str, values: pd.Series) -> dict[str, float]:
    return {name: values.mean(), f"{name}_sd": values.std()}
