"""Detectron2's model zoo: which detectors there are, and how they are built. The table is in `zoo.yaml`."""

from functools import cache
from pathlib import Path
from typing import Literal

import yaml
from pydantic import Field

from podium.config.section import Section

TABLE = Path(__file__).with_name("zoo.yaml")

Architecture = Literal["faster_rcnn", "mask_rcnn"]
Backbone = Literal["resnet18", "resnet34", "resnet50", "resnet101", "resnext50_32x4d", "resnext101_32x8d"]
Pixels = Literal["rgb", "bgr", "bgr_std"]


class ZooModel(Section):
    """One row: a detector trained on COCO, whose weights can be downloaded."""

    file: str = Field(description="identity and file name in the zoo")
    architecture: Architecture = Field(description="with masks or without")
    backbone: Backbone = Field(description="the residual network")
    box_ap: float = Field(description="AP of boxes on COCO val2017, per cent")
    mask_ap: float | None = Field(None, description="AP of masks on COCO val2017, per cent")

    @property
    def pixels(self) -> Pixels:
        """The ResNets go back to MSRA's, the ResNeXt to FAIR's, which divided by standard deviations."""
        return "bgr_std" if self.backbone == "resnext101_32x8d" else "bgr"

    @property
    def stride_in_1x1(self) -> bool:
        """MSRA's ResNets halve the image in the 1x1 convolution of a block, FAIR's ResNeXt in the 3x3."""
        return self.backbone != "resnext101_32x8d"

    @property
    def settings(self) -> dict[str, object]:
        """The keys of a detector's section that these weights determine."""
        names = ("architecture", "backbone", "pixels", "stride_in_1x1")
        return {name: getattr(self, name) for name in names}


@cache
def zoo() -> dict[str, ZooModel]:
    """Return the zoo's models by their names."""
    rows = yaml.safe_load(TABLE.read_text(encoding="utf-8"))
    return {name: ZooModel.model_validate(row) for name, row in rows.items()}
