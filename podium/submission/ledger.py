"""The ledger: a row per upload, with the scores as they become known."""

import csv
import fcntl
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from podium.errors import PodiumError
from podium.files import whole

COLUMNS = [
    "time",
    "sha256",
    "experiment",
    "validation_score",
    "local_test_score",
    "ref",
    "public_score",
    "private_score",
]


def record(path: str | Path, entry: Mapping[str, object]) -> None:
    """Add an upload to the ledger, or complete the row that has the same `ref`.

    The file is replaced wholly, under a lock that other processes on this machine wait for. Values of `entry` that are
    None leave what the row had. Without a `ref`, or with other columns than `COLUMNS`, KeyError is raised.
    """
    if unknown := entry.keys() - set(COLUMNS):
        raise KeyError(f"no columns of the ledger: {sorted(unknown)}")
    known = {column: str(value) for column, value in entry.items() if value is not None}
    ref = known["ref"]
    with _locked(Path(path)):
        rows = read_ledger(path) if Path(path).exists() else []
        row = next((row for row in rows if row["ref"] == ref), None)
        if row is None:
            rows.append(row := dict.fromkeys(COLUMNS, ""))
        row.update(known)
        with whole(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
            writer = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            writer.writeheader()
            writer.writerows(rows)


def read_ledger(path: str | Path) -> list[dict[str, str]]:
    """Return the ledger's rows, oldest first, by column; what is not known is "". PodiumError for another header."""
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = reader.fieldnames, list(reader)
    except FileNotFoundError:
        raise PodiumError("the ledger is missing", file=path) from None
    if columns != COLUMNS or any(None in row or None in row.values() for row in rows):
        raise PodiumError(
            f"not a ledger with the columns {','.join(COLUMNS)}",
            file=path,
            mend="mend the rows by hand, or move the file away: a new one is begun",
        )
    return rows


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    path.parent.mkdir(parents=True, exist_ok=True)
    # A file of its own: the ledger itself is replaced while it is locked.
    with path.with_name(f".{path.name}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
