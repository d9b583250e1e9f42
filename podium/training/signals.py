"""Being asked to stop: by a scheduler's time limit, a pre-emption, a keyboard."""

import signal
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

    @property
    def name(self) -> str | None:
        return signal.Signals(self.number).name if self.number else None
