"""What a competition's submission file looks like. The named formats are data: `formats.yaml` beside this module."""

from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field, ValidationError, model_validator

from podium.config.nearest import did_you_mean
from podium.config.section import Section
from podium.errors import PodiumError

TABLE = Path(__file__).with_name("formats.yaml")


class RunLengthCode(Section):
    """How a mask becomes text: runs of its pixels in one order, each as a start and a length, joined by spaces."""

    order: Literal["column", "row"] = Field(
        description="pixels are numbered column: downwards, then to the right; row: to the right, then downwards"
    )
    base: Literal[0, 1] = Field(description="number of the first pixel")
    starts: Literal["absolute", "relative"] = Field(
        "absolute", description="relative: a start counts from the end of the run before it; the first from `base`"
    )


class Format(Section):
    """Columns, rows and codes of a submission file."""

    description: str = Field("", description="the competition that uses it, and where its rules are written")
    id_column: str = Field(min_length=1, description="header of the first column, which names the image")
    value_column: str = Field(min_length=1, description="header of the second column, which holds the code")
    rows: Literal["instance", "image"] = Field(
        description="instance: an image has a row per instance; image: it has one row with the union of its instances"
    )
    empty: str = Field(description="what the one row of an image without instances holds in place of a code")
    overlap: Literal["allowed", "forbidden"] = Field(
        "forbidden",
        description="whether two instances of an image may share pixels; without effect where rows is image",
    )
    max_bytes: int | None = Field(
        None, ge=1, description="largest file that the competition takes, in bytes; null: it names none"
    )
    code: RunLengthCode = Field(description="how masks become text")

    @model_validator(mode="after")
    def _columns_differ(self):
        if self.id_column == self.value_column:
            raise ValueError(f"id_column and value_column are both {self.id_column!r}")
        return self

    @property
    def header(self) -> list[str]:
        """The file's first line."""
        return [self.id_column, self.value_column]


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
            f"{'.'.join(map(str, problem['loc'])) or 'all of it'}: {problem['msg'].removeprefix('Value error, ')}"
            for problem in error.errors()
        )
        raise PodiumError(
            f"{what} is wrong: {wrong}",
            file=file,
            key="submission.format",
            mend=f"a format has the keys {', '.join(Format.model_fields)}; podium/config/formats.yaml has examples",
        ) from None
