"""Names of an ablation's points: readable, fit for files, and the same whatever else the ablation holds."""

import re
from collections.abc import Iterable
from hashlib import sha256
from typing import Any

from podium.files import canonical_json

LONGEST = 100
"""Names become folders and parts of file names. Of longer ones a digest stands for the end."""


def point_name(base: str, differences: Iterable[tuple[str, str]]) -> str:
    """Return `x101-base_lr-0p001-max_iter-500`: the experiment that a point is made of and how it differs.

    `differences` are keys and values in words; they are sorted by key, a seed comes last. One seed of both
    trainings of instances is told once.
    """
    words = dict(differences)
    seeds = words.get("detection_seed"), words.get("segmentation_seed")
    if seeds[0] is not None and seeds[0] == seeds[1]:
        words = {key: text for key, text in words.items() if not key.endswith("_seed")} | {"seed": seeds[0]}
    ordered = sorted(words.items(), key=lambda each: (each[0].endswith("seed"), each[0]))
    text = "-".join([base, *(re.sub(r"[^A-Za-z0-9_-]+", "_", part) for pair in ordered for part in pair)])
    return text if len(text) <= LONGEST else f"{text[: LONGEST - 9]}-{_digest(text)}"


def value_in_words(value: Any) -> str:
    """Return a value for a name: 0.0005 is 0p0005, of a path the last part is told, of what is not plain a digest."""
    if isinstance(value, bool) or value is None:
        return {True: "on", False: "off", None: "none"}[value]
    if isinstance(value, float):
        return repr(value).removesuffix(".0").replace(".", "p")
    return str(value).rsplit("/", 1)[-1] if isinstance(value, str | int) else _digest(canonical_json(value))


def _digest(text: str) -> str:
    return sha256(text.encode()).hexdigest()[:8]
