"""What is chosen on the validation part for the competition's metric."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from podium.config.instances import InstancesExperiment
from podium.config.section import Fraction, Section
from podium.files import read_json

_NOT_EMPTY = Field(min_length=1)
_MAKING = ("mask_threshold", "nms_iou", "min_area")


class Tuning(Section):
    """The values that are tried, all combinations of them; those that are configured are always among them."""

    score_threshold: Annotated[tuple[Fraction, ...], _NOT_EMPTY] = Field(
        tuple(round(0.05 * step, 2) for step in range(1, 20)), description="instances under it are not submitted"
    )
    mask_threshold: Annotated[tuple[Fraction, ...], _NOT_EMPTY] = Field(
        (0.3, 0.4, 0.5, 0.6, 0.7),
        description="a pixel belongs to the object above this probability; not for the detection station, whose masks "
        "are made",
    )
    nms_iou: Annotated[tuple[Fraction | None, ...], _NOT_EMPTY] = Field(
        (None, 0.1, 0.3, 0.5),
        description="the lower-scored of two instances of a category whose masks (boxes, where there are no masks) "
        "have an IoU above it is dropped; null: none is",
    )
    min_area: Annotated[tuple[Annotated[int, Field(ge=1)], ...], _NOT_EMPTY] = Field(
        (1, 16, 64), description="instances with fewer pixels are dropped"
    )
    parts: int = Field(
        5, ge=2, description="parts of the validation images for cross-fitting; fewer where there are fewer images"
    )
    seed: int = Field(0, ge=0, description="seed of the division into parts")


class Choice(Section):
    """One combination: how instances are made of what a model finds, and which of them count.

    Without a mask threshold it is one for the detection station, whose masks are made.
    """

    score_threshold: Fraction
    mask_threshold: Fraction | None = None
    nms_iou: Fraction | None = None
    min_area: int = Field(1, ge=1)


def configured_choice(score_threshold: float, experiment: InstancesExperiment | None = None) -> Choice:
    """Return the combination that is configured: with instances of an experiment, or of the detection station."""
    if experiment is None:
        return Choice(score_threshold=score_threshold)
    return Choice(score_threshold=score_threshold, **{name: getattr(experiment, name) for name in _MAKING})


def made_by(choice: Choice | None, experiment: InstancesExperiment) -> InstancesExperiment:
    """Return the settings by which instances are made: the experiment's, those of the choice over them.

    The choice's score threshold is not among them: it says which instances count, and average precision wants all.
    """
    if choice is None:
        return experiment
    return experiment.model_copy(update={name: getattr(choice, name) for name in _MAKING})


def read_choice(path: str | Path | None) -> Choice | None:
    """Read the rule `tune`'s choice.json; None without a path."""
    return Choice.model_validate(read_json(path)) if path else None
