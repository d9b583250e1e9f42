"""What keeps a file from being uploaded twice: a receipt of each upload, and a lock around it."""

import fcntl
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from podium.errors import PodiumError
from podium.files import read_json, write_json

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Receipt:
    """A file that says what became of uploading one content to one competition.

    Its states: `begun`, written before the command runs, so that a kill leaves a trace; `accepted`, the command said
    that it is done, but not its reference; `done`, with the reference.
    """

    folder: Path
    competition: str
    digest: str  # SHA-256 of the file's bytes
    message: str

    @property
    def path(self) -> Path:
        return self.folder / f"{self.competition}.{self.digest}.json"

    def read(self) -> dict | None:
        """Return what was written last, None where nothing was."""
        return read_json(self.path) if self.path.exists() else None

    def write(self, state: str, ref: str | None = None) -> dict[str, object]:
        """Write a state, with the time, and return all of it."""
        content = {
            "competition": self.competition,
            "sha256": self.digest,
            "message": self.message,
            "time": datetime.now(UTC).isoformat(timespec="seconds"),
            "state": state,
            "ref": ref,
        }
        write_json(self.path, content, indent=2)
        return content


@contextmanager
def alone(folder: Path, *, patience: float) -> Iterator[int]:
    """Hold the lock on a folder of receipts; yield its file descriptor.

    A process that inherits the descriptor holds the lock, too, until it ends. What a crash leaves is no lock: only
    running processes hold one.

    Raises
    ------
    PodiumError
        Where another process has held the lock for `patience` seconds.
    """
    folder.mkdir(parents=True, exist_ok=True)
    end, told = time.monotonic() + patience, False
    with (folder / ".lock").open("w") as lock:
        while True:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > end:
                    raise PodiumError(
                        f"another upload from here has not ended in {patience:g} seconds",
                        file=folder / ".lock",
                        mend="wait for it, or end its process (`kaggle competitions submit`), and run again",
                    ) from None
            if not told:
                log.info("another upload from here is under way; waiting for it")
                told = True
            time.sleep(0.2)
        yield lock.fileno()
