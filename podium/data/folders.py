"""Writing folders so that nobody ever sees half of one."""

import errno
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podium.errors import PodiumError


@contextmanager
def whole_folder(path: str | Path) -> Iterator[Path]:
    """Yield an empty folder beside `path`; put it in `path`'s place when the block ends well.

    What stood at `path` is removed then. When the block raises, the new folder goes and `path` stays as it was. The
    folder on the way has a fixed name (`.<name>.part`), so that what a killed run left is cleared by the next one.
    A full disk is a PodiumError.
    """
    path = Path(path)
    partial, old = path.with_name(f".{path.name}.part"), path.with_name(f".{path.name}.old")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        yield partial
        shutil.rmtree(old, ignore_errors=True)
        if path.exists():
            path.rename(old)
        partial.rename(path)
        shutil.rmtree(old, ignore_errors=True)
    except OSError as error:
        if error.errno not in (errno.ENOSPC, errno.EDQUOT):
            raise
        raise PodiumError(
            "the disk is full, or the quota used up", file=path, mend="make room, then run again"
        ) from None
    finally:
        shutil.rmtree(partial, ignore_errors=True)
