"""What is sent to the competition."""

from collections.abc import Mapping
from typing import Any, Literal

from pydantic import Field, field_validator

from podium.config.formats import Format, named_formats, resolve_format
from podium.config.metrics import MetricKey
from podium.config.section import Fraction, Name, Section
from podium.config.tuning import Tuning
from podium.errors import PodiumError


def _or_a_name(schema: dict) -> None:
    """Let editors take a format's name, too, and complete it."""
    schema["anyOf"] = [{"$ref": schema.pop("$ref")}, {"enum": sorted(named_formats())}]


_BOX_METRICS = {
    "global_wheat": "global_wheat",
    "rsna_pneumonia": "rsna",
    "vinbigdata": "vinbigdata",
    "openimages_detection": "openimages",
}
"""The competitions' own metrics, by the names of their formats."""


def _fitting_metric(submission: Mapping[str, Any]) -> str:
    """Return a metric of what the file holds, where none is named: of boxes the competition's own, if it is known."""
    format = submission.get("format")
    if not format or format.needs != "boxes":
        return "dsb2018"
    return next((own for name, own in _BOX_METRICS.items() if named_formats()[name] == format), "box_ap")


class Submission(Section):
    experiment: Name = Field(description="experiment that is submitted; selected: the one that `selection` chooses")
    station: Literal["instances", "detection"] = Field(
        "instances",
        description="where that experiment is; detection: its boxes, or the masks of a mask_rcnn",
    )
    format: Format = Field(
        description="name of a format of podium/config/formats.yaml, or its fields spelled out",
        json_schema_extra=_or_a_name,
    )
    score_threshold: Fraction = Field(0.5, description="instances or boxes under it are not submitted")
    images: Literal["test", "train_and_test"] = Field(
        "test", description="images whose rows the file holds; train_and_test puts the training images first"
    )
    metric: MetricKey = Field(
        default_factory=_fitting_metric,
        description="the competition's own metric; docs/metrics.md explains each. Without it: dsb2018; where the file "
        "holds boxes, the metric of the format's competition (global_wheat, rsna, vinbigdata, openimages), or box_ap",
    )
    tuning: Tuning | None = Field(
        None, description="thresholds chosen on validation for the metric, in place of those configured; null: none"
    )
    solution: str | None = Field(
        None, description="path of a solution in the same format, where one is known: gives the local score"
    )
    competition: str | None = Field(
        None,
        description="short name on Kaggle, for `snakemake submit`; null: that of a kaggle source",
    )
    code_competition: bool = Field(
        False,
        description="the competition takes notebooks, no files: `snakemake submit` says so and uploads nothing",
    )
    message: str = Field("podium", max_length=200, description="the message beside the upload; a content hash is added")

    @field_validator("format", mode="before")
    @classmethod
    def _named(cls, value: object) -> object:
        if not isinstance(value, str):
            return value
        try:
            return resolve_format(value)
        except PodiumError as error:
            raise ValueError(error.problem) from None
