"""Advice on a word that is not known."""

import difflib
from collections.abc import Iterable


def did_you_mean(word: str, known: Iterable[str], cutoff: float = 0.5) -> str:
    """Return `did you mean 'x'? `, to be followed by what is known; nothing where no known word is so similar.

    `cutoff` is difflib's measure, from 0, which always finds one, to 1, which takes the same word only.
    """
    near = difflib.get_close_matches(word, known, n=1, cutoff=cutoff)
    return f"did you mean {near[0]!r}? " if near else ""
