"""The table that a submission's CSV file holds: its columns, and what each row is about."""

import csv
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import NamedTuple

from podium.config.formats import Format
from podium.errors import PodiumError
from podium.submission.labels import Labels

Key = tuple[str, ...]
"""The cells that name a row: its id, and the category's label where that has a column."""


class Cells(NamedTuple):
    """A row's cells by what they are for."""

    key: Key
    size: list[str]
    values: list[str]


class Slot(NamedTuple):
    """What the row, or the rows, of a key are about. The category is that of the only one where rows is category."""

    image: Mapping
    category_id: int | None


class Table:
    """The columns and rows of a format, for these images and categories.

    Parameters
    ----------
    form
        The competition's format.
    images
        The dataset's image records (`key`, `width`, `height`).
    categories
        The dataset's categories (`id`, `name`); may be empty where the format tells none.
    sample
        The competition's sample submission: its keys are the rows that the file must have, in this order, and columns
        of categories are in its order. Without one: rows for all images.

    Attributes
    ----------
    header
        The file's first line.
    slots
        What each possible key is about.
    asked
        The keys that the file must have, in order, each with its size cells (those of the sample where it has any).

    Raises
    ------
    PodiumError
        Where the sample has no rows, another header or a malformed row; errors as in `Labels` and `numbered_rows`.
    """

    def __init__(
        self,
        form: Format,
        images: Sequence[Mapping],
        categories: Sequence[Mapping] = (),
        sample: str | Path | None = None,
    ):
        self.form, self.labels = form, Labels(form, categories)
        self.names = [form.id_column, *filter(None, [form.category_column])]
        self.sizes = list(form.size_columns or ())
        self.values = list(self.labels.of.values()) if form.columns_are_categories else [form.value_column]
        self.slots: dict[Key, Slot] = {}
        for image in images:
            for category_id in self.labels.of if form.rows == "category" else [None]:
                self.slots[self._key(image, category_id)] = Slot(image, category_id)
        self.asked = {key: self.size(slot.image) for key, slot in self.slots.items()}
        if sample is not None:
            self._follow(sample)

    @property
    def header(self) -> list[str]:
        return [*self.names, *self.sizes, *self.values]

    def size(self, image: Mapping) -> list[str]:
        """Return an image's size cells."""
        return [str(image["width"]), str(image["height"])] if self.sizes else []

    def split(self, row: Sequence[str]) -> Cells:
        """Take a row apart; PodiumError where it has too few or too many fields."""
        if len(row) != len(self.header):
            raise PodiumError(f"the row has {len(row)} fields, expected {len(self.header)}")
        first, second = len(self.names), len(self.names) + len(self.sizes)
        return Cells(tuple(row[:first]), list(row[first:second]), list(row[second:]))

    def read(self, path: str | Path) -> Iterator[tuple[int, Cells]]:
        """Yield the number and the cells of every row below the header.

        Raises
        ------
        PodiumError
            Where the header is another, or a row has another number of fields, beside the errors of `numbered_rows`.
        """
        rows = numbered_rows(path)
        _, header = next(rows, (1, []))
        if header != self.header:
            raise PodiumError(
                f"the header is {shown(header)!r}, the format's is {shown(self.header)!r}",
                file=path,
                mend="take the format that this competition uses, or the file that belongs to it",
            )
        for number, row in rows:
            try:
                yield number, self.split(row)
            except PodiumError as error:
                raise PodiumError(error.problem, file=path, record=f"row {number}") from None

    def _key(self, image: Mapping, category_id: int | None) -> Key:
        label = "" if category_id is None else self.labels.label(category_id)
        # In one pass, so that a key with braces in it stays as it is.
        parts = {"{image}": image["key"], "{category}": label}
        name = "".join(parts.get(part, part) for part in _split_pattern(self.form.id))
        return (name, label) if self.form.category_column else (name,)

    def _follow(self, sample: str | Path) -> None:
        _, header = next(numbered_rows(sample), (1, []))
        named = len(self.names) + len(self.sizes)
        if self.form.columns_are_categories and sorted(header[named:]) == sorted(self.values):
            self.values = header[named:]
        self.asked = {}
        for _, cells in self.read(sample):
            slot = self.slots.get(cells.key)
            self.asked[cells.key] = self.size(slot.image) if slot else cells.size
        if not self.asked:
            raise PodiumError("the sample submission has no rows", file=sample)


def shown(cells: Sequence[str]) -> str:
    """Return cells as a line of the file, shortened."""
    line = ",".join(cells)
    return line if len(line) <= 200 else f"{line[:200]}…"


def numbered_rows(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a UTF-8 CSV file with its number: the header is row 1, a blank line is an empty row.

    Raises
    ------
    PodiumError
        Where the file is missing, is not UTF-8 or has broken quotes.
    """
    csv.field_size_limit(sys.maxsize)  # One code can be megabytes long.
    number = 0
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file, strict=True), start=1):
                yield number, row
    except FileNotFoundError:
        raise PodiumError("the file is missing", file=path) from None
    except UnicodeDecodeError as error:
        raise PodiumError(f"not UTF-8 text: {error}", file=path, mend="save the file as UTF-8") from None
    except csv.Error as error:
        raise PodiumError(f"not valid CSV after row {number}: {error}", file=path) from None


def _split_pattern(pattern: str) -> list[str]:
    """Split an id's pattern at its placeholders, which stay: "{image}_{category}" is ["{image}", "_", "{category}"]."""
    return re.split(r"(\{image\}|\{category\})", pattern)
