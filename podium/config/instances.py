"""Instances: the boxes of a detector, each with the mask that a segmenter finds in it."""

from pydantic import Field

from podium.config.section import Fraction, Name, Section


class InstancesExperiment(Section):
    detection: Name = Field(description="detection experiment whose boxes are used")
    segmentation: Name = Field(description="segmentation experiment that finds a mask in each box")
    score_threshold: Fraction = Field(0.05, description="boxes under it are not segmented")
    mask_threshold: Fraction = Field(0.5, description="a pixel belongs to the object above this probability")
    nms_iou: Fraction | None = Field(
        None,
        description="the lower-scored of two instances of a category whose masks have an IoU above it is dropped; "
        "null: none is",
    )
    min_area: int = Field(1, ge=1, description="instances with fewer pixels are dropped")
    overlap: bool = Field(
        False,
        description="false: a pixel claimed by several instances goes to the one with the highest score; true: it "
        "belongs to all of them, which a submission format may forbid",
    )
