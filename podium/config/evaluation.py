"""How predictions are judged."""

from pydantic import Field

from podium.config.metrics import MetricKey
from podium.config.section import Fraction, Section


class Evaluation(Section):
    max_detections: int = Field(
        100,
        gt=10,
        description="detections per image and category that COCO's AP and AR look at, best scores first, also as the "
        "metrics box_ap and mask_ap; COCO's own limit is 100",
    )
    score_threshold: Fraction = Field(
        0.5,
        description="score from which on an instance counts, in metrics without confidences and in pictures",
    )
    metrics: tuple[MetricKey, ...] = Field(
        ("dsb2018", "airbus_f2", "dice"),
        description="competitions' scores of predictions, besides submission.metric; docs/metrics.md explains each. "
        "Those of masks are left out where there are only boxes",
    )
    bootstrap_samples: int = Field(1000, ge=100, description="resamples of the images for the intervals")
