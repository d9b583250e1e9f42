"""model.pt: a trained model with all that it takes to use it."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from torch import Tensor

from podium.errors import PodiumError
from podium.files import whole


@dataclass(frozen=True)
class Checkpoint:
    """A trained model.

    Attributes
    ----------
    weights
        The state dict, on the CPU.
    settings
        The resolved experiment's configuration, plain values.
    categories
        Names, in the order of category ids 1 … k.
    normalisation
        What the model does to pixels: for a detector the `order` of the channels, RGB or BGR, and `mean` and `std` in
        it of values 0 to 255; for a segmenter `mean` and `std` of RGB in [0, 1].
    iteration
        After how many iterations of training the weights were taken.
    """

    weights: dict[str, Tensor]
    settings: dict
    categories: list[str]
    normalisation: dict[str, str | Sequence[float]]
    iteration: int


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write model.pt, wholly or not at all."""
    with whole(path) as temporary, temporary.open("wb") as file:
        torch.save(asdict(checkpoint), file)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read model.pt. Only tensors and plain values are unpickled: a file cannot run code."""
    if not Path(path).is_file():
        raise PodiumError("there is no such checkpoint", file=path)
    try:
        checkpoint = Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
        tensors = all(isinstance(name, str) and isinstance(value, Tensor) for name, value in checkpoint.weights.items())
        names = isinstance(checkpoint.categories, list) and all(isinstance(name, str) for name in checkpoint.categories)
        if not (tensors and names and isinstance(checkpoint.settings, dict)):
            raise TypeError("weights, settings or categories are of another kind")
    except Exception as error:
        raise PodiumError(f"this is no checkpoint of podium: {error}", file=path) from error
    return checkpoint
