"""Detectron2's own detectors behind our interface: the same images, targets, results and names of weights."""

import warnings
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import Parameter

from podium.config.detection import DetectionInput, Detector
from podium.errors import PodiumError
from podium.models.detectron2_config import detectron2_config
from podium.models.detectron2_names import from_detectron2, to_detectron2
from podium.models.rcnn.backbone import residual_network

_INNER = "model."

_LOSSES = ("loss_cls", "loss_box_reg", "loss_rpn_cls", "loss_rpn_loc")

Targets = list[dict[str, Tensor]]


def build_detectron2(settings: Detector, num_classes: int) -> nn.Module:
    """Return Detectron2's model, with the interface of podium.models.detectors.build_detector.

    It works with version 0.6 and with the repository of 2026. Nothing of it is registered, logged or configured beyond
    this model: no data set, no handler, no global configuration.

    Raises
    ------
    PodiumError
        Detectron2 is not installed, or cannot build such a detector.
    URLError
        ImageNet's weights cannot be downloaded.
    """
    build_model, default_config, node = _library()
    config = default_config()
    # Sizes of images are no matter of the model: what comes is resized already.
    config.merge_from_other_cfg(node(detectron2_config(settings, DetectionInput(), num_classes)))
    config.MODEL.DEVICE = "cpu"
    detector = Detectron2Detector(build_model(config), settings)
    if settings.weights == "imagenet":
        own, network = detector.state_dict(), _imagenet(settings)
        detector.load_state_dict(own | {name: value for name, value in network.items() if name in own})
    return detector


class Detectron2Detector(nn.Module):
    """A model of Detectron2's, whose parameters and weights go by our names.

    Modules below keep their own names, so a wrapper (DistributedDataParallel, AveragedModel) sees those of its
    parameters; its state dict has ours.
    """

    def __init__(self, model: nn.Module, settings: Detector):
        super().__init__()
        self.model, self.levels, self.bgr = model, settings.levels, settings.pixels != "rgb"
        self.losses = (*_LOSSES, "loss_mask") if settings.architecture == "mask_rcnn" else _LOSSES
        for layer in model.modules():
            # Batch norms that Detectron2 froze count batches no more, but kept the counter.
            if type(layer).__name__ == "FrozenBatchNorm2d":
                layer.num_batches_tracked = None
        self.register_state_dict_post_hook(_rename_saved)
        self.register_load_state_dict_pre_hook(_rename_loaded)

    def forward(self, images: list[Tensor], targets: Targets | None = None) -> dict[str, Tensor] | Targets:
        inputs = [{"image": image.flip(0) if self.bgr else image} for image in images]
        if not self.training:
            return [_detections(found) for found in self.model.inference(inputs, do_postprocess=False)]
        for each, target in zip(inputs, targets, strict=True):
            each["instances"] = _instances(target, each["image"].shape[1:])
        return self._losses(inputs)

    def _losses(self, inputs: list[dict]) -> dict[str, Tensor]:
        from detectron2.utils.events import EventStorage

        with EventStorage():  # Detectron2 counts into it; we have our own history
            try:
                return self.model(inputs)
            except FloatingPointError:
                # It stops at proposals that are not finite. Our loop does, too, at the loss, and says what to do.
                trained = (parameter.sum() for parameter in self.parameters() if parameter.requires_grad)
                return dict.fromkeys(self.losses, sum(trained) * torch.nan)

    def named_parameters(
        self, prefix: str = "", recurse: bool = True, remove_duplicate: bool = True
    ) -> Iterator[tuple[str, Parameter]]:
        """Yield the parameters under our names."""
        if recurse:
            renamed = from_detectron2(dict(self.model.named_parameters(remove_duplicate=remove_duplicate)))
            yield from ((f"{prefix}.{name}" if prefix else name, value) for name, value in renamed.items())


def _library() -> tuple:
    """Return Detectron2's build_model, get_cfg and CfgNode."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # it decorates with torch.jit.script
            from detectron2.config import CfgNode, get_cfg
            from detectron2.modeling import build_model
    except ImportError as error:
        raise PodiumError(
            f"backend: detectron2 takes Detectron2, which cannot be imported here ({error})",
            key="model.backend",
            mend="make the conda environment of environment.yml, which has it, or set backend: torchvision, which "
            "computes the same from the same weights",
        ) from error
    return build_model, get_cfg, CfgNode


def _imagenet(settings: Detector) -> dict[str, Tensor]:
    """Return torchvision's ImageNet weights of the backbone under the names of a detector."""
    network = residual_network(settings.backbone, settings.norm, settings.stride_in_1x1, imagenet=True)
    return {f"backbone.body.{name}": value for name, value in network.state_dict().items()}


def _instances(target: dict[str, Tensor], size: torch.Size):
    from detectron2.structures import BitMasks, Boxes, Instances

    objects = Instances(tuple(size), gt_boxes=Boxes(target["boxes"]), gt_classes=target["labels"] - 1)
    if "masks" in target:
        objects.gt_masks = BitMasks(target["masks"])
    return objects


def _detections(found) -> dict[str, Tensor]:
    results = {
        "boxes": found.pred_boxes.tensor.float(),
        "labels": found.pred_classes + 1,
        "scores": found.scores.float(),
    }
    if found.has("pred_masks"):
        results["mask_probabilities"] = found.pred_masks[:, 0].float()
    return results


def _rename_saved(module: Detectron2Detector, state: dict, prefix: str, metadata: dict) -> None:
    """Give the entries of this module in a state dict our names, in place."""
    inner = prefix + _INNER
    theirs = {name.removeprefix(inner): state.pop(name) for name in list(state) if name.startswith(inner)}
    state.update((prefix + name, value) for name, value in from_detectron2(theirs).items())


def _rename_loaded(module: Detectron2Detector, state: dict, prefix: str, *rest: object) -> None:
    """Give the entries of this module in a state dict that is being loaded Detectron2's names, in place."""
    ours = {name.removeprefix(prefix): state.pop(name) for name in list(state) if name.startswith(prefix)}
    state.update((prefix + _INNER + name, value) for name, value in to_detectron2(ours, module.levels).items())
