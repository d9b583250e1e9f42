"""Checking a submission file as the competition will, before it is uploaded.

Kaggle takes header and ids from the sample submission, ignores the order of rows (its own words:
http://www.kaggle.com/wiki/SubmissionParser), and its metrics refuse runs that are not sorted, not positive or outside
the image, pixels that come twice and, in most competitions, instances that overlap. It says so after the upload only.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from podium.config.formats import Format
from podium.errors import PodiumError
from podium.files import file_digest
from podium.submission.rle import overlaps, row_and_column, runs_from_text
from podium.submission.table import numbered_rows, read_ids

MOST_LISTED = 100


def check_submission(
    path: str | Path, form: Format, images: Sequence[Mapping], sample: str | Path | None = None
) -> dict[str, object]:
    """Check a submission file and report all that is wrong with it.

    Parameters
    ----------
    path
        The CSV file.
    form
        The competition's format.
    images
        The dataset's image records (`key`, `width`, `height`).
    sample
        The competition's sample submission, whose ids the file must have. Without one: the keys of all `images`.

    Returns
    -------
    dict
        `ok`; `rows` below the header; `images`, of the expected ids those that the file has; `instances`, rows that
        hold a valid code; `problem_count`; `problems`, the first `MOST_LISTED` of them, each `{"row", "key",
        "problem"}` with the header as row 1 and null where no row is at fault; `bytes` and `sha256` of the file.

    Raises
    ------
    PodiumError
        Where a file is missing or is no CSV, or the sample has another header than the format.
    """
    path = Path(path)
    sizes = {image["key"]: (image["height"], image["width"]) for image in images}
    expected = list(sizes) if sample is None else read_ids(sample, form)
    checking = _Checking(form, sizes, set(expected))
    rows = numbered_rows(path)
    _, header = next(rows, (1, []))
    if header != form.header:
        checking.problem(1, None, f"the header is {','.join(header)!r}, expected {','.join(form.header)!r}")
    for number, row in rows:
        checking.row(number, row)
    checking.whole_images()
    checking.missing(expected)
    size = path.stat().st_size
    if form.max_bytes is not None and size > form.max_bytes:
        checking.problem(None, None, f"the file has {size} bytes, the competition takes {form.max_bytes}")
    problems = checking.problems
    return {
        "ok": not problems,
        "rows": checking.rows,
        "images": len(checking.seen),
        "instances": checking.instances,
        "problem_count": len(problems),
        "problems": problems[:MOST_LISTED],
        "bytes": size,
        "sha256": file_digest(path),
    }


def require_ok(report: Mapping, path: str | Path) -> None:
    """Raise PodiumError with the first problems of a report that is not ok."""
    if report["ok"]:
        return
    lines = [
        ", ".join(f"{word} {problem[word]}" for word in ("row", "key") if problem[word] is not None)
        + f": {problem['problem']}"
        for problem in report["problems"][:5]
    ]
    raise PodiumError(
        "\n  ".join([f"the submission has {report['problem_count']} problems; the first:", *lines]), file=path
    )


class _Checking:
    """One pass over the rows: what was seen, and what was wrong."""

    def __init__(self, form: Format, sizes: Mapping[str, tuple[int, int]], expected: set[str]):
        self.form, self.sizes, self.expected = form, sizes, expected
        self.rows = self.instances = 0
        self.problems: list[dict] = []
        self.seen: Counter[str] = Counter()
        self.first_row: dict[tuple[str, ...], int] = {}
        self.empty_row: dict[str, int] = {}
        self.runs: dict[str, list[tuple[int, np.ndarray]]] = {}

    def problem(self, row: int | None, key: str | None, problem: str) -> None:
        self.problems.append({"row": row, "key": key, "problem": problem})

    def row(self, number: int, row: Sequence[str]) -> None:
        if not row:
            self.problem(number, None, "the line is blank")
            return
        self.rows += 1
        if len(row) != 2:
            self.problem(number, row[0], f"the row has {len(row)} fields, expected 2")
            return
        key, value = row
        if key not in self.expected:
            self.problem(number, key, "unknown id" if key.strip() else "the id is blank")
            return
        again = (key,) if self.form.rows == "image" else (key, value)
        first = self.first_row.setdefault(again, number)
        if first != number:
            what = "the id" if self.form.rows == "image" else "the same id and value"
            self.problem(number, key, f"{what} is in row {first} already")
            return
        self.seen[key] += 1
        self.value(number, key, value)

    def value(self, number: int, key: str, value: str) -> None:
        if value == self.form.empty:
            self.empty_row[key] = number
        elif not value.strip():
            self.problem(number, key, f"the value is blank; an image without instances has {self.form.empty!r}")
        elif key not in self.sizes:
            self.problem(number, key, "the dataset has no image of this id, so its size is not known")
        else:
            try:
                runs = runs_from_text(value, *self.sizes[key], self.form.code)
            except PodiumError as error:
                self.problem(number, key, error.problem)
            else:
                self.instances += 1
                self.runs.setdefault(key, []).append((number, runs))

    def whole_images(self) -> None:
        """Check what only all rows of an image show."""
        for key, number in self.empty_row.items():
            if self.seen[key] > 1:
                self.problem(number, key, "a row without instance, but the image has other rows")
        if self.form.rows == "image" or self.form.overlap == "allowed":
            return
        for key, instances in self.runs.items():
            for one, other, pixel in overlaps([runs for _, runs in instances]):
                row, column = row_and_column(pixel, *self.sizes[key], self.form.code.order)
                self.problem(
                    instances[other][0],
                    key,
                    f"shares pixels with row {instances[one][0]}, first at row {row}, column {column} of the image "
                    f"(counted from 0)",
                )

    def missing(self, expected: Sequence[str]) -> None:
        for key in expected:
            if key not in self.seen:
                self.problem(None, key, "the id is missing")
        if self.form.rows == "image" and self.rows != len(expected):
            self.problem(None, None, f"the file has {self.rows} rows, expected {len(expected)}")
