"""What keeps a file from being uploaded twice: a receipt of each upload."""

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from podium.files import read_json, write_json


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
