"""The learning-rate range test: in a short run of its own the rate rises until the loss diverges.

Smith, "Cyclical Learning Rates for Training Neural Networks" (2017, arXiv:1506.01186), section 3.3: where the loss
falls, the rate is one that trains; where it is lowest, the rate is about to be too high. With the exponential rise and
the two readings that became usual since: the rate of steepest descent, and a tenth of that of the lowest loss.
"""

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from scipy.ndimage import gaussian_filter1d

from podium.config.solver import Solver
from podium.training.finite import Diverged
from podium.training.loop import Task, fit
from podium.training.state import load_state

LOW, HIGH, ITERATIONS = 1e-6, 1.0, 100
"""The rates of the first and the last iteration, and how many there are: seventeen to a factor of ten."""

DIVERGED = 4.0
"""The test ends where the smoothed loss is this many times the lowest that it was."""

# Standard deviation, in iterations, of the weights with which the loss's logarithm is smoothed.
_SMOOTHING = 3.0

# A loss that falls by less than this part of itself tells nothing about rates.
_CLEAR = 0.05


@dataclass(frozen=True)
class Suggestion:
    """Two readings of a range test: learning rates."""

    steepest: float
    lowest: float

    @property
    def tenth(self) -> float:
        return self.lowest / 10


def rising_rate(solver: Solver, iteration: int) -> float:
    """Return the rate of an iteration, from 0: each is the one before times the same factor."""
    return LOW * (HIGH / LOW) ** (iteration / (solver.max_iter - 1))


def range_test(
    task: Task, solver: Solver, *, seed: int, state_file: Path, workers: int = 0
) -> tuple[list[dict[str, float]], Suggestion | None]:
    """Run the test by the loop that trains, with the training's optimiser, batches and precision, unvalidated.

    All that is trainable learns from the first iteration on, also where the training would begin with the heads alone.

    Parameters
    ----------
    task, seed, workers
        As the training has them.
    solver
        The training's; its schedule, length and periods are set aside.
    state_file
        The test's own: an interrupted test goes on from it.

    Returns
    -------
    (rows, suggestion)
        A row an iteration up to where the loss diverged: iteration (from 1), lr, loss, smoothed. The suggestion is None
        where the loss never falls clearly.
    """
    own = {"max_iter": ITERATIONS, "eval_period": ITERATIONS, "checkpoint_period": 20, "keep": "last"}
    own |= {"heads_only_iters": 0, "ema_decay": None, "patience": None}
    found = load_state(state_file)
    watch = _Watch(found[0].history if found else [])
    try:
        _, state = fit(
            _Unvalidated(task),
            solver.model_copy(update=own),
            seed=seed,
            state_file=state_file,
            workers=workers,
            title="range test",
            rate=rising_rate,
            trackers=[watch],
        )
        history = state.history
    except Diverged as error:
        history = error.history
    except _Enough:
        history = watch.rows
    return _read(history)


def in_words(rows: list[dict[str, float]], suggestion: Suggestion | None, base_lr: float) -> list[str]:
    """Return what a test found, in sentences, compared with the rate that is configured."""
    end = rows[-1]["lr"] if rows else LOW
    diverged = [f"The loss diverges at a learning rate of {end:.2g}."] if len(rows) < ITERATIONS else []
    if suggestion is None:
        return [*diverged, f"The loss falls at no rate clearly enough for a suggestion; base_lr is {base_lr:.2g}."]
    steepest, tenth = suggestion.steepest, suggestion.tenth
    low, high = sorted((steepest, tenth))
    if base_lr < low / 3:
        judged = f"{low / base_lr:.1f} times lower than both: training may take longer than it must"
    elif base_lr > 3 * high:
        judged = f"{base_lr / high:.1f} times higher than both: training may diverge or need a warm-up"
    else:
        judged = "which agrees with them"
    return [
        *diverged,
        f"The loss falls most steeply at a learning rate of {steepest:.2g}; it is lowest at {suggestion.lowest:.2g}, a "
        f"tenth of which is {tenth:.2g}.",
        f"base_lr is {base_lr:.2g}, {judged}.",
    ]


def smoothed(losses: list[float]) -> np.ndarray:
    """Return a weighted geometric mean of each loss and those around it, which no single outlier moves far."""
    logs = np.log(np.maximum(losses, np.finfo(float).tiny))
    return np.exp(gaussian_filter1d(logs, _SMOOTHING)) if len(logs) else logs


def _read(history: list[dict[str, float]]) -> tuple[list[dict[str, float]], Suggestion | None]:
    curve = smoothed([row["loss"] for row in history])
    rows = [
        {name: row[name] for name in ("iteration", "lr", "loss")} | {"smoothed": float(value)}
        for row, value in zip(history, curve, strict=True)
    ]
    lowest = int(np.argmin(curve)) if len(curve) else 0
    if lowest < 2 or curve[lowest] > (1 - _CLEAR) * curve[:lowest].max():
        return rows, None
    slope = np.gradient(curve, np.log([row["lr"] for row in rows]))
    return rows, Suggestion(steepest=rows[int(np.argmin(slope[: lowest + 1]))]["lr"], lowest=rows[lowest]["lr"])


class _Enough(Exception):
    """The loss has diverged."""


class _Watch:
    """Ends the test where the loss has diverged (podium.training.watchers.Tracker)."""

    def __init__(self, rows: list[dict[str, float]]):
        self.rows = rows

    def log(self, row: dict[str, float]) -> None:
        self.rows[int(row["iteration"]) - 1 :] = [row]
        curve = smoothed([row["loss"] for row in self.rows])
        if curve[-1] > DIVERGED * curve.min():
            raise _Enough

    def close(self, finished: bool) -> None:
        pass


class _Unvalidated:
    """A task without validation."""

    def __init__(self, task: Task):
        self.model, self.samples, self.heads, self.monitor = task.model, task.samples, task.heads, task.monitor
        self.collate, self.losses = task.collate, task.losses

    def predict(self, model: object, rank: int, world: int) -> list:
        return []

    def metrics(self, found: list) -> dict[str, None]:
        return {self.monitor: None}
