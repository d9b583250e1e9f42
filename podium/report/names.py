"""What the files' keys are called on the page."""

from podium.config.competition import Competition
from podium.config.metrics import METRIC_NAMES

SCORES = {name: metric.title for name, metric in METRIC_NAMES.items()}
"""Titles of the competitions' scores."""

SPLITS = {"val": "validation", "test": "test"}


def own_metric(competition: Competition) -> str:
    """Return the name of the score that the page shows first and ranks pictures by: the competition's own."""
    return competition.submission.metric if competition.submission else "dsb2018"


_WORDS = {
    "iou": "IoU",
    "dice": "Dice",
    "bce": "BCE",
    "rpn": "RPN",
    "reg": "regression",
    "cls": "classification",
    "loc": "location",
    "instances": "objects",
}


def in_words(key: str) -> str:
    """Return a key such as `mean_iou` in words: mean IoU."""
    return " ".join(_WORDS.get(part, part) for part in key.split("_"))
