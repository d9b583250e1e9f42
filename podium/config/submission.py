"""What is sent to the competition."""

from typing import Literal

from pydantic import Field

from podium.config.section import Fraction, Name, Section


class Submission(Section):
    experiment: Name = Field(description="instances experiment that is submitted")
    format: str = Field("dsb2018", description="name of a format, or its fields spelled out")
    score_threshold: Fraction = Field(0.5, description="instances under it are not submitted")
    images: Literal["test", "train_and_test"] = Field(
        "test", description="images whose rows the file holds; train_and_test puts the training images first"
    )
    metric: Literal["dsb2018", "airbus_f2", "dice"] = Field("dsb2018", description="the competition's own metric")
    solution: str | None = Field(
        None, description="path of a solution in the same format, where one is known: gives the local score"
    )
    message: str = Field("podium", max_length=200, description="the message beside the upload; a content hash is added")
