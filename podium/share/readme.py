"""README.txt of the folder that is shared: what is what."""

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

import jinja2

from podium.config.share import Share

FILE = Path(__file__).with_name("readme.txt")
PARTS = {
    "val": "validation images, by which settings were chosen",
    "test": "test images with known truth, kept aside until the end",
    "submission": "the competition's own test images, whose truth is not known",
}
SOURCES = {"predictions": "predictions", "truth": "true objects"}


def readme(
    title: str,
    experiment: str,
    settings: Share,
    thresholds: Mapping[str, float],
    begins: float,
    parts: Mapping[str, tuple[int, int]],
    counts: Mapping[str, int],
    masks: Collection[str],
    categories: Sequence[str],
) -> str:
    """Return the text.

    Parameters
    ----------
    thresholds
        Score from which on predictions count, by part.
    begins
        That with which the viewer begins.
    parts
        How many images of each part are shown, and how many there are.
    counts
        Of objects: `predictions`, `drawn` (those from the threshold on), `truth`, `crowds`; and of images that are
        `georeferenced`, and whose files are `renamed`.
    masks
        The sources, of predictions and truth, whose objects have masks.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(FILE.read_text(encoding="utf-8")).render(
        title=title,
        experiment=experiment,
        threshold=_in_words(thresholds),
        begins=begins,
        several=len({*thresholds.values()}) > 1,
        side=settings.picture_side,
        formats=settings.formats,
        parts=[(name, PARTS[name], *numbers) for name, numbers in parts.items()],
        counts=counts,
        masks=masks,
        boxes=[words for source, words in SOURCES.items() if counts[source] and source not in masks],
        categories=categories,
    )


def _in_words(thresholds: Mapping[str, float]) -> str:
    """Return the threshold, or those of the parts: 0.5 (val), 0.35 (test, submission)."""
    parts: dict[float, list[str]] = {}
    for part, threshold in thresholds.items():
        parts.setdefault(threshold, []).append(part)
    if len(parts) == 1:
        return str(next(iter(parts)))
    return ", ".join(f"{threshold} ({', '.join(names)})" for threshold, names in parts.items())
