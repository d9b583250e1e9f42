"""Numbers in a submission's cells."""

import re

import numpy as np

from podium.errors import PodiumError

# Python's float() also takes nan, inf, 1_0 and digits of other scripts.
_REAL = re.compile(r"[+-]?([0-9]+\.?[0-9]*|\.[0-9]+)([eE][+-]?[0-9]{1,3})?")


# Longer numbers are beyond any image, and would overflow 64 bits.
_WHOLE = re.compile(r"-?[0-9]{1,15}")


def numbers_of(text: str) -> np.ndarray:
    """Return the whole numbers of a text, int64 (n,); PodiumError for anything else among them."""
    numbers = _plain_numbers(text)
    if numbers is None:
        words = text.split()
        for position, word in enumerate(words):
            if not _WHOLE.fullmatch(word):
                raise PodiumError(
                    f"{word[:40]!r}, the code's word {position + 1}, is no whole number of at most 15 digits"
                )
        numbers = np.array(words, dtype=np.int64)
    return numbers


def text_of(numbers: np.ndarray) -> str:
    """Return whole numbers, int64 (n,) and not negative, as a text, joined by spaces: faster than str() of each."""
    if not len(numbers):
        return ""
    left = numbers.astype(np.uint32) if numbers.max() < 2**32 else numbers.astype(np.uint64)
    width = len(str(numbers.max()))
    cells = np.full((len(numbers), width + 1), ord(" "), dtype=np.uint8)
    shown = np.ones(cells.shape, dtype=bool)
    for place in range(width - 1, -1, -1):
        shown[:, place] = left > 0  # zeros in front are not
        rest = left // 10
        cells[:, place] = left - 10 * rest + ord("0")
        left = rest
    shown[:, width - 1] = True
    return cells[shown].tobytes()[:-1].decode("ascii")


def _plain_numbers(text: str) -> np.ndarray | None:
    """Return the numbers of a text of digits with single spaces between; None where it has anything else."""
    if not text or not text.isascii():
        return None
    digits = np.frombuffer(text.encode("ascii"), dtype=np.uint8) - np.uint8(ord("0"))
    gaps = np.flatnonzero(digits == (ord(" ") - ord("0")) % 256)
    begins, ends = np.append(0, gaps + 1), np.append(gaps, len(digits))
    lengths = ends - begins
    if np.count_nonzero(digits > 9) > len(gaps) or lengths.min() < 1 or lengths.max() > 15:
        return None
    numbers = np.zeros(len(begins), dtype=np.int64)
    for place in range(lengths.max()):
        longer = 10 * numbers + digits[np.minimum(begins + place, len(digits) - 1)]
        numbers = np.where(place < lengths, longer, numbers)
    return numbers


def number_text(value: float, decimals: int) -> str:
    """Return a number with at most so many decimals, without zeros at its end: 12.50 is 12.5, 3.00 is 3."""
    text = f"{value:.{decimals}f}"
    text = text.rstrip("0").rstrip(".") if "." in text else text
    return "0" if text == "-0" else text


def number(text: str, what: str) -> float:
    """Return the finite number of a text; PodiumError where it is none."""
    if not _REAL.fullmatch(text):
        raise PodiumError(f"{what} is {text[:40]!r}, which is no number" if text.strip() else f"{what} is blank")
    return float(text)


def fraction(text: str, what: str) -> float:
    """Return a number from 0 to 1; PodiumError where it is none."""
    value = number(text, what)
    if not 0 <= value <= 1:
        raise PodiumError(f"{what} is {text}, not within 0 and 1")
    return value
