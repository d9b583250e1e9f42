"""Zip archives from outside: tested, extracted without harm, and made from folders."""

import os
import re
import shutil
import stat
import struct
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from podium.data.folders import whole_folder
from podium.errors import PodiumError
from podium.files import whole

_BLOCK = 1 << 20
# Below this, an archive is harmless whatever its ratio: masks of one value compress a thousandfold.
_RATIO_COUNTS_FROM = 4 << 20
# What Python's zipfile raises on damaged archives.
_DAMAGE = (
    zipfile.BadZipFile,
    zipfile.LargeZipFile,
    zlib.error,
    struct.error,
    EOFError,
    ValueError,
    OverflowError,
    NotImplementedError,
)
_FETCH_AGAIN = "remove the file and fetch it again"


@dataclass
class _Budget:
    """What may still be extracted, over an archive and the archives in it."""

    archive: Path
    archive_bytes: int
    max_bytes: int
    max_ratio: float
    max_files: int
    bytes: int = 0
    files: int = 0

    def count_file(self) -> None:
        self.files += 1
        if self.files > self.max_files:
            raise PodiumError(f"the archive holds more than {self.max_files:,} files", file=self.archive)

    def count_bytes(self, number: int) -> None:
        self.bytes += number
        if self.bytes > self.max_bytes:
            raise PodiumError(f"the archive unpacks to more than {self.max_bytes:,} bytes", file=self.archive)
        if self.bytes > _RATIO_COUNTS_FROM and self.bytes > self.max_ratio * self.archive_bytes:
            raise PodiumError(
                f"the archive of {self.archive_bytes:,} bytes unpacks to more than {self.max_ratio:g} times as many: "
                f"it looks like one made to fill the disk",
                file=self.archive,
            )


def test_archive(path: str | Path, *, max_bytes: int = 2 << 40, max_ratio: float = 250) -> None:
    """Read a zip archive to its end and compare every checksum.

    Raises
    ------
    PodiumError
        Where the file is missing, empty, no zip, truncated or damaged, encrypted, or a bomb (see `extract`).
    """
    path = Path(path)
    with _opened(path) as archive:
        budget = _Budget(path, path.stat().st_size, max_bytes, max_ratio, len(archive.infolist()))
        for member in archive.infolist():
            _check_kind(member, path)
            for block in _blocks(archive, member, path):
                budget.count_bytes(len(block))


test_archive.__test__ = False  # The name is no test's, whatever pytest thinks.


def extract(
    archive: str | Path,
    folder: str | Path,
    *,
    max_bytes: int = 2 << 40,
    max_ratio: float = 250,
    max_files: int = 10_000_000,
) -> None:
    """Extract a zip archive into a new folder, wholly or not at all.

    Archives in the archive (`stage1_train.zip`, as Kaggle ships competitions) are extracted into a folder of their
    stem (`stage1_train/`), one level deep, under the same limits. Permissions in the archive are ignored.

    Parameters
    ----------
    folder
        Must not exist yet, or be empty.
    max_bytes, max_ratio, max_files
        The most that may come out: bytes (counted, whatever the archive's headers say), bytes as a multiple of the
        archive's own size, files.

    Raises
    ------
    PodiumError
        As `test_archive`; and for a member that is absolute, leads outside by `..`, has a drive letter or a
        backslash, is a link or a device, comes twice, or is a file where another needs a folder; where the
        disk has no room.
    """
    archive, folder = Path(archive), Path(folder)
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise PodiumError("the folder to extract into exists and is not empty", file=folder)
    with _opened(archive) as opened, whole_folder(folder) as partial:
        budget = _Budget(archive, archive.stat().st_size, max_bytes, max_ratio, max_files)
        for name in _extract_members(opened, archive, partial, budget, holds_archives=True):
            _extract_inner(partial / name, archive, name, budget)


def pack(folder: str | Path, archive: str | Path) -> None:
    """Write a folder's files into a zip archive whose bytes depend on their names and contents only.

    Files are stored without compression, in the order of their names, with the same date. Folders without files are
    left away. A link, or anything else that is neither file nor folder, is a PodiumError, as is a folder without files.
    """
    folder, archive = Path(folder), Path(archive)
    files = sorted(_regular_files(folder), key=lambda path: path.relative_to(folder).as_posix())
    if not files:
        raise PodiumError("the folder holds no files", file=folder)
    with whole(archive) as temporary, zipfile.ZipFile(temporary, "w", allowZip64=True) as writer:
        for file in files:
            member = zipfile.ZipInfo(file.relative_to(folder).as_posix())
            member.create_system, member.external_attr = 3, (stat.S_IFREG | 0o644) << 16
            member.file_size = file.stat().st_size
            with file.open("rb") as source, writer.open(member, "w") as target:
                shutil.copyfileobj(source, target, _BLOCK)


def _extract_inner(place: Path, path: Path, name: str, budget: _Budget) -> None:
    """Replace an archive, written at `place` as a file, by a folder of what it holds."""
    with tempfile.NamedTemporaryFile(dir=place.parent) as aside:
        place.replace(aside.name)
        place.mkdir()
        with _opened(Path(aside.name), shown=path, record=name) as archive:
            _extract_members(archive, path, place, budget, prefix=f"{name}: ")


@contextmanager
def _opened(path: Path, *, shown: Path | None = None, record: str | None = None) -> Iterator[zipfile.ZipFile]:
    """Open an archive; errors name the archive `shown` and the member `record` in it for one inside another."""
    shown = shown or path
    if not path.is_file():
        raise PodiumError("this is no file" if path.exists() else "the archive is missing", file=shown)
    try:
        archive = zipfile.ZipFile(path)
    except _DAMAGE as error:
        with path.open("rb") as file:
            start = file.read(4)
        problem = (
            f"the zip archive is cut off or damaged: {error}" if start == b"PK\x03\x04" else "this is no zip archive"
        )
        raise PodiumError(
            problem if start else "the file is empty", file=shown, record=record, mend=_FETCH_AGAIN
        ) from None
    with archive:
        yield archive


def _extract_members(
    archive: zipfile.ZipFile,
    path: Path,
    folder: Path,
    budget: _Budget,
    *,
    holds_archives: bool = False,
    prefix: str = "",
) -> list[str]:
    """Extract into `folder`; return the places of the archives in the archive, written as files without `.zip`."""
    members = archive.infolist()
    places = _places(members, path, holds_archives, prefix)
    declared, free = sum(member.file_size for member in members), shutil.disk_usage(folder).free
    if declared > free:
        raise PodiumError(f"the archive unpacks to {declared:,} bytes; the disk has {free:,} left", file=path)
    for member, place in zip(members, places, strict=True):
        target = folder / place
        if member.is_dir():
            target.mkdir(parents=True, exist_ok=True)
            continue
        budget.count_file()
        target.parent.mkdir(parents=True, exist_ok=True)
        with target.open("xb") as file:
            for block in _blocks(archive, member, path, prefix):
                budget.count_bytes(len(block))
                file.write(block)
    return [place for member, place in zip(members, places, strict=True) if holds_archives and _is_archive(member)]


def _is_archive(member: zipfile.ZipInfo) -> bool:
    return not member.is_dir() and member.filename.lower().endswith(".zip")


def _places(members: list[zipfile.ZipInfo], path: Path, holds_archives: bool, prefix: str) -> list[str]:
    """Return each member's relative path; PodiumError for names that lead elsewhere or collide."""
    places: list[str] = []
    files: set[str] = set()
    folders: set[str] = set()
    for member in members:
        _check_kind(member, path, prefix)
        name = _safe_name(member, path, prefix)
        parents = name.split("/")[:-1]
        if member.is_dir():
            parents = name.split("/")
        elif holds_archives and _is_archive(member):
            name = name[: -len(".zip")]
            if not name.rpartition("/")[2]:
                raise PodiumError("an archive in the archive has no name", file=path, record=prefix + member.filename)
        needed = {"/".join(parents[:depth]) for depth in range(1, len(parents) + 1)}
        if not member.is_dir() and name in files:
            raise PodiumError("the archive holds this name twice", file=path, record=prefix + member.filename)
        if not member.is_dir():
            files.add(name)
        folders |= needed
        places.append(name)
    clash = sorted(files & folders)
    if clash:
        raise PodiumError("the archive holds this name as a file and as a folder", file=path, record=prefix + clash[0])
    return places


def _safe_name(member: zipfile.ZipInfo, path: Path, prefix: str) -> str:
    # Python cuts a name at its first NUL; orig_filename is what the archive says.
    name = member.orig_filename
    parts = name.removesuffix("/").split("/")
    problem = None
    if not name or name.startswith("/"):
        problem = "an absolute path"
    elif "\\" in name or re.match(r"[A-Za-z]:", name):
        problem = "a backslash or a drive letter"
    elif ".." in parts:
        problem = "`..`"
    elif any(part in ("", ".") for part in parts):
        problem = "an empty part"
    elif any(ord(character) < 32 or ord(character) == 127 for character in name):
        problem = "a control character"
    elif len(name.encode(errors="replace")) > 2000 or any(len(part.encode(errors="replace")) > 240 for part in parts):
        problem = "more than 240 bytes in a part, or 2000 in all"
    if problem:
        raise PodiumError(
            f"the archive is refused: a member's path has {problem}", file=path, record=prefix + repr(name)
        )
    return "/".join(parts)


def _check_kind(member: zipfile.ZipInfo, path: Path, prefix: str = "") -> None:
    record = prefix + member.filename
    if member.flag_bits & 0x1:
        raise PodiumError("the archive is encrypted", file=path, record=record, mend="provide it without a password")
    # Python unpacks the other methods' blocks whole, however large they get.
    if member.compress_type not in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        raise PodiumError(
            f"the archive is compressed by method {member.compress_type}",
            file=path,
            record=record,
            mend="pack it anew with the common method, deflate",
        )
    kind = stat.S_IFMT(member.external_attr >> 16)
    if kind not in (0, stat.S_IFREG, stat.S_IFDIR):
        what = "a symbolic link" if kind == stat.S_IFLNK else "neither a file nor a folder"
        raise PodiumError(f"the archive is refused: a member is {what}", file=path, record=record)


def _blocks(archive: zipfile.ZipFile, member: zipfile.ZipInfo, path: Path, prefix: str = "") -> Iterator[bytes]:
    """Yield a member's bytes; its checksum has been compared when the last block has come."""
    try:
        read = 0
        with archive.open(member) as source:
            while block := source.read(_BLOCK):
                read += len(block)
                yield block
        if read != member.file_size:
            raise zipfile.BadZipFile(f"{read:,} bytes came out where {member.file_size:,} were announced")
    except _DAMAGE as error:
        raise PodiumError(
            f"the zip archive is cut off or damaged: {error or type(error).__name__}",
            file=path,
            record=prefix + member.filename,
            mend=_FETCH_AGAIN,
        ) from None


def _regular_files(folder: Path) -> Iterator[Path]:
    if not folder.is_dir():
        raise PodiumError("the folder is missing" if not folder.exists() else "this is no folder", file=folder)
    for parent, folders, files in os.walk(folder):
        for name in (*folders, *files):
            path = Path(parent, name)
            if path.is_symlink() or not (path.is_dir() or path.is_file()):
                raise PodiumError(
                    "neither a file nor a folder: links are not followed", file=path, mend="put the file itself there"
                )
        yield from (Path(parent, name) for name in files)
