"""A training's state: all that it takes to go on as if nothing had happened."""

from dataclasses import dataclass, field
from pathlib import Path

import torch

from podium.config.solver import Solver
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
    validated
        After how many iterations the last validation was; one that is due now and was interrupted is still to be done.
    seconds
        How long all runs together took until the state was saved, what was lost of them left out.
    """

    iteration: int = 0
    history: list[dict[str, float]] = field(default_factory=list)
    best: Best | None = None
    validated: int = 0
    seconds: float = 0.0


def save_state(path: Path, state: State, **parts: dict) -> None:
    """Write the state and the state dicts of model, optimiser and the like, wholly or not at all."""
    best = vars(state.best) if state.best else None
    with whole(path) as temporary, temporary.open("wb") as file:
        torch.save({**vars(state), "best": best, "parts": parts}, file)


def load_state(path: Path, mapped: bool = False) -> tuple[State, dict[str, dict]] | None:
    """Return the state and its parts, or None where there is no file. Only tensors and plain values are unpickled.

    With `mapped` tensors stay in the file until they are used.
    """
    if not path.exists():
        return None
    try:
        content = torch.load(path, map_location="cpu", weights_only=True, mmap=mapped)
        parts = content.pop("parts")
        best = content.pop("best")
        return State(**content, best=Best(**best) if best else None), parts
    except Exception as error:
        raise PodiumError(
            f"the training state cannot be read: {error}", file=path, mend="delete it to train from the start"
        ) from error


def seconds_spent(path: Path) -> float:
    """Return how long the runs took that a training goes on from; 0 where it begins. Errors as of load_state."""
    found = load_state(path, mapped=True)
    return found[0].seconds if found else 0.0


def validation_due(done: int, state: State, solver: Solver) -> bool:
    """Tell whether a validation is due after `done` iterations, and was not done yet."""
    return done > state.validated and (done % solver.eval_period == 0 or done == solver.max_iter)


def ended(state: State, solver: Solver, monitor: str) -> bool:
    """Tell whether the training is over: at max_iter, or when solver.patience is.

    Only validations in which the metric `monitor` is defined try the patience, and none of the first stage, in which
    the heads learn alone: what the second can do is not known yet.
    """
    if state.iteration == solver.max_iter:
        return not validation_due(state.iteration, state, solver)
    if solver.patience is None or state.best is None:
        return False
    later = state.history[max(state.best.iteration, solver.heads_only_iters) :]
    return sum(f"val_{monitor}" in row for row in later) >= solver.patience
