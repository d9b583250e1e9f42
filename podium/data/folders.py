"""Writing folders so that nobody ever sees half of one."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podium.files import needing_room


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
    with needing_room(path):
        partial.mkdir(parents=True)
        try:
            yield partial
            shutil.rmtree(old, ignore_errors=True)
            if path.exists():
                path.rename(old)
            partial.rename(path)
            shutil.rmtree(old, ignore_errors=True)
        finally:
            shutil.rmtree(partial, ignore_errors=True)
