"""What loading a trained model of any kind has in common."""

from pathlib import Path

import torch
from pydantic import ValidationError
from torch import nn

from podium.config.section import Section
from podium.errors import PodiumError
from podium.models.checkpoint import Checkpoint
from podium.models.device import device

_MIXED = {"bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}


def experiment_of(kind: type[Section], checkpoint: Checkpoint, path: str | Path) -> Section:
    """Return the settings that a checkpoint was trained with; PodiumError where they are no `kind` of this version."""
    try:
        return kind.model_validate(checkpoint.settings)
    except ValidationError:
        raise PodiumError(
            f"this checkpoint does not hold a {kind.__name__} of this version",
            file=path,
            mend="train it again, or take the checkpoint of the right station",
        ) from None


def ready(model: nn.Module, weights: dict, precision: str) -> nn.Module:
    """Return a model with these weights in evaluation mode, on the GPU where there is one.

    It computes in the precision that it was trained and validated with.
    """
    model.load_state_dict(weights)
    model.eval().to(device(), memory_format=torch.channels_last)
    if precision in _MIXED:
        model.forward = torch.autocast(device().type, _MIXED[precision])(model.forward)
    return model
