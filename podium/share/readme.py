"""README.txt of the folder that is shared: what is what."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import jinja2

from podium.config.share import Share

FILE = Path(__file__).with_name("readme.txt")
PARTS = {
    "val": "validation images, by which settings were chosen",
    "test": "test images with known truth, kept aside until the end",
    "submission": "the competition's own test images, whose truth is not known",
}


def readme(
    title: str,
    experiment: str,
    settings: Share,
    threshold: float,
    parts: Mapping[str, tuple[int, int]],
    counts: Mapping[str, int],
    masks: bool,
    categories: Sequence[str],
) -> str:
    """Return the text.

    Parameters
    ----------
    parts
        How many images of each part are shown, and how many there are.
    counts
        Of objects: `predictions`, `drawn` (those from the threshold on), `truth`, `crowds`; and of images that are
        `georeferenced`.
    """
    environment = jinja2.Environment(
        undefined=jinja2.StrictUndefined, trim_blocks=True, lstrip_blocks=True, keep_trailing_newline=True
    )
    return environment.from_string(FILE.read_text(encoding="utf-8")).render(
        title=title,
        experiment=experiment,
        threshold=threshold,
        side=settings.picture_side,
        formats=settings.formats,
        parts=[(name, PARTS[name], *numbers) for name, numbers in parts.items()],
        counts=counts,
        masks=masks,
        categories=categories,
    )
