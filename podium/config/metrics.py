"""The names of the competitions' metrics. What they compute is in `podium.evaluation.metrics`, under the same names."""

from typing import Literal, NamedTuple


class MetricName(NamedTuple):
    """What a metric is called on the page, and what predictions need for it."""

    title: str
    needs: Literal["boxes", "masks"]


METRIC_NAMES: dict[str, MetricName] = {
    "dsb2018": MetricName("DSB 2018 mean precision", "masks"),
    "airbus_f2": MetricName("Airbus mean F2", "masks"),
    "dice": MetricName("Dice, all objects as one", "masks"),
}
