"""How the images with truth are divided."""

import re

from pydantic import Field, field_validator, model_validator

from podium.config.section import Fraction, Section


class Splits(Section):
    seed: int = Field(42, ge=0, description="seed of the division")
    val: Fraction = Field(0.15, gt=0, lt=1, description="share of images for validation; not used with folds > 1")
    test: Fraction = Field(
        0.15, ge=0, lt=1, description="share of images for the one final evaluation; the same in every fold"
    )
    folds: int = Field(1, ge=1, le=20, description="1: one validation part; more: cross-validation over all but test")
    group_by: str | None = Field(
        None,
        description="regular expression on an image's key; images whose first group is the same text "
        "(one patient, one flight, one photograph cut in tiles) are never divided between parts",
    )

    @field_validator("group_by")
    @classmethod
    def _has_a_group(cls, pattern: str | None) -> str | None:
        if pattern is not None:
            try:
                groups = re.compile(pattern).groups
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from None
            if not groups:
                raise ValueError(f"{pattern!r} has no group: put what images have in common in parentheses")
        return pattern

    @model_validator(mode="after")
    def _something_is_left(self):
        if self.folds == 1 and self.val + self.test >= 1:
            raise ValueError(f"val {self.val} and test {self.test} leave no images for training")
        return self
