"""What a competition's submission file looks like. The named formats are data: `formats.yaml` beside this module."""

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Annotated, Literal

import yaml
from pydantic import Field, ValidationError, field_validator, model_validator

from podium.config.nearest import did_you_mean
from podium.config.section import Section
from podium.errors import PodiumError

TABLE = Path(__file__).with_name("formats.yaml")

Word = Literal["category", "score", "x", "y", "width", "height", "x1", "y1", "x2", "y2", "mask"]
PLACES = ({"x", "y", "width", "height"}, {"x1", "y1", "x2", "y2"}, {"mask"})
"""The ways to say where an object is."""

Column = Annotated[str, Field(min_length=1)]
Decimals = Annotated[int, Field(ge=0, le=15)]


class RunLengthCode(Section):
    """How a mask becomes text: runs of its pixels in one order, each as a start and a length, joined by spaces."""

    kind: Literal["runs"] = Field("runs", description="a mask as the runs of its pixels")
    order: Literal["column", "row"] = Field(
        description="pixels are numbered column: downwards, then to the right; row: to the right, then downwards"
    )
    base: Literal[0, 1] = Field(description="number of the first pixel")
    starts: Literal["absolute", "relative"] = Field(
        "absolute", description="relative: a start counts from the end of the run before it; the first from `base`"
    )


class ObjectList(Section):
    """How all objects of an image become one text: for each the same words, joined by spaces."""

    kind: Literal["objects"] = Field(description="all objects of an image in one text, a few words for each")
    words: tuple[Word, ...] = Field(
        description="words of an object in their order: category; score; a box as x y width height or as x1 y1 x2 y2 "
        "(x to the right, y downwards from the upper left corner); mask (COCO's RLE, zlib, base64)"
    )
    units: Literal["pixels", "fraction"] = Field(
        "pixels", description="coordinates in pixels, or as a fraction of the image's width and height"
    )
    decimals: Decimals = Field(2, description="decimals of coordinates")

    @field_validator("words")
    @classmethod
    def _one_place(cls, words: tuple[Word, ...]) -> tuple[Word, ...]:
        if len(set(words)) < len(words):
            raise ValueError(f"a word is there twice: {' '.join(words)}")
        if set(words) - {"category", "score"} not in PLACES:
            raise ValueError(f"{' '.join(words)}: an object has x y width height, or x1 y1 x2 y2, or mask")
        return words


class Label(Section):
    """The likeliest category of an image. No station of the workflow finds it yet."""

    kind: Literal["label"] = Field(description="the label of the likeliest category")


class Probabilities(Section):
    """How likely an image's categories are. No station of the workflow finds that yet."""

    kind: Literal["probabilities"] = Field(description="probabilities of categories, 0 to 1")
    category: str | None = Field(
        None,
        description="name of the one category whose probability stands in value_column; null: every category has a "
        "column of its own, with its label as the header, and there is no value_column",
    )
    decimals: Decimals = Field(6, description="decimals of a probability")


class Format(Section):
    """Columns, rows and codes of a submission file.

    Its columns are, in this order: `id_column`, `category_column`, `size_columns`, `value_column`, those that it has.
    """

    description: str = Field("", description="the competition that uses it, and where its rules are written")
    id_column: Column = Field(description="header of the first column, which names the image")
    id: str = Field(
        "{image}",
        description="how that column names a row: {image} is the image's key, {category} the category's label",
    )
    category_column: Column | None = Field(
        None, description="header of a column with the category's label, where rows is category"
    )
    size_columns: tuple[Column, Column] | None = Field(
        None, description="headers of two columns with the image's width and height in pixels"
    )
    value_column: Column | None = Field(None, description="header of the last column, which holds the code")
    rows: Literal["instance", "image", "category"] = Field(
        description="instance: an image has a row per instance; image: it has one row, of masks with the union of its "
        "instances; category: it has a row per category, with the union of that category's instances"
    )
    empty: str = Field(description="what the one row of an image without instances holds in place of a code")
    overlap: Literal["allowed", "forbidden"] = Field(
        "forbidden",
        description="whether two instances of an image may share pixels; without effect unless rows is instance",
    )
    max_bytes: int | None = Field(
        None, ge=1, description="largest file that the competition takes, in bytes; null: it names none"
    )
    labels: Literal["name", "id", "index"] | dict[str, str | int] = Field(
        "name",
        description="how a category is written: by its name; by its id in the dataset, from 1; by its index, from 0; "
        "or a mapping of all names to labels",
    )
    code: Annotated[RunLengthCode | ObjectList | Label | Probabilities, Field(discriminator="kind")] = Field(
        description="what the value is; without a kind it is runs"
    )

    @field_validator("code", mode="before")
    @classmethod
    def _runs_need_no_kind(cls, code: object) -> object:
        return {"kind": "runs", **code} if isinstance(code, Mapping) else code

    @field_validator("id")
    @classmethod
    def _placeholders(cls, pattern: str) -> str:
        found = re.findall(r"\{.*?\}", pattern)
        if found.count("{image}") != 1 or not set(found) <= {"{image}", "{category}"}:
            raise ValueError(f"{pattern!r} must hold {{image}} once, and no other braces but {{category}}")
        return pattern

    @model_validator(mode="after")
    def _parts_fit_together(self):
        key_of: dict[str, str] = {}
        for key in ("id_column", "category_column", "size_columns", "value_column"):
            columns = getattr(self, key) or ()
            for column in (columns,) if isinstance(columns, str) else columns:
                if column in key_of:
                    raise ValueError(f"{key_of[column]} and {key} are both {column!r}")
                key_of[column] = key
        by_category = self.rows == "category"
        if self.rows != "image" and self.code.kind != "runs":
            raise ValueError(f"rows is {self.rows}, but a code of kind {self.code.kind} has a row per image")
        if by_category != (self.category_column is not None or "{category}" in self.id):
            raise ValueError("a row per category, and no other, names it: by {category} in id or by a category_column")
        if self.columns_are_categories == (self.value_column is not None):
            raise ValueError(
                "value_column must be left out: every category has a column"
                if self.columns_are_categories
                else "value_column is required and missing"
            )
        if self.code.kind == "probabilities" and not re.fullmatch(r"0(\.\d*)?|1(\.0*)?", self.empty):
            raise ValueError(f"empty is {self.empty!r}, but it stands in place of a probability, 0 to 1")
        return self

    @property
    def columns_are_categories(self) -> bool:
        return self.code.kind == "probabilities" and self.code.category is None

    @property
    def forbids_overlap(self) -> bool:
        """Whether no two instances of an image may share pixels."""
        return self.rows == "instance" and self.overlap == "forbidden"

    @property
    def tells_categories(self) -> bool:
        """Whether the file says of what category something is."""
        words = self.code.words if self.code.kind == "objects" else ()
        return self.rows == "category" or self.needs == "classes" or "category" in words

    @property
    def needs(self) -> Literal["masks", "boxes", "classes"]:
        """What predictions must have: masks, boxes of objects, or categories of whole images."""
        if self.code.kind == "runs":
            return "masks"
        if self.code.kind == "objects":
            return "masks" if "mask" in self.code.words else "boxes"
        return "classes"


@cache
def named_formats() -> dict[str, Format]:
    """Return the formats of `formats.yaml` by name."""
    table = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return {name: _checked(fields, f"the format {name!r}", TABLE) for name, fields in table.items()}


def resolve_format(format: str | Mapping) -> Format:
    """Return the format of this name, or the one whose fields are given.

    Raises
    ------
    PodiumError
        For a name that is not in `formats.yaml` (it lists the known names and the nearest), and for wrong fields.
    """
    if isinstance(format, Mapping):
        return _checked(format, "the submission format", None)
    known = named_formats()
    if format not in known:
        advice = did_you_mean(format.lower(), known)
        raise PodiumError(
            f"no submission format is named {format!r}; {advice}Known formats: {', '.join(sorted(known))}",
            key="submission.format",
            mend="name a known format, or spell the format's fields out in its place",
        )
    return known[format]


def _checked(fields: Mapping, what: str, file: Path | None) -> Format:
    try:
        return Format.model_validate(fields)
    except ValidationError as error:
        wrong = "; ".join(
            f"{_dotted(problem['loc'])}: {problem['msg'].removeprefix('Value error, ')}" for problem in error.errors()
        )
        raise PodiumError(
            f"{what} is wrong: {wrong}",
            file=file,
            key="submission.format",
            mend=f"a format has the keys {', '.join(Format.model_fields)}; podium/config/formats.yaml has examples",
        ) from None


def _dotted(loc: tuple) -> str:
    """Return pydantic's location without the kind that it puts behind `code`, which is no key."""
    steps = [str(step) for place, step in enumerate(loc) if not (place == 1 and loc[0] == "code" and len(loc) > 2)]
    return ".".join(steps) or "all of it"
