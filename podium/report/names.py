"""What the files' keys are called on the page."""

from podium.config.metrics import METRIC_NAMES

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


def title_of(metric: str) -> str:
    """Return what a metric is called: a competition's score by its title, others in words."""
    return METRIC_NAMES[metric].title if metric in METRIC_NAMES else in_words(metric)


def in_words(key: str) -> str:
    """Return a key such as `mean_iou` in words: mean IoU."""
    return " ".join(_WORDS.get(part, part) for part in key.split("_"))
