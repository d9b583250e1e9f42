"""Augmentations by their names in albumentations."""

from typing import Any

from pydantic import Field, RootModel, model_validator


class Augmentation(RootModel):
    """A list of albumentations transforms, each `Name: {parameter: value}`, applied in this order."""

    root: tuple[dict[str, dict[str, Any]], ...] = Field((), description="transforms: `- HorizontalFlip: {p: 0.5}`")

    @model_validator(mode="after")
    def _one_transform_an_entry(self):
        for entry in self.root:
            if len(entry) != 1:
                raise ValueError(f"write one transform an entry, as `- HorizontalFlip: {{p: 0.5}}`, not {entry}")
        return self
