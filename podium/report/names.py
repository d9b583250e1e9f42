"""What the files' keys are called on the page."""

from podium.config.metrics import METRIC_NAMES

SCORES = {name: metric.title for name, metric in METRIC_NAMES.items()}
"""Titles of the competitions' scores."""

SPLITS = {"val": "validation", "test": "test"}


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
