"""A training's state: all that it takes to go on as if nothing had happened."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from podium.errors import PodiumError
from podium.files import whole


@dataclass
class Best:
    """The best validation so far and the weights that reached it."""

    value: float
    iteration: int
    weights: dict[str, torch.Tensor]


@dataclass
class State:
    """Where a training stands.

    Attributes
    ----------
    iteration
        Iterations done.
    history
        One row per iteration: iteration (from 1), lr, loss, its parts, and val_* where it was validated.
    best
        None until the first validation.
    """

    iteration: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: Best | None = None


def save_state(path: Path, state: State, **parts: dict) -> None:
    """Write the state and the state dicts of model, optimiser and the like, wholly or not at all."""
    with whole(path) as temporary:
        best = vars(state.best) if state.best else None
        torch.save({**vars(state), "best": best, "parts": parts}, temporary)


def load_state(path: Path) -> tuple[State, dict[str, dict]] | None:
    """Return the state and its parts, or None where there is no file. Only tensors and plain values are unpickled."""
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True)
        parts = content.pop("parts")
        best = content.pop("best")
        return State(**content, best=Best(**best) if best else None), parts
    except Exception as error:
        raise PodiumError(
            f"the training state cannot be read: {error}", file=path, mend="delete it to train from the start"
        ) from error
