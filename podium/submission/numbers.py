"""Numbers in a submission's cells."""

import re

from podium.errors import PodiumError

# Python's float() also takes nan, inf, 1_0 and digits of other scripts.
_NUMBER = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


def number_text(value: float, decimals: int) -> str:
    """Return a number with at most so many decimals, without zeros at its end: 12.50 is 12.5, 3.00 is 3."""
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def number(text: str, what: str) -> float:
    """Return the finite number of a text; PodiumError where it is none."""
    if not _NUMBER.fullmatch(text):
        raise PodiumError(f"{what} is {text[:40]!r}, which is no number" if text.strip() else f"{what} is blank")
    return float(text)


def fraction(text: str, what: str) -> float:
    """Return a number from 0 to 1; PodiumError where it is none."""
    value = number(text, what)
    if not 0 <= value <= 1:
        raise PodiumError(f"{what} is {text}, not within 0 and 1")
    return value
