"""The one error that a user is meant to read."""

from pathlib import Path


class PodiumError(Exception):
    """Something outside the code is wrong: a file, a record, a setting.

    Parameters
    ----------
    problem
        What is wrong, as a sentence that quotes the offending value.
    file, record, key
        Where: the file, the record in it (an image's name, a row, an annotation's id), the key in the record.
    mend
        What the user can do about it.
    """

    def __init__(
        self,
        problem: str,
        *,
        file: str | Path | None = None,
        record: object = None,
        key: str | None = None,
        mend: str | None = None,
    ):
        self.problem, self.file, self.record, self.key, self.mend = problem, file, record, key, mend
        super().__init__(str(self))

    def __reduce__(self):
        return _rebuild, (type(self), self.problem, self.file, self.record, self.key, self.mend)

    def __str__(self) -> str:
        place = ", ".join(
            f"{word} {value}"
            for word, value in (("file", self.file), ("record", self.record), ("key", self.key))
            if value is not None
        )
        lines = [f"{place}: {self.problem}" if place else self.problem]
        if self.mend:
            lines.append(f"To mend it: {self.mend}")
        return "\n".join(lines)


def _rebuild(kind, problem, file, record, key, mend):
    return kind(problem, file=file, record=record, key=key, mend=mend)
