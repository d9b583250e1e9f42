"""What stands in a row's last column or columns: a mask, a list of objects, a label, probabilities."""

from collections.abc import Mapping, Sequence
from typing import Protocol

from podium.submission.classes import LabelContent, ProbabilityContent
from podium.submission.masks import MaskContent
from podium.submission.objects import ObjectContent
from podium.submission.table import Table


class Content(Protocol):
    """Writes predictions as cells and reads them back.

    Predictions are COCO results: `category_id`, `score`, and of `segmentation` (compressed RLE) and `bbox` (x, y,
    width, height in pixels) what the format needs.
    """

    needs: str
    """The key that a prediction must have."""

    def write(self, found: Sequence[Mapping], image: Mapping) -> tuple[list[list[str]], int]:
        """Return the cells of an image's rows, none where nothing was found, and how many predictions they hold.

        The order of `found` makes no difference. PodiumError for what cannot be written.
        """

    def empty(self) -> list[str]:
        """Return the cells of a row without anything."""

    def read(self, cells: Sequence[str], image: Mapping, category_id: int) -> list[dict]:
        """Return the predictions of a row; what does not tell a category gets `category_id`, or a score 1.

        PodiumError for cells that the competition would refuse: what is wrong, without file and row.
        """


def content_of(table: Table) -> Content:
    """Return what writes and reads the values of a table."""
    kinds = {
        "runs": MaskContent,
        "objects": ObjectContent,
        "label": LabelContent,
        "probabilities": ProbabilityContent,
    }
    return kinds[table.form.code.kind](table)
