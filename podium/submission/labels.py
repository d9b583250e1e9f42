"""How a format writes the dataset's categories."""

from collections.abc import Mapping, Sequence

from podium.config.formats import Format
from podium.errors import PodiumError


class Labels:
    """The labels of all categories, both ways.

    Parameters
    ----------
    form
        The competition's format.
    categories
        The dataset's categories (`id`, `name`). A format that tells no categories can do without.

    Attributes
    ----------
    of
        Labels by category id; empty where the format tells no categories.
    any_id
        The id of what a file says without a category: the first one's.

    Raises
    ------
    PodiumError
        Where a category has no label, a label is that of two categories, or has a space where a space ends it.
    """

    def __init__(self, form: Format, categories: Sequence[Mapping]):
        self.any_id: int = categories[0]["id"] if categories else 1
        self.of: dict[int, str] = {}
        if not form.tells_categories:
            return
        if not categories:
            raise PodiumError("the format tells categories, and the dataset has none", key="submission.format")
        self.of = {category["id"]: _label(form, category) for category in categories}
        self._ids = {label: category_id for category_id, label in self.of.items()}
        self._names = {category["name"]: category["id"] for category in categories}
        wrong = None
        if len(self._ids) < len(self.of):
            wrong = f"two categories have the same label: {', '.join(self.of.values())}"
        elif form.code.kind == "objects":
            broken = [label for label in self._ids if label.split() != [label]]
            wrong = f"the label {broken[0]!r} is not one word, but words are separated by spaces" if broken else None
        if wrong:
            raise PodiumError(
                wrong, key="submission.format.labels", mend="map the names of all categories to labels there"
            )

    def label(self, category_id: int) -> str:
        if category_id not in self.of:
            raise PodiumError(f"no category has the id {category_id}", key="category_id")
        return self.of[category_id]

    def category_id(self, label: str) -> int:
        """Return the id of a label's category; PodiumError for a label that no category has."""
        if label not in self._ids:
            few = ", ".join(list(self._ids)[:10]) + (", …" if len(self._ids) > 10 else "")
            raise PodiumError(f"no category has the label {label[:40]!r}; labels: {few}")
        return self._ids[label]

    def named(self, name: str) -> int:
        """Return the id of the category of this name."""
        if name not in self._names:
            raise PodiumError(
                f"no category is named {name!r}; names: {', '.join(self._names)}", key="submission.format.code.category"
            )
        return self._names[name]


def _label(form: Format, category: Mapping) -> str:
    if form.labels == "name":
        return category["name"]
    if form.labels == "id":
        return str(category["id"])
    if form.labels == "index":
        return str(category["id"] - 1)
    if category["name"] not in form.labels:
        raise PodiumError(
            f"the category {category['name']!r} has no label; the format has labels for {', '.join(form.labels)}",
            key="submission.format.labels",
            mend="give the category the competition's name, drop it (checks.drop_categories), or map it there",
        )
    return str(form.labels[category["name"]])
