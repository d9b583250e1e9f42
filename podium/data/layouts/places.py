"""Finding a layout's files and folders in an extracted archive."""

from collections.abc import Iterator
from pathlib import Path

from podium.data.images import SUFFIXES
from podium.data.quarantine import Quarantine
from podium.errors import PodiumError

# Left by operating systems, of no competition's making.
_JUNK = {"__MACOSX", "Thumbs.db", "desktop.ini"}


def find(root: Path, relative: str, key: str) -> Path:
    """Return the file or folder that the layout's `key` names, relative to the extracted archive `root`.

    Tolerated, because archives come like that: one folder around everything; and a file or folder inside a folder of
    its own name, as a nested archive leaves it (`stage1_train/stage1_train/…`, `labels.csv/labels.csv`).

    Raises
    ------
    PodiumError
        Where there is nothing by that name, naming what there is; or where the path leads out of the archive.
    """
    here = root
    while True:
        found = _inside(here, relative, key)
        if found.exists():
            break
        entries = visible(here)
        if len(entries) != 1 or not entries[0].is_dir():
            there = ", ".join(entry.name for entry in visible(root)[:20]) or "nothing"
            raise PodiumError(
                f"the archive has no {relative!r}; at its top it has: {there}",
                key=f"layout.{key}",
                mend=f"set layout.{key} to the path in the archive",
            )
        here = entries[0]
    entries = visible(found) if found.is_dir() else []
    if len(entries) == 1 and entries[0].name == found.name:
        return entries[0]
    return found


def visible(folder: Path) -> list[Path]:
    """Return a folder's entries in the order of their names, without hidden ones and what operating systems leave."""
    return sorted(entry for entry in folder.iterdir() if not is_junk(entry))


def is_junk(path: Path) -> bool:
    return path.name.startswith(".") or path.name in _JUNK


def images_below(folder: Path, quarantine: Quarantine, root: Path) -> Iterator[Path]:
    """Yield the image files in a folder and below it, in the order of their paths; note the files that are none."""
    other = []
    for path in sorted(folder.rglob("*")):
        inner = path.relative_to(folder)
        if path.is_dir() or any(is_junk(Path(part)) for part in inner.parts):
            continue
        if path.suffix.lower() in SUFFIXES:
            yield path
        else:
            other.append(inner.as_posix())
    if other:
        quarantine.note(
            f"folder {name_in(root, folder)}",
            f"{len(other)} files are no images by their names and are not read: {', '.join(other[:5])}"
            + (", …" if len(other) > 5 else ""),
        )


def resolve(root: Path, folder: Path, file_name: str) -> Path | None:
    """Return the file that a record names, relative to the layout's folder or to the archive; None where none is there.

    Raises
    ------
    PodiumError
        Where the name leads out of the archive.
    """
    for start in (folder, root):
        path = _inside(start, file_name, "file_name", root)
        if path.is_file():
            return path
    return None


def name_in(root: Path, path: Path) -> str:
    """Return a path as the archive writes it."""
    return path.relative_to(root).as_posix()


def _inside(start: Path, relative: str, key: str, root: Path | None = None) -> Path:
    path = start / relative
    if not path.resolve().is_relative_to((root or start).resolve()) or "\0" in relative:
        raise PodiumError(f"{relative!r} leads out of the archive", key=key)
    return path
