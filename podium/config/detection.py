"""A detection experiment: one detector, fully described. Names follow Detectron2's keys."""

from collections.abc import Mapping
from typing import Literal

from pydantic import Field, NonNegativeInt, model_validator

from podium.config.augmentation import Augmentation
from podium.config.nearest import did_you_mean
from podium.config.section import Fraction, Positive, Section
from podium.config.solver import Solver
from podium.config.zoo import Architecture, Backbone, Pixels, zoo


class Detector(Section):
    """Faster R-CNN or Mask R-CNN with a feature pyramid. Both backends compute the same function of these keys."""

    backend: Literal["torchvision", "detectron2"] = Field(
        "torchvision", description="the library that the model is made of; weights go from one to the other"
    )
    architecture: Architecture = Field("faster_rcnn", description="mask_rcnn finds a mask in each box, too")
    backbone: Backbone = Field("resnet50", description="the residual network under the pyramid")
    weights: str = Field(
        "imagenet",
        pattern=r"^(none|imagenet|.+\.(pt|pth|pkl)|COCO-.+)$",
        description="starting weights: none; imagenet (the backbone, from torchvision); a detector of Detectron2's "
        "model zoo, such as COCO-Detection/faster_rcnn_X_101_32x8d_FPN_3x, which also sets architecture, backbone, "
        "pixels and stride_in_1x1; or the path of a model.pt of ours or of a .pkl or .pth of Detectron2's. Of the "
        "layers that are particular to categories, the rows of categories with equal names are kept",
    )
    pixels: Pixels = Field(
        "rgb",
        description="how pixels are normalised, which must be as the starting weights had it: rgb: red, green, blue by "
        "ImageNet's mean and standard deviation (torchvision); bgr: blue, green, red, 0 to 255, less the mean (ResNets "
        "of Detectron2's zoo); bgr_std: the same over the standard deviation (its ResNeXt)",
    )
    stride_in_1x1: bool = Field(
        False,
        description="a bottleneck block halves the image in its first, 1x1, convolution (ResNets of Detectron2's zoo), "
        "not in the 3x3 (torchvision, ResNeXt)",
    )
    norm: Literal["frozen", "batch", "group"] = Field(
        "frozen", description="normalisation in the backbone; frozen suits pretrained weights and small batches"
    )
    freeze_at: int = Field(2, ge=0, le=5, description="stem (1) and stages (2-5) of the backbone that are not trained")
    num_classes: int | None = Field(
        None, ge=1, description="number of categories; null takes the dataset's, any other number than that is an error"
    )
    levels: tuple[int, int] = Field(
        (2, 6), description="finest and coarsest pyramid level; level n has stride 2^n; level 6 is pooled from 5"
    )
    fpn_channels: int = Field(256, ge=8, description="channels of the pyramid")
    anchor_sizes: tuple[Positive, ...] = Field(
        (32, 64, 128, 256, 512), description="square root of an anchor's area in pixels, one for each level"
    )
    aspect_ratios: tuple[Positive, ...] = Field(
        (0.5, 1.0, 2.0), min_length=1, description="height over width of the anchors"
    )
    rpn_batch_size_per_image: int = Field(256, ge=1, description="anchors sampled for the loss, per image")
    proposals_train: int = Field(1000, ge=1, description="proposals kept per image in training")
    proposals_test: int = Field(1000, ge=1, description="proposals kept per image in inference")
    batch_size_per_image: int = Field(512, ge=1, description="proposals sampled for the box head's loss, per image")
    head_features: int = Field(1024, ge=8, description="width of the box head's two layers")
    smooth_l1_beta: float = Field(
        0.0,
        ge=0,
        description="loss of boxes: below this error it is quadratic, above it linear; 0: linear everywhere (L1)",
    )
    mask_channels: int = Field(256, ge=8, description="width of the mask head's convolutions")
    score_threshold: Fraction = Field(0.05, description="detections under it are dropped in inference")
    nms_threshold: Fraction = Field(0.5, description="IoU above which the lower-scored of two boxes is dropped")
    detections_per_image: int = Field(100, ge=1, description="the most detections kept per image")

    @model_validator(mode="before")
    @classmethod
    def _zoo_weights_say_what_model_they_are_of(cls, raw: object) -> object:
        weights = raw.get("weights") if isinstance(raw, Mapping) else None
        if weights in zoo():
            return {**zoo()[weights].settings, **raw}
        if str(weights).endswith((".pkl", ".pth")):
            # They fit whatever the pixels, and are worth nothing with wrong ones.
            if "pixels" not in raw:
                raise ValueError(f"{weights} does not say how its pixels are normalised: pixels is required")
            if "stride_in_1x1" not in raw and raw.get("backbone") not in ("resnet18", "resnet34"):
                raise ValueError(f"{weights} does not say where its blocks halve the image: stride_in_1x1 is required")
        return raw

    @model_validator(mode="after")
    def _imagenet_weights_and_model_agree(self):
        if self.weights != "imagenet":
            return self
        if self.norm == "group":
            raise ValueError("torchvision's ImageNet weights have no group normalisation: take norm frozen or batch")
        if self.pixels != "rgb":
            raise ValueError(f"with torchvision's ImageNet weights pixels must be rgb, not {self.pixels}")
        if self.stride_in_1x1:
            raise ValueError("with torchvision's ImageNet weights stride_in_1x1 must be false")
        return self

    @model_validator(mode="after")
    def _zoo_weights_and_model_agree(self):
        if not self.weights.startswith("COCO-") or self.weights.endswith((".pt", ".pth", ".pkl")):
            return self
        if self.weights not in zoo():
            near = did_you_mean(self.weights, zoo(), cutoff=0.0)
            raise ValueError(f"weights: {self.weights!r} is not in the zoo; {near}Known: {', '.join(zoo())}")
        trained = zoo()[self.weights].settings | {
            "norm": "frozen",
            "levels": (2, 6),
            "fpn_channels": 256,
            "head_features": 1024,
            "mask_channels": 256,
        }
        for key, value in trained.items():
            if getattr(self, key) != value:
                raise ValueError(f"weights {self.weights} are of a model with {key} {value}, not {getattr(self, key)}")
        return self

    @model_validator(mode="after")
    def _levels_and_anchors_agree(self):
        low, high = self.levels
        if not 2 <= low <= high <= 6 or low == 6:
            raise ValueError(f"levels {list(self.levels)} must be a range within [2, 6], beginning at 5 or before")
        if self.backend == "detectron2" and high < 5:
            raise ValueError(f"levels {list(self.levels)} end before 5, where Detectron2's pyramid does not")
        if len(self.anchor_sizes) != high - low + 1:
            raise ValueError(f"{len(self.anchor_sizes)} anchor_sizes for the {high - low + 1} levels {low} to {high}")
        return self


class Tiles(Section):
    """Squares that a photograph larger than one is cut into, in training and in inference; each is seen as an image is.

    Sizes in the photograph's own pixels.
    """

    size: int = Field(
        800,
        ge=32,
        description="side of a tile; min_size and max_size are then those of tiles: with min_size 0 they stay as they "
        "are, unless `size` is above max_size, which shrinks them",
    )
    overlap: int = Field(
        200,
        ge=0,
        description="what neighbours share at least; should be 1.2 times as long as the longest object, so that a tile "
        "sees each whole",
    )
    whole: bool = Field(
        False,
        description="the photograph is also seen as a whole, resized as without tiles; of what is found there, only "
        "objects longer than the overlap count. For objects as large as a tile",
    )

    @model_validator(mode="after")
    def _tiles_move_on(self):
        if self.overlap > self.size * 3 // 4:
            raise ValueError(f"overlap {self.overlap} is more than three quarters of a tile of {self.size}")
        return self


class DetectionInput(Section):
    """Sizes in pixels. An image is resized so that its shorter side is min_size, its longer at most max_size."""

    min_size_train: tuple[NonNegativeInt, ...] = Field(
        (640, 672, 704, 736, 768, 800),
        min_length=1,
        description="shorter side in training, one is drawn; 0: as it is, unless the longer is above max_size_train",
    )
    max_size_train: int = Field(1333, ge=32, description="longer side in training, at most")
    crop_train: int | None = Field(
        None, ge=32, description="side of the square cut at random from the resized image in training; null: all of it"
    )
    min_size_test: int = Field(
        800, ge=0, description="shorter side in inference; 0: as it is, unless the longer is above max_size_test"
    )
    max_size_test: int = Field(1333, ge=32, description="longer side in inference, at most")
    tiles: Tiles | None = Field(
        None, description="cut larger photographs into tiles, in training and in inference; null: each is seen at once"
    )
    augmentation: Augmentation = Field(
        Augmentation(({"HorizontalFlip": {"p": 0.5}},)), description="albumentations transforms, in training only"
    )
    filter_empty: bool = Field(
        False, description="leave images (and tiles) without objects out of training, as Detectron2 does"
    )


class DetectionExperiment(Section):
    fold: int = Field(0, ge=0, description="which fold's training and validation parts")
    seed: int = Field(0, ge=0, description="seed of initial weights, sample order, augmentation and sampling")
    drop_categories: tuple[str, ...] = Field(
        (),
        description="categories whose objects count as background in training; the model keeps their places. Points of "
        "an ablation are compared on the categories that none of them drops",
    )
    model: Detector = Field(Detector(), description="the detector")
    input: DetectionInput = Field(DetectionInput(), description="what the detector sees")
    solver: Solver = Field(description="how it is trained")
