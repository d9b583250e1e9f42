"""Categories of whole images: the likeliest one's label, or probabilities.

A prediction is an image's score of one category: `category_id`, `score` (0 to 1; 1 without one).
"""

from collections.abc import Mapping, Sequence

from podium.errors import PodiumError
from podium.submission.numbers import fraction, number_text
from podium.submission.table import Table


class LabelContent:
    """Reads and writes values of the kind `label`; see `podium.submission.content.Content`."""

    needs = "category_id"

    def __init__(self, table: Table):
        self.form, self.labels = table.form, table.labels

    def write(self, found: Sequence[Mapping], image: Mapping) -> tuple[list[list[str]], int]:
        scores = _scores(found, image)
        best = min(scores, key=lambda category_id: (-scores[category_id], category_id))
        return [[self.labels.label(best)]], len(found)

    def empty(self) -> list[str]:
        return [self.form.empty]

    def read(self, cells: Sequence[str], image: Mapping, category_id: int) -> list[dict]:
        (label,) = cells
        if not label.strip():
            raise PodiumError("the label is blank")
        return [{"category_id": self.labels.category_id(label), "score": 1.0}]


class ProbabilityContent:
    """Reads and writes values of the kind `probabilities`; see `podium.submission.content.Content`."""

    needs = "category_id"

    def __init__(self, table: Table):
        self.form, self.decimals = table.form, table.form.code.decimals
        only = table.form.code.category
        labels = table.labels
        self.columns = [labels.named(only)] if only else [labels.category_id(label) for label in table.values]
        self.headers = table.values

    def write(self, found: Sequence[Mapping], image: Mapping) -> tuple[list[list[str]], int]:
        scores = _scores(found, image)
        missing = [header for header, each in zip(self.headers, self.columns, strict=True) if each not in scores]
        if missing:
            raise PodiumError(
                f"{len(missing)} categories have no probability, first {missing[0]!r}", record=image["key"]
            )
        return [[number_text(scores[each], self.decimals) for each in self.columns]], len(found)

    def empty(self) -> list[str]:
        return [self.form.empty] * len(self.columns)

    def read(self, cells: Sequence[str], image: Mapping, category_id: int) -> list[dict]:
        return [
            {"category_id": each, "score": fraction(cell, f"the probability in column {header!r}")}
            for cell, header, each in zip(cells, self.headers, self.columns, strict=True)
        ]


def _scores(found: Sequence[Mapping], image: Mapping) -> dict[int, float]:
    """Return an image's scores by category id; PodiumError where there are none, or one category has two."""
    scores = {each["category_id"]: each.get("score", 1.0) for each in found}
    if len(scores) < len(found):
        raise PodiumError("a category is predicted twice", record=image["key"], key="category_id")
    if not scores:
        raise PodiumError(
            "the image has no prediction", record=image["key"], mend="predict all images that are submitted"
        )
    return scores
