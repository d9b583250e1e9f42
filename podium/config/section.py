"""The base of every configuration section."""

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, StringConstraints

# Names become folders and Snakemake wildcards.
Name = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9][A-Za-z0-9_-]*$")]
Fraction = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]


class Section(BaseModel):
    """A section: unknown keys are refused, values never change after loading, numbers are finite."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)
