"""The ledger: a row per upload, with the scores as they become known."""

import csv
from collections.abc import Mapping
from pathlib import Path

from podium.errors import PodiumError
from podium.files import whole
from podium.locks import alone

COLUMNS = [
    "time",
    "sha256",
    "experiment",
    "validation_score",
    "cross_fitted_score",
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
    # A file of its own is locked: the ledger itself is replaced meanwhile.
    with alone(Path(path).with_name(f".{Path(path).name}.lock"), "change of the ledger", patience=60):
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
    """Return the ledger's rows, oldest first, by column; what is not known is "". PodiumError for another header.

    One that was begun before thresholds were tuned has no column of cross-fitted scores: they are not known.
    """
    try:
        with Path(path).open(encoding="utf-8", newline="") as file:
            reader = csv.DictReader(file)
            columns, rows = reader.fieldnames, list(reader)
    except FileNotFoundError:
        raise PodiumError("the ledger is missing", file=path) from None
    known = [COLUMNS, [column for column in COLUMNS if column != "cross_fitted_score"]]
    if columns not in known or any(None in row or None in row.values() for row in rows):
        raise PodiumError(
            f"not a ledger with the columns {','.join(COLUMNS)}",
            file=path,
            mend="mend the rows by hand, or move the file away: a new one is begun",
        )
    return [dict.fromkeys(COLUMNS, "") | row for row in rows]
