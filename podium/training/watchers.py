"""Who is told how a training goes: the log, and trackers of experiments."""

from collections.abc import Sequence
from types import TracebackType
from typing import Protocol

from podium.config.solver import Solver
from podium.training.progress import Progress
from podium.training.state import State, validation_due
from podium.training.world import World


class Tracker(Protocol):
    """Is told of each row of the history once it is complete, in order."""

    def log(self, row: dict[str, float]) -> None: ...

    def close(self, finished: bool) -> None:
        """Hear that no row follows: the training is finished, or it was interrupted and may go on another time."""


class Watchers:
    """Process 0's progress and trackers, told of each complete row once, and closed when this context ends.

    A row is complete when it was read, and validated where that is due.
    """

    def __init__(self, state: State, solver: Solver, title: str, trackers: Sequence[Tracker], world: World):
        self.solver, self.silent = solver, world.rank > 0
        self.told = self._complete(state)
        if not self.silent:
            self.trackers, self.progress = trackers, Progress(state.iteration, solver.max_iter, title)

    def _complete(self, state: State) -> int:
        return len(state.history) - validation_due(state.iteration, state, self.solver)

    def tell(self, state: State) -> None:
        """Tell of the rows that were completed since the last call."""
        new = state.history[self.told : self._complete(state)]
        if not new or self.silent:
            return
        self.told += len(new)
        for row in new:
            for tracker in self.trackers:
                tracker.log(row)
        self.progress.show(new[-1])

    def __enter__(self) -> "Watchers":
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        if self.silent:
            return
        self.progress.close()
        for tracker in self.trackers:
            tracker.close(finished=kind is None)
