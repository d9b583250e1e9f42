"""What a page is made of: sections of blocks, which the template turns into HTML one kind at a time."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import ClassVar

from markupsafe import Markup

from podium.files import read_json
from podium.report.names import in_words

DASH = "\u2013"
"""What a cell without a value holds."""


@dataclass(frozen=True)
class Table:
    """A table. Cells are texts; a column whose cells are all numbers (or missing) is set flush right."""

    kind: ClassVar[str] = "table"
    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]

    @property
    def numeric(self) -> list[bool]:
        return [bool(self.rows) and all(_is_number(row[place]) for row in self.rows) for place in range(self.width)]

    @property
    def width(self) -> int:
        return len(self.columns)


@dataclass(frozen=True)
class Plot:
    """A figure drawn as vectors. `svg` is markup of our own making, never a file's."""

    kind: ClassVar[str] = "plot"
    svg: Markup
    caption: str


@dataclass(frozen=True)
class Plots:
    """Figures beside each other."""

    kind: ClassVar[str] = "plots"
    plots: Sequence[Plot]


@dataclass(frozen=True)
class Picture:
    """A picture as a data URI, with what it shows in words (`alt`) and in short (`label`)."""

    source: str
    width: int
    height: int
    alt: str
    label: str


@dataclass(frozen=True)
class Specimen:
    """The pictures of one image, side by side."""

    pictures: Sequence[Picture]
    title: str
    facts: str


@dataclass(frozen=True)
class Gallery:
    """Specimens under a heading; `legend` gives categories their colours as (name, CSS colour)."""

    kind: ClassVar[str] = "gallery"
    title: str
    text: str
    specimens: Sequence[Specimen]
    legend: Sequence[tuple[str, str]] = ()
    wide: bool = False
    """Whether each specimen has pictures for a whole row, and more."""


@dataclass(frozen=True)
class Text:
    """A paragraph."""

    kind: ClassVar[str] = "text"
    text: str


@dataclass(frozen=True)
class Link:
    """A paragraph that ends in an address to follow."""

    kind: ClassVar[str] = "link"
    text: str
    address: str


@dataclass(frozen=True)
class Missing:
    """Says that something is not there, and which file would hold it."""

    kind: ClassVar[str] = "missing"
    what: str
    file: str


@dataclass(frozen=True)
class Listing:
    """Text to be read as it is (settings, commands), folded away under its summary."""

    kind: ClassVar[str] = "listing"
    summary: str
    text: str


@dataclass(frozen=True)
class Drawing:
    """An SVG file that is shown as a picture, so that nothing in it can run."""

    kind: ClassVar[str] = "drawing"
    source: str
    alt: str
    caption: str


@dataclass(frozen=True)
class Folded:
    """Blocks that open on demand."""

    kind: ClassVar[str] = "folded"
    summary: str
    blocks: Sequence[object]


@dataclass
class Section:
    """A heading, its blocks, its sections. `anchor` is the heading's id in the page."""

    title: str
    anchor: str
    blocks: list = field(default_factory=list)
    sections: list["Section"] = field(default_factory=list)


def optional_json(root: Path, file: str) -> object | None:
    """Return the content of `root / file`, None where there is no such file; a malformed one is a PodiumError."""
    path = root / file
    return read_json(path) if path.exists() else None


def number(value: object, digits: int = 3) -> str:
    """Return a number for a cell: whole numbers as they are, others rounded to `digits` places, None as a dash."""
    if value is None or value == "":
        return DASH
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value)
    return f"{value:,}".replace(",", "\u202f") if isinstance(value, int) else f"{value:.{digits}f}"


def with_interval(value: float | None, low: float | None, high: float | None) -> str:
    """Return a difference with its sign and its interval for a cell."""
    if value is None:
        return DASH
    return f"{value:+.3f}" + ("" if low is None else f" [{low:+.3f}, {high:+.3f}]")


def records_table(caption: str, records: Iterable[Mapping]) -> Table:
    """Return a table with a row per record; columns are the union of the keys."""
    records = list(records)
    keys = list(dict.fromkeys(key for record in records for key in record))
    return Table(
        caption, [in_words(key) for key in keys], [[number(record.get(key)) for key in keys] for record in records]
    )


def _is_number(text: str) -> bool:
    """Tell numbers as `number` writes them, with or without an interval or a spread."""
    bare = text.replace("\u202f", "").split(" [")[0].split(" \u00b1 ")[0]
    return text == DASH or bare.removeprefix("-").removeprefix("+").replace(".", "", 1).isdigit()
