"""Reading a submission's CSV file, its sample and its solution."""

import csv
import sys
from collections.abc import Iterator
from pathlib import Path

from podium.config.formats import Format
from podium.errors import PodiumError


def numbered_rows(path: str | Path) -> Iterator[tuple[int, list[str]]]:
    """Yield each row of a UTF-8 CSV file with its number: the header is row 1, a blank line is an empty row.

    Raises
    ------
    PodiumError
        Where the file is missing, is not UTF-8 or has broken quotes.
    """
    csv.field_size_limit(sys.maxsize)  # One code can be megabytes long.
    number = 0
    try:
        with Path(path).open(encoding="utf-8-sig", newline="") as file:
            for number, row in enumerate(csv.reader(file, strict=True), start=1):
                yield number, row
    except FileNotFoundError:
        raise PodiumError("the file is missing", file=path) from None
    except UnicodeDecodeError as error:
        raise PodiumError(f"not UTF-8 text: {error}", file=path, mend="save the file as UTF-8") from None
    except csv.Error as error:
        raise PodiumError(f"not valid CSV after row {number}: {error}", file=path) from None


def read_pairs(path: str | Path, form: Format) -> Iterator[tuple[int, str, str]]:
    """Yield the number, id and value of every row below the header.

    Raises
    ------
    PodiumError
        Where the header is not the format's, or a row has not exactly two fields, beside the errors of `numbered_rows`.
    """
    rows = numbered_rows(path)
    _, header = next(rows, (1, []))
    if header != form.header:
        raise PodiumError(
            f"the header is {','.join(header)!r}, the format's is {','.join(form.header)!r}",
            file=path,
            mend="take the format that this competition uses, or the file that belongs to it",
        )
    for number, row in rows:
        if len(row) != 2:
            raise PodiumError(f"the row has {len(row)} fields, not 2", file=path, record=f"row {number}")
        yield number, row[0], row[1]


def read_ids(path: str | Path, form: Format) -> list[str]:
    """Return the distinct ids of a sample submission, in its order. Errors as in `read_pairs`; also without rows."""
    ids = list(dict.fromkeys(key for _, key, _ in read_pairs(path, form)))
    if not ids:
        raise PodiumError("the sample submission has no rows", file=path)
    return ids
