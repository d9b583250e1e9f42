"""Ablations: what varies and what is fixed. Each of their points becomes an experiment (podium/config/points.py)."""

from collections.abc import Mapping
from typing import Any

from pydantic import Field, NonNegativeInt, ValidationInfo, field_validator, model_validator
from pydantic.json_schema import SkipJsonSchema

from podium.config.judging import JudgingMetric, Station, check_metric, default_metric
from podium.config.section import Name, Section


class Point(Section):
    """One combination of an ablation's values."""

    label: str = Field(description="its values in words, as the table and the figure have them")
    values: dict[str, Any] = Field(description="by key: the value, or the name that it was given")
    experiments: dict[int, Name] = Field(description="by seed: the experiment of the ablation's station")


class Ablation(Section):
    """Experiments that differ from one that is written, and from each other, in some keys only."""

    of: str = Field(
        pattern=r"^(detection|segmentation|instances)\.[A-Za-z0-9][A-Za-z0-9_-]*$",
        description="station and name of the experiment that the points are made of, as detection.x101",
    )
    vary: dict[str, list[Any] | dict[str, Any]] = Field(
        min_length=1,
        description="by path of a key in that experiment, as solver.base_lr: the values that it takes, a list of plain "
        "ones or a mapping of names to any; with several keys all combinations. A key may be a section, whose values "
        "are laid over what is written. Of instances, the keys of its two trainings are detection.… and segmentation.…",
    )
    fix: dict[str, Any] = Field({}, description="by path of a key: the value that it has at every point")
    seeds: tuple[NonNegativeInt, ...] = Field(
        (), description="every point is trained with each of them; none: with the experiment's own seed alone"
    )
    reference: dict[str, Any] | None = Field(
        None,
        description="by key: value, or its name, of the point that the others are compared to; "
        "null: the one that has most values in common with the experiment that the points are made of",
    )
    by: JudgingMetric | None = Field(
        None,
        description="metric on validation that the figure shows and by which points are compared; null: box_ap of "
        "detectors, mean_iou of segmenters, mask_ap of instances",
    )
    points: SkipJsonSchema[tuple[Point, ...]] = Field(
        (), description="filled in when the file is checked, not to be written"
    )
    made: SkipJsonSchema[dict[Station, tuple[Name, ...]]] = Field(
        {}, description="the experiments that were added for the points; filled in, not to be written"
    )

    @property
    def station(self) -> Station:
        return self.of.split(".")[0]

    @property
    def experiment(self) -> str:
        """The experiment that the points are made of."""
        return self.of.split(".")[1]

    @property
    def experiments(self) -> list[str]:
        """The experiments of all points, each once."""
        return [*dict.fromkeys(name for point in self.points for name in point.experiments.values())]

    @property
    def metric(self) -> str:
        """The metric by which points are compared."""
        return self.by or default_metric(self.station)

    @property
    def reference_point(self) -> Point:
        """The point that the others are compared to; the first where it is gone, for its training diverged."""
        wanted = (self.reference or {}).items()
        found = (point for point in self.points if all(point.values[key] == value for key, value in wanted))
        return next(found, self.points[0])

    @field_validator("vary", mode="before")
    @classmethod
    def _names_are_texts(cls, vary: object) -> object:
        """Take YAML's other kinds of keys for names."""
        if not isinstance(vary, Mapping):
            return vary
        return {
            key: {_as_name(name): value for name, value in values.items()} if isinstance(values, Mapping) else values
            for key, values in vary.items()
        }

    @field_validator("reference")
    @classmethod
    def _its_names_are_texts(cls, reference: dict | None, info: ValidationInfo) -> dict | None:
        named = {key for key, values in info.data.get("vary", {}).items() if isinstance(values, Mapping)}
        return reference and {key: _as_name(each) if key in named else each for key, each in reference.items()}

    @model_validator(mode="after")
    def _every_key_once(self):
        for key in {*self.vary} & {*self.fix}:
            raise ValueError(f"{key} both varies and is fixed: leave one of them")
        for key in [*self.vary, *self.fix]:
            if self.seeds and key.split(".")[-1] == "seed":
                raise ValueError(f"{key} and seeds: leave one of them")
        if self.by:
            check_metric(self.station, self.by)
        if len(set(self.seeds)) < len(self.seeds):
            raise ValueError(f"seeds {list(self.seeds)} has one twice")
        for key in self.vary:
            if key.split(".")[-1] == "fold":
                raise ValueError(f"{key} cannot vary: points are compared on the same validation images")
            if not self.vary[key]:
                raise ValueError(f"{key} has no values")
        return self


def _as_name(key: object) -> str:
    """Return a key of YAML as a text; on and off, which it reads as true and false, as they were written."""
    return {True: "on", False: "off"}[key] if isinstance(key, bool) else str(key)
