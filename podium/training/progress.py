"""How a training shows that it goes on: a bar, or a line of the log now and then."""

import logging
import math
import sys
import time

from tqdm import tqdm

log = logging.getLogger(__name__)


class Progress:
    """A bar on a terminal; elsewhere a plain line at most every `period` seconds and at validations."""

    def __init__(self, start: int, stop: int, title: str, period: float = 20.0):
        self.start, self.stop, self.title, self.period = start, stop, title, period
        self.began = self.last = time.monotonic()
        self.bar = tqdm(total=stop, initial=start, desc=title, unit="it") if sys.stderr.isatty() else None

    def show(self, row: dict[str, float]) -> None:
        """Report a finished row of the history."""
        if self.bar is not None:
            self.bar.update(int(row["iteration"]) - self.bar.n)
            self.bar.set_postfix_str(f"loss {row['loss']:.4g} lr {row['lr']:.3g}")
        validated = {key: value for key, value in row.items() if key.startswith("val_")}
        if validated or (self.bar is None and time.monotonic() - self.last >= self.period):
            self.last = time.monotonic()
            done = int(row["iteration"]) - self.start
            rate = (self.last - self.began) / max(done, 1)
            left = rate * (self.stop - row["iteration"])
            numbers = " ".join(f"{key} {value:.4g}" for key, value in row.items() if key != "iteration")
            log.info(
                "%s %d/%d %s | %.2f s/it, %s left", self.title, row["iteration"], self.stop, numbers, rate, _clock(left)
            )

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()


def _clock(seconds: float) -> str:
    minutes, seconds = divmod(math.ceil(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{seconds:02d}"
