"""Bringing a competition's archive to its place."""

import shutil
import zipfile
from collections.abc import Sequence
from pathlib import Path

from podium.config.source import KaggleSource, LocalSource
from podium.data.archives import pack, test_archive
from podium.data.download import download
from podium.errors import PodiumError
from podium.files import whole


def provide_archive(source: LocalSource | KaggleSource, archive: str | Path) -> None:
    """Put a competition's archive at `archive`, tested.

    A local archive is copied, a local folder packed, a competition of Kaggle downloaded. A file that is there already
    is tested and used as it is, unless it is the copy of a local source.

    Raises
    ------
    PodiumError
        Where the archive cannot be had, or is no whole zip archive. A file put there by hand is never removed.
    """
    archive = Path(archive)
    by_hand = isinstance(source, KaggleSource) or Path(source.path).resolve() == archive.resolve()
    if archive.exists() and by_hand:
        test_archive(archive)
        _require_files(archive, getattr(source, "files", ()))
    elif isinstance(source, KaggleSource):
        download(source.competition, archive, source.timeout, source.files)
    else:
        _provide_local(Path(source.path), archive)


def _require_files(archive: Path, files: Sequence[str]) -> None:
    with zipfile.ZipFile(archive) as opened:
        missing = set(files) - set(opened.namelist())
    if missing:
        raise PodiumError(
            f"the archive that is there lacks {min(missing)!r}",
            file=archive,
            key="source.files",
            mend="move it away: what source.files names is then downloaded; or leave source.files out",
        )


def _provide_local(path: Path, archive: Path) -> None:
    if path.is_dir():
        if archive.resolve().is_relative_to(path.resolve()):
            raise PodiumError(f"the folder holds the place of its own archive, {archive}", file=path, key="source.path")
        pack(path, archive)
        return
    if not path.is_file():
        raise PodiumError(
            "there is no such archive or folder",
            file=path,
            key="source.path",
            mend=f"correct source.path, or put the archive at {archive}",
        )
    test_archive(path)
    with whole(archive) as temporary:
        shutil.copyfile(path, temporary)
