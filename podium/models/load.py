"""Trained models from their checkpoints, ready to predict."""

from pathlib import Path

import torch
from torch import nn

from podium.config.detection import DetectionExperiment
from podium.config.segmentation import SegmentationExperiment
from podium.models.checkpoint import load_checkpoint
from podium.models.detectors import build_detector
from podium.models.segmenters import build_segmenter


def load_detector(path: str | Path) -> tuple[nn.Module, DetectionExperiment]:
    """Return the detector of a model.pt, in evaluation mode on the GPU where there is one, and its experiment."""
    checkpoint = load_checkpoint(path)
    experiment = DetectionExperiment.model_validate(checkpoint.settings)
    model = build_detector(experiment.model.model_copy(update={"weights": "none"}), len(checkpoint.categories))
    return _ready(model, checkpoint.weights), experiment


def load_segmenter(path: str | Path) -> tuple[nn.Module, SegmentationExperiment]:
    """Return the segmenter of a model.pt, in evaluation mode on the GPU where there is one, and its experiment."""
    checkpoint = load_checkpoint(path)
    experiment = SegmentationExperiment.model_validate(checkpoint.settings)
    model = build_segmenter(experiment.model.model_copy(update={"encoder_weights": "none"}))
    return _ready(model, checkpoint.weights), experiment


def _ready(model: nn.Module, weights: dict) -> nn.Module:
    model.load_state_dict(weights)
    return model.eval().to(torch.device("cuda" if torch.cuda.is_available() else "cpu"))
