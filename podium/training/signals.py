"""Being asked to stop: by a scheduler's time limit, a pre-emption, a keyboard."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from multiprocessing import resource_tracker
from types import FrameType, TracebackType

STOP_SIGNALS = [signal.SIGTERM, signal.SIGINT, *([signal.SIGUSR1] if hasattr(signal, "SIGUSR1") else [])]


class Interrupted(Exception):
    """The training was asked to stop, and saved its state before it did."""


class StopRequest:
    """Within this context a signal is noted instead of obeyed, so that a training ends where its state can be saved."""

    def __init__(self):
        self.number = 0  # of the signal; none yet

    def __enter__(self) -> "StopRequest":
        self._before = {number: signal.signal(number, self._note) for number in STOP_SIGNALS}
        return self

    def __exit__(self, kind: type | None, error: BaseException | None, trace: TracebackType | None) -> None:
        for number, handler in self._before.items():
            signal.signal(number, handler)

    def _note(self, number: int, frame: FrameType | None) -> None:
        self.number = number


@contextmanager
def held_back() -> Iterator[None]:
    """Keep signals to all processes of a job from those that are begun in here, which inherit what is blocked."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
    try:
        # Begun first: Python begins it before any other process, and unblocks two of the signals then.
        resource_tracker.ensure_running()
        signal.pthread_sigmask(signal.SIG_BLOCK, STOP_SIGNALS)
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)
