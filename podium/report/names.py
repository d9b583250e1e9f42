"""What the files' keys are called on the page."""

SCORES = {"dsb2018": "DSB 2018 mean precision", "airbus_f2": "Airbus mean F2", "dice": "Dice, all objects as one"}

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
