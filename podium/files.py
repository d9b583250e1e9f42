"""Reading and writing files so that nobody ever sees half of one."""

import errno
import hashlib
import json
import os
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podium.errors import PodiumError


@contextmanager
def whole(path: str | Path) -> Iterator[Path]:
    """Yield a temporary path in the same folder; sync and rename it to `path` when the block ends well.

    The folder is made where it is missing. When the block raises, the temporary file goes and `path` stays as it was.
    A full disk is a PodiumError; of torch.save only where it is given an open file instead of the path.
    """
    path = Path(path)
    # The suffix is kept at the end: libraries choose a format by it.
    temporary = path.with_name(f".{path.stem}.{uuid.uuid4().hex[:12]}.part{path.suffix}")
    with needing_room(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            yield temporary
            with temporary.open("rb") as written:
                os.fsync(written.fileno())
            temporary.replace(path)
        finally:
            temporary.unlink(missing_ok=True)


@contextmanager
def needing_room(path: str | Path | None = None) -> Iterator[None]:
    """Raise a PodiumError where the disk is full, also where a library has put an error of its own in front of that.

    Parameters
    ----------
    path
        What was being written, where only one file or folder was.
    """
    try:
        yield
    except PodiumError:
        raise
    except Exception as error:
        for each in _causes(error):
            if isinstance(each, OSError) and each.errno in (errno.ENOSPC, errno.EDQUOT):
                problem, mend = "the disk is full, or the quota used up", "make room, then run again"
                raise PodiumError(problem, file=path or each.filename, mend=mend) from None
        raise


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    while error is not None:
        yield error
        error = error.__cause__ or error.__context__


def write_text(path: str | Path, text: str) -> None:
    """Write UTF-8 text, wholly or not at all."""
    with whole(path) as temporary:
        temporary.write_text(text, encoding="utf-8", newline="\n")


def write_json(path: str | Path, value: object, indent: int | None = None) -> None:
    """Write JSON, wholly or not at all; NaN and infinities are refused with ValueError (they are not JSON)."""
    write_text(path, json.dumps(value, indent=indent, allow_nan=False, ensure_ascii=False) + "\n")


def read_json(path: str | Path) -> object:
    """Read a JSON file; a missing or malformed one is a PodiumError that names it."""
    try:
        return json.loads(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise PodiumError("the file is missing", file=path) from None
    except (ValueError, RecursionError) as error:  # also huge integers and deep nesting
        raise PodiumError(f"not valid JSON: {error}", file=path, mend="write the file anew or fetch it again") from None


def canonical_json(value: object) -> str:
    """Return the one JSON text of a value: sorted keys, no spaces. Equal values of equal types give equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False, ensure_ascii=False)


def text_digest(text: str) -> str:
    """Return the SHA-256 of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def file_digest(path: str | Path) -> str:
    """Return the SHA-256 of a file's bytes, in hexadecimal."""
    with Path(path).open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
