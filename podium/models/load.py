"""Trained models from their checkpoints, ready to predict."""

import logging
from importlib.util import find_spec
from pathlib import Path

import torch
from pydantic import ValidationError
from torch import nn

from podium.config.detection import DetectionExperiment
from podium.config.section import Section
from podium.config.segmentation import SegmentationExperiment
from podium.errors import PodiumError
from podium.models.checkpoint import Checkpoint, load_checkpoint
from podium.models.detectors import build_detector
from podium.models.device import device
from podium.models.segmenters import build_segmenter

log = logging.getLogger(__name__)

_MIXED = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


def load_detector(path: str | Path) -> tuple[nn.Module, DetectionExperiment]:
    """Return the detector of a model.pt, in evaluation mode on the GPU where there is one, and its experiment.

    It computes in the precision that it was trained and validated with.
    """
    checkpoint = load_checkpoint(path)
    experiment = _experiment(DetectionExperiment, checkpoint, path)
    changes = {"weights": "none"}
    if experiment.model.backend == "detectron2" and not find_spec("detectron2"):
        log.info("Detectron2 is not installed: the torchvision backend, which computes the same, takes its place")
        changes["backend"] = "torchvision"
    model = build_detector(experiment.model.model_copy(update=changes), len(checkpoint.categories))
    return _ready(model, checkpoint.weights, experiment.solver.precision), experiment


def load_segmenter(path: str | Path) -> tuple[nn.Module, SegmentationExperiment]:
    """Return the segmenter of a model.pt, as `load_detector` does a detector."""
    checkpoint = load_checkpoint(path)
    experiment = _experiment(SegmentationExperiment, checkpoint, path)
    model = build_segmenter(experiment.model.model_copy(update={"encoder_weights": "none"}))
    return _ready(model, checkpoint.weights, experiment.solver.precision), experiment


def _experiment(kind: type[Section], checkpoint: Checkpoint, path: str | Path) -> Section:
    try:
        return kind.model_validate(checkpoint.settings)
    except ValidationError:
        raise PodiumError(
            f"this checkpoint does not hold a {kind.__name__} of this version",
            file=path,
            mend="train it again, or take the checkpoint of the right station",
        ) from None


def _ready(model: nn.Module, weights: dict, precision: str) -> nn.Module:
    model.load_state_dict(weights)
    model.eval().to(device(), memory_format=torch.channels_last)
    if precision in _MIXED:
        model.forward = torch.autocast(device().type, _MIXED[precision])(model.forward)
    return model
