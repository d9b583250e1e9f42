"""Checking a submission file as the competition will, before it is uploaded.

Kaggle takes header and ids from the sample submission, ignores the order of rows (its own words:
http://www.kaggle.com/wiki/SubmissionParser), and its metrics refuse runs that are not sorted, not positive or outside
the image, pixels that come twice and, in most competitions, instances that overlap; others refuse confidences and
probabilities outside of 0 to 1, boxes without area, labels that they do not know. It says so after the upload only.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path

from podium.config.formats import Format
from podium.errors import PodiumError
from podium.files import file_digest
from podium.submission.content import content_of
from podium.submission.rle import overlaps, row_and_column, runs_from_coco
from podium.submission.table import Key, Table, numbered_rows, shown

MOST_LISTED = 100


def check_submission(
    path: str | Path,
    form: Format,
    images: Sequence[Mapping],
    sample: str | Path | None = None,
    categories: Sequence[Mapping] = (),
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
        The competition's sample submission, whose ids the file must have. Without one: those of all `images`.
    categories
        The dataset's categories (`id`, `name`), where the format tells them.

    Returns
    -------
    dict
        `ok`; `rows` below the header; `images`, of the expected ids those that the file has; `instances`, what valid
        rows hold (of formats for whole images, labels or probabilities); `problem_count`; `problems`, the first
        `MOST_LISTED` of them, each `{"row", "key", "problem"}` with the header as row 1 and null where no row is at
        fault; `bytes` and `sha256` of the file.

    Raises
    ------
    PodiumError
        Where a file is missing or is no CSV, or the sample has another header than the format.
    """
    path = Path(path)
    checking = _Checking(Table(form, images, categories, sample))
    rows = numbered_rows(path)
    _, header = next(rows, (1, []))
    expected = checking.table.header
    if header != expected:
        checking.problem(1, None, f"the header is {shown(header)!r}, expected {shown(expected)!r}")
    for number, row in rows:
        checking.row(number, row)
    checking.whole_images()
    checking.missing()
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

    def __init__(self, table: Table):
        self.table, self.form, self.content = table, table.form, content_of(table)
        self.rows = self.instances = 0
        self.problems: list[dict] = []
        self.seen: Counter[Key] = Counter()
        self.first_row: dict[tuple[str, ...], int] = {}
        self.empty_row: dict[Key, int] = {}
        self.masks: dict[Key, list[tuple[int, Mapping]]] = {}

    def problem(self, row: int | None, key: str | None, problem: str) -> None:
        self.problems.append({"row": row, "key": key, "problem": problem})

    def row(self, number: int, row: Sequence[str]) -> None:
        if not row:
            self.problem(number, None, "the line is blank")
            return
        self.rows += 1
        try:
            cells = self.table.split(row)
        except PodiumError as error:
            self.problem(number, row[0], error.problem)
            return
        key, name = cells.key, shown(cells.key)
        if key not in self.table.asked:
            self.problem(number, name, "unknown id" if all(map(str.strip, key)) else "the id is blank")
            return
        per_instance = self.form.rows == "instance"
        first = self.first_row.setdefault((*key, *cells.values) if per_instance else key, number)
        if first != number:
            what = "the same id and value" if per_instance else "the id"
            self.problem(number, name, f"{what} is in row {first} already")
            return
        self.seen[key] += 1
        size = self.table.asked[key]
        if cells.size != size:
            self.problem(number, name, f"width and height are {shown(cells.size)!r}, the image's are {shown(size)!r}")
        self.value(number, key, cells.values)

    def value(self, number: int, key: Key, values: list[str]) -> None:
        slot = self.table.slots.get(key)
        if slot is None:
            if values == self.content.empty():
                self.empty_row[key] = number
            else:
                self.problem(number, shown(key), "the dataset has no image of this id, so its size is not known")
            return
        try:
            found = self.content.read(values, slot.image, self.table.labels.any_id)
        except PodiumError as error:
            self.problem(number, shown(key), error.problem)
            return
        self.instances += len(found)
        if not found:
            self.empty_row[key] = number
        if self.form.forbids_overlap:
            self.masks.setdefault(key, []).extend((number, each["segmentation"]) for each in found)

    def whole_images(self) -> None:
        """Check what only all rows of an image show."""
        for key, number in self.empty_row.items():
            if self.seen[key] > 1:
                self.problem(number, shown(key), "a row without instance, but the image has other rows")
        for key, masks in self.masks.items():
            for one, other, pixel in overlaps([runs_from_coco(rle, "column") for _, rle in masks]):
                row, column = row_and_column(pixel, *masks[one][1]["size"], "column")
                self.problem(
                    masks[other][0],
                    shown(key),
                    f"shares pixels with row {masks[one][0]}, first at row {row}, column {column} of the image "
                    f"(counted from 0)",
                )

    def missing(self) -> None:
        for key in self.table.asked:
            if key not in self.seen:
                self.problem(None, shown(key), "the id is missing")
        if self.form.rows != "instance" and self.rows != len(self.table.asked):
            self.problem(None, None, f"the file has {self.rows} rows, expected {len(self.table.asked)}")
