"""A segmentation experiment: a network that finds the mask of the object in a box."""

from typing import Literal

from pydantic import Field, model_validator

from podium.config.augmentation import Augmentation
from podium.config.section import Fraction, Section
from podium.config.solver import Solver


class Segmenter(Section):
    architecture: Literal[
        "report_unet", "unet", "unetplusplus", "manet", "linknet", "fpn", "pspnet", "pan", "deeplabv3plus", "segformer"
    ] = Field(
        "unet",
        description="report_unet: the network of the planes report, whose skips are added; "
        "the others are segmentation-models-pytorch's",
    )
    encoder: str = Field("resnet18", description="encoder's name in segmentation-models-pytorch; not for report_unet")
    encoder_weights: Literal["none", "imagenet"] = Field("none", description="starting weights of the encoder")


class Crops(Section):
    """What the network sees: a square around a box, resized."""

    size: int = Field(96, ge=32, multiple_of=32, description="side in pixels that a crop is resized to")
    context: float = Field(0.15, ge=0, description="margin on each side, as a part of the box's longer side")
    jitter: Fraction = Field(
        0.1,
        description="in training, box sides move by up to this part of its size, since detected boxes are not exact",
    )
    augmentation: Augmentation = Field(
        Augmentation(({"HorizontalFlip": {"p": 0.5}},)), description="albumentations transforms, in training only"
    )


class SegmentationExperiment(Section):
    fold: int = Field(0, ge=0, description="which fold's training and validation parts")
    seed: int = Field(0, ge=0, description="seed of initial weights, sample order and augmentation")
    model: Segmenter = Field(Segmenter(), description="the network")
    crops: Crops = Field(Crops(), description="what the network sees")
    loss: Literal["bce", "dice", "bce_dice"] = Field("bce_dice", description="BCE with logits, Dice, or their sum")
    solver: Solver = Field(description="how it is trained")

    @model_validator(mode="after")
    def _the_crops_fit_the_network(self):
        if self.model.architecture == "report_unet" and self.crops.size % 64:
            raise ValueError(f"report_unet halves six times: crops.size {self.crops.size} must be a multiple of 64")
        if self.solver.heads_only_iters and (
            self.model.architecture == "report_unet" or self.model.encoder_weights == "none"
        ):
            raise ValueError(
                f"solver.heads_only_iters {self.solver.heads_only_iters} would freeze random numbers: it takes an "
                "encoder with encoder_weights"
            )
        if self.model.architecture == "pan" and self.crops.size < 128:
            raise ValueError(f"pan pools what is left of a crop three times: crops.size {self.crops.size} is under 128")
        return self
