"""A trained segmenter from its checkpoint, ready to predict."""

from pathlib import Path

from torch import nn

from podium.config.segmentation import SegmentationExperiment
from podium.models.checkpoint import load_checkpoint
from podium.models.load import experiment_of, ready
from podium.models.segmenters import build_segmenter


def load_segmenter(path: str | Path) -> tuple[nn.Module, SegmentationExperiment]:
    """Return the segmenter of a model.pt, in evaluation mode on the GPU where there is one, and its experiment."""
    checkpoint = load_checkpoint(path)
    experiment = experiment_of(SegmentationExperiment, checkpoint, path)
    model = build_segmenter(experiment.model.model_copy(update={"encoder_weights": "none"}))
    return ready(model, checkpoint.weights, experiment.solver.precision), experiment
