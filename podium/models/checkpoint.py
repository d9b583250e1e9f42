"""model.pt: a trained model with all that it takes to use it."""

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
        `mean` and `std` that the model takes from pixels (RGB in [0, 1]).
    iteration
        After how many iterations of training the weights were taken.
    """

    weights: dict[str, Tensor]
    settings: dict
    categories: list[str]
    normalisation: dict[str, list[float]]
    iteration: int


def save_checkpoint(path: str | Path, checkpoint: Checkpoint) -> None:
    """Write model.pt, wholly or not at all."""
    with whole(path) as temporary:
        torch.save(asdict(checkpoint), temporary)


def load_checkpoint(path: str | Path) -> Checkpoint:
    """Read model.pt. Only tensors and plain values are unpickled: a file cannot run code."""
    if not Path(path).is_file():
        raise PodiumError("there is no such checkpoint", file=path)
    try:
        return Checkpoint(**torch.load(path, map_location="cpu", weights_only=True))
    except Exception as error:
        raise PodiumError(f"this is no checkpoint of podium: {error}", file=path) from error
