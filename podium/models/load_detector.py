"""A trained detector from its checkpoint, ready to predict."""

import logging
from importlib.util import find_spec
from pathlib import Path

from torch import nn

from podium.config.detection import DetectionExperiment
from podium.models.checkpoint import load_checkpoint
from podium.models.detectors import build_detector
from podium.models.load import experiment_of, ready

log = logging.getLogger(__name__)


def load_detector(path: str | Path) -> tuple[nn.Module, DetectionExperiment]:
    """Return the detector of a model.pt, in evaluation mode on the GPU where there is one, and its experiment."""
    checkpoint = load_checkpoint(path)
    experiment = experiment_of(DetectionExperiment, checkpoint, path)
    changes = {"weights": "none"}
    if experiment.model.backend == "detectron2" and not find_spec("detectron2"):
        log.info("Detectron2 is not installed: the torchvision backend, which computes the same, takes its place")
        changes["backend"] = "torchvision"
    model = build_detector(experiment.model.model_copy(update=changes), len(checkpoint.categories))
    return ready(model, checkpoint.weights, experiment.solver.precision), experiment
