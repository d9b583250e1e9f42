"""By which number experiments are judged on validation."""

from typing import Literal

from podium.config.metrics import METRIC_NAMES

Station = Literal["detection", "segmentation", "instances"]

TRAININGS: dict[Station, str] = {"detection": "train_detector", "segmentation": "train_segmenter"}
"""The stations that train, whose experiments an instances experiment joins; their rules and scripts."""

CROPS = ("mean_iou", "mean_dice")
"""Of segmenters, over the objects in true boxes. All others are judged by podium.evaluation.metrics."""

JudgingMetric = Literal[(*METRIC_NAMES, *CROPS)]
"""The type of a setting that names a metric of any station."""


def default_metric(station: Station) -> str:
    """Return the metric of a station's experiments where none is named."""
    return {"detection": "box_ap", "segmentation": "mean_iou", "instances": "mask_ap"}[station]


def check_metric(station: Station, metric: str) -> None:
    """Raise ValueError for a metric that no experiment of a station has."""
    known = CROPS if station == "segmentation" else tuple(METRIC_NAMES)
    if metric not in known:
        raise ValueError(f"by: {metric} is no metric of {station} experiments; known: {', '.join(known)}")
