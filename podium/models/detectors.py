"""Detectors, assembled from torchvision's parts by their configuration."""

from urllib.error import URLError

import torchvision
from torch import Tensor, nn
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.detection import FasterRCNN, fasterrcnn_resnet50_fpn
from torchvision.models.detection.anchor_utils import AnchorGenerator
from torchvision.models.detection.faster_rcnn import FastRCNNPredictor, TwoMLPHead
from torchvision.models.detection.transform import GeneralizedRCNNTransform
from torchvision.ops import FrozenBatchNorm2d, MultiScaleRoIAlign
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool

from podium.config.detection import Detector
from podium.errors import PodiumError
from podium.models.checkpoint import load_checkpoint
from podium.models.normalisation import PIXEL_MEAN, PIXEL_STD

# Layers whose shape depends on the number of categories.
_CLASS_LAYERS = "roi_heads.box_predictor."

_NORMS = {"frozen": FrozenBatchNorm2d, "batch": nn.BatchNorm2d, "group": lambda channels: nn.GroupNorm(32, channels)}


class _Normalise(GeneralizedRCNNTransform):
    """Normalises and pads a batch. Resizing is done before the model, once, by podium.data.resize."""

    def resize(self, image: Tensor, target: dict | None = None) -> tuple[Tensor, dict | None]:
        return image, target


def build_detector(settings: Detector, num_classes: int) -> FasterRCNN:
    """Return a Faster R-CNN with feature pyramid.

    It takes a list of images, float (3, h, w), RGB in [0, 1]; in training also a list of targets with `boxes`, float
    (n, 4), xyxy in pixels, and `labels`, int64 (n,), from 1 to num_classes. In training it returns the losses, else
    one dict per image with `boxes`, `labels` and `scores`.

    Raises
    ------
    PodiumError
        Starting weights cannot be had or do not fit.
    """
    low, high = settings.levels
    maps = [str(index) for index in range(min(high, 5) - low + 1)]
    detector = FasterRCNN(
        _Pyramid(settings),
        rpn_anchor_generator=AnchorGenerator(
            tuple((size,) for size in settings.anchor_sizes), (settings.aspect_ratios,) * (high - low + 1)
        ),
        box_roi_pool=MultiScaleRoIAlign(maps, output_size=7, sampling_ratio=2),
        box_head=TwoMLPHead(settings.fpn_channels * 7 * 7, settings.head_features),
        box_predictor=FastRCNNPredictor(settings.head_features, num_classes + 1),
        rpn_batch_size_per_image=settings.rpn_batch_size_per_image,
        rpn_pre_nms_top_n_train=2 * settings.proposals_train,
        rpn_post_nms_top_n_train=settings.proposals_train,
        rpn_pre_nms_top_n_test=settings.proposals_test,
        rpn_post_nms_top_n_test=settings.proposals_test,
        box_batch_size_per_image=settings.batch_size_per_image,
        box_score_thresh=settings.score_threshold,
        box_nms_thresh=settings.nms_threshold,
        box_detections_per_img=settings.detections_per_image,
    )
    for part in (detector.backbone, detector.rpn.head, detector.roi_heads.box_predictor):
        part.register_forward_hook(_in_full_precision)
    detector.transform = _Normalise(min_size=0, max_size=0, image_mean=PIXEL_MEAN, image_std=PIXEL_STD)
    if settings.weights not in ("none", "imagenet"):
        _start_from(detector, settings)
    _freeze(detector.backbone.body, settings.freeze_at)
    return detector


def _in_full_precision(module: nn.Module, inputs: tuple, output: object) -> object:
    """Return a part's output as float32, also under autocast.

    torchvision makes anchors and boxes of the same type as features and deltas, and 16 bits do not hold a coordinate.
    """
    if isinstance(output, Tensor):
        return output.float()
    if isinstance(output, dict):
        return {name: _in_full_precision(module, inputs, value) for name, value in output.items()}
    return type(output)(_in_full_precision(module, inputs, value) for value in output)


class _Pyramid(nn.Module):
    """A residual network with a feature pyramid on it; parts are named as in torchvision's BackboneWithFPN."""

    def __init__(self, settings: Detector):
        super().__init__()
        low, high = settings.levels
        weights = "DEFAULT" if settings.weights == "imagenet" else None
        with _download(settings.weights):
            body = torchvision.models.get_model(settings.backbone, weights=weights, norm_layer=_NORMS[settings.norm])
        # Stage n of a residual network has stride 2^n and 2^(n-2) times the channels of stage 2; torchvision calls it
        # layer n-1.
        stages = range(low, min(high, 5) + 1)
        first = body.inplanes // 8
        self.body = IntermediateLayerGetter(
            body, {f"layer{stage - 1}": str(index) for index, stage in enumerate(stages)}
        )
        self.fpn = FeaturePyramidNetwork(
            [first * 2 ** (stage - 2) for stage in stages],
            settings.fpn_channels,
            extra_blocks=LastLevelMaxPool() if high == 6 else None,
        )
        self.out_channels = settings.fpn_channels

    def forward(self, images: Tensor) -> dict[str, Tensor]:
        return self.fpn(self.body(images))


def _start_from(detector: FasterRCNN, settings: Detector) -> None:
    """Load weights of a whole detector, leaving class-specific layers of another shape as they are."""
    if settings.weights == "coco":
        with _download("coco"):
            weights = fasterrcnn_resnet50_fpn(weights="DEFAULT").state_dict()
    else:
        weights = load_checkpoint(settings.weights).weights
    own = detector.state_dict()
    misfits = [name for name in own if name not in weights or weights[name].shape != own[name].shape]
    # Frozen batch norms count no batches.
    missed = [name for name in misfits if not name.endswith("num_batches_tracked")]
    wrong = [name for name in missed if not name.startswith(_CLASS_LAYERS)]
    if wrong:
        raise PodiumError(
            f"{len(wrong)} of the detector's {len(own)} tensors are missing or of another shape, as {wrong[0]}",
            file=settings.weights,
            key="model.weights",
            mend="use the backbone, levels and widths that the weights were trained with",
        )
    detector.load_state_dict({name: weights[name] for name in own if name not in misfits}, strict=False)


def _freeze(body: nn.Module, freeze_at: int) -> None:
    for stage, names in enumerate((("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",)), start=1):
        for name in names:
            if stage <= freeze_at and name in body:
                body[name].requires_grad_(False)
                body[name] = _norms_frozen(body[name])


def _norms_frozen(module: nn.Module) -> nn.Module:
    """Return a module whose batch norms use their stored statistics and change them no more, as Detectron2 does."""
    if isinstance(module, nn.BatchNorm2d):
        frozen = FrozenBatchNorm2d(module.num_features, module.eps)
        frozen.load_state_dict(module.state_dict())
        return frozen
    for name, child in module.named_children():
        setattr(module, name, _norms_frozen(child))
    return module


class _download:
    """Turns a failed download of torchvision's weights into an error that says what to do."""

    def __init__(self, weights: str):
        self.weights = weights

    def __enter__(self):
        return self

    def __exit__(self, kind, error, trace) -> None:
        if isinstance(error, URLError):
            raise PodiumError(
                f"torchvision's {self.weights} weights could not be downloaded: {error.reason}",
                key="model.weights",
                mend="run once where there is a network, or set weights: none",
            ) from None
