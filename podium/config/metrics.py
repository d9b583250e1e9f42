"""The names of the competitions' metrics. What they compute is in `podium.evaluation.metrics`, under the same names."""

from typing import Literal, NamedTuple


class MetricName(NamedTuple):
    """What a metric is called on the page, and what it makes of predictions."""

    title: str
    needs: Literal["boxes", "masks"]
    ranked: bool = False
    """Whether it judges the order of all predictions by confidence: leaving some out cannot make it better."""


METRIC_NAMES: dict[str, MetricName] = {
    "dsb2018": MetricName("DSB 2018 mean precision", "masks"),
    "airbus_f2": MetricName("Airbus mean F2", "masks"),
    "sartorius": MetricName("Sartorius mean precision", "masks"),
    "tgs_salt": MetricName("TGS Salt mean precision, all objects as one", "masks"),
    "dice": MetricName("Dice, all objects as one", "masks"),
    "dice_global": MetricName("Dice, all images as one", "masks"),
    "severstal_dice": MetricName("Dice by category, empty and found empty 1", "masks"),
    "uw_madison_dice": MetricName("Dice by category, empty and found empty 0", "masks"),
    "vesuvius_f05": MetricName("F0.5 of pixels, all images as one", "masks"),
    "iou": MetricName("IoU, all objects as one", "masks"),
    "mask_ap": MetricName("COCO mask AP", "masks", ranked=True),
    "openimages_segmentation": MetricName("Open Images mask mAP, IoU 0.5", "masks", ranked=True),
    "global_wheat": MetricName("Global Wheat mean precision, IoU 0.5 to 0.75", "boxes"),
    "rsna": MetricName("RSNA mean precision, IoU 0.4 to 0.75", "boxes"),
    "voc2010": MetricName("VOC 2010 mAP, IoU 0.5", "boxes", ranked=True),
    "vinbigdata": MetricName("VinBigData mAP, IoU over 0.4", "boxes"),
    "openimages": MetricName("Open Images mAP, IoU 0.5", "boxes", ranked=True),
    "box_ap": MetricName("COCO box AP", "boxes", ranked=True),
}

MetricKey = Literal[tuple(METRIC_NAMES)]
"""The type of a setting that names a metric."""
