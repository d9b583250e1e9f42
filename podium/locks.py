"""A lock between processes of one machine (or of several, on file systems that share `flock`)."""

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podium.errors import PodiumError

log = logging.getLogger(__name__)


@contextmanager
def alone(file: Path, doing: str, *, patience: float) -> Iterator[int]:
    """Hold the lock on a file of its own, made where it is missing and never removed; yield its file descriptor.

    A process that inherits the descriptor holds the lock, too, until it ends. What a crash leaves is no lock: only
    running processes hold one.

    Parameters
    ----------
    doing
        What is done under the lock, for the words of the error, as `upload`.
    patience
        Seconds that another process's lock is waited for.

    Raises
    ------
    PodiumError
        Where another process has held the lock for so long.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    end, told = time.monotonic() + patience, False
    with file.open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise PodiumError(
                        f"another {doing} from here has not ended in {patience:.3g} seconds",
                        file=file,
                        mend="wait for it, or end its process, which may be a `kaggle competitions` command left over "
                        "from a kill, and run again",
                    ) from None
            if not told:
                log.info("another %s from here is under way; waiting for it", doing)
                told = True
            time.sleep(0.05)
        yield lock.fileno()
