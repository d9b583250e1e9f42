"""From a task to a trained model's checkpoint: the same for all models."""

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

from podium.config.solver import Solver
from podium.models.checkpoint import Checkpoint
from podium.training.loop import Task, fit, kept_iteration
from podium.training.watchers import Tracker


class Experiment(Protocol):
    """What all trained experiments have. Naming sections would tie each training's code to the other's settings."""

    seed: int
    solver: Solver

    def model_dump(self, *, mode: str) -> dict: ...


def train(
    task: Task,
    settings: Experiment,
    *,
    title: str,
    categories: list[str],
    normalisation: dict[str, object],
    state_file: Path,
    workers: int,
    trackers: Sequence[Tracker],
) -> tuple[Checkpoint, list[dict[str, float]]]:
    """Train a task as its experiment says; return the checkpoint of the weights that are kept, and the history.

    Parameters are those of podium.training.loop.fit and of podium.models.checkpoint.Checkpoint.
    """
    weights, state = fit(
        task,
        settings.solver,
        seed=settings.seed,
        state_file=state_file,
        workers=workers,
        title=title,
        trackers=trackers,
    )
    checkpoint = Checkpoint(
        weights=weights,
        settings=settings.model_dump(mode="json"),
        categories=categories,
        normalisation=normalisation,
        iteration=kept_iteration(state, settings.solver),
    )
    return checkpoint, state.history
