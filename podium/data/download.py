"""Downloading a competition's archive through the official `kaggle` command."""

import logging
import shutil
import time
import zipfile
from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from podium.config.nearest import did_you_mean
from podium.data.archives import pack, test_archive
from podium.data.listed import differences, list_files
from podium.errors import PodiumError
from podium.kaggle_command import ask_kaggle
from podium.kaggle_faults import quoted
from podium.kaggle_login import require_login
from podium.locks import alone

log = logging.getLogger(__name__)

# Seconds that a page of the list of files may take.
_LIST = 120.0


def download(competition: str, archive: str | Path, timeout: float, files: Sequence[str] = ()) -> None:
    """Download a competition's files as one archive, tested, wholly or not at all.

    What Kaggle cannot give now is asked for again until the time is over. What had arrived then, or when the process
    was killed, stays in a hidden folder beside the archive, where the command continues with it at the next call (it
    sees to it that the file is still the same).

    Parameters
    ----------
    competition
        Its short name: the last part of its address.
    archive
        Where the archive is put. One whose files are others than the competition lists is put beside it, as
        `<stem>.differs.zip`.
    timeout
        Seconds after which the download is given up.
    files
        Names of single files that are downloaded and packed in place of the whole archive.

    Raises
    ------
    podium.kaggle_faults.Unreachable
        Where the network, the server or the time failed: the same call may succeed later.
    PodiumError
        Where there is no login, or it is not accepted, the rules were not accepted, the competition does not exist;
        and where what arrived is no whole zip archive, or not what the competition lists, which the command does not
        notice (it ends with 0).
    """
    archive = Path(archive)
    log.info("Kaggle login: %s", require_login())
    end = time.monotonic() + timeout
    sizes, complete = list_files(competition, timeout=min(timeout, _LIST))
    if files:
        _require_listed(competition, files, sizes, complete)
        sizes, complete = {name: sizes[name] for name in files if name in sizes}, len(set(files) - sizes.keys()) == 0
    aside = archive.with_name(f".{archive.name}.download")
    # A command that was left over from a kill may still write there.
    with alone(archive.with_name(f".{archive.name}.lock"), "download", patience=timeout) as lock:
        aside.mkdir(exist_ok=True)
        try:
            fetch = partial(_fetch, competition, end=end, lock=lock)
            arrived = _pack_files(competition, files, aside, fetch) if files else fetch([], aside)
            if not files:
                _test(competition, arrived, arrived, archive)
            log.info("%s: %s bytes", arrived.name, f"{arrived.stat().st_size:,}")
            _compare(competition, arrived, sizes, complete, archive)
            arrived.replace(archive)
        except _Unusable as error:
            if not error.removed:
                shutil.rmtree(aside)
            raise
        finally:
            if aside.exists() and (archive.exists() or not any(path.is_file() for path in aside.rglob("*"))):
                shutil.rmtree(aside)


class _Unusable(PodiumError):
    """What arrived is wrong: continuing with it would be, too. `removed`: it is gone already, and the rest is good."""

    removed = False


def _fetch(competition: str, options: list[str], folder: Path, *, end: float, lock: int) -> Path:
    """Download one thing into a folder of its own, or go on with it, and return its path."""
    command = ["competitions", "download", "--quiet", f"--path={folder}", *options, competition]
    output = ask_kaggle(command, competition, timeout=max(end - time.monotonic(), 0.01), keeps=[lock])
    arrived = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix != ".kaggle-partial"]
    if len(arrived) != 1:
        raise _Unusable(
            f"the kaggle command ended well, but left {len(arrived)} files; it said {quoted(output)}",
            mend="run again; if it stays so, download the archive in the browser",
        )
    return arrived[0]


def _test(competition: str, arrived: Path, shown: Path, archive: Path) -> None:
    try:
        test_archive(arrived)
    except PodiumError as error:
        raise _Unusable(
            f"what was downloaded of {competition!r} is unusable: {error.problem}",
            record=error.record or shown.name,
            mend=f"run again; if it stays so, download the archive in the browser and put it at {archive}; where the "
            "competition has single files and no archive, name them in source.files",
        ) from None


def _pack_files(competition: str, files: Sequence[str], aside: Path, fetch: Callable[[list[str], Path], Path]) -> Path:
    """Download files by name, each in a folder of its own, and pack them into one archive."""
    content, packed = aside / "content", aside / "packed.zip"
    for place, name in enumerate(files):
        target = content / name
        if target.exists():
            continue  # finished before an earlier call was cut
        own = aside / str(place)
        try:
            _fetch_one(competition, name, own, target, packed, fetch)
        except _Unusable as error:
            shutil.rmtree(own, ignore_errors=True)
            error.removed = True
            raise
        log.info("%s: %s bytes", name, f"{target.stat().st_size:,}")
    pack(content, packed)
    return packed


def _fetch_one(
    competition: str, name: str, folder: Path, target: Path, archive: Path, fetch: Callable[[list[str], Path], Path]
) -> None:
    """Download one file into a folder of its own and move it to its place, unpacked where it was compressed."""
    arrived = fetch([f"--file={name}"], folder)
    target.parent.mkdir(parents=True, exist_ok=True)
    if arrived.name != f"{target.name}.zip":
        arrived.replace(target)
        return
    _test(competition, arrived, target, archive)
    with zipfile.ZipFile(arrived) as opened:
        members = opened.infolist()
        if len(members) != 1:
            raise _Unusable(f"{name} came as an archive of {len(members)} files", record=name)
        unpacked = arrived.with_name(".unpacked")
        with opened.open(members[0]) as source, unpacked.open("wb") as file:
            shutil.copyfileobj(source, file, 1 << 20)
        unpacked.replace(target)


def _require_listed(competition: str, files: Sequence[str], sizes: dict[str, int], complete: bool) -> None:
    unknown = [name for name in files if name not in sizes]
    if unknown and complete:
        raise PodiumError(
            f"the competition lists no file {unknown[0]!r}",
            key="source.files",
            mend=f"{did_you_mean(unknown[0], sizes)}`kaggle competitions files {competition}` lists all",
        )


def _compare(competition: str, arrived: Path, sizes: dict[str, int], complete: bool, archive: Path) -> None:
    """Compare an archive with the competition's list; one that differs is kept under another name."""
    problems = differences(arrived, sizes, complete=complete) if sizes else []
    if problems:
        beside = archive.with_name(f"{archive.stem}.differs.zip")
        arrived.replace(beside)
        more = f", and {len(problems) - 10} more" if len(problems) > 10 else ""
        raise _Unusable(
            f"what was downloaded of {competition!r} is not what it lists: {'; '.join(problems[:10])}{more}",
            file=beside,
            mend=f"run again; if it stays so and the files are right, rename that file to {archive.name}",
        )
    rest = "" if complete else ", and that was not all of its list"
    log.info("as the competition lists: %s files compared%s", f"{len(sizes):,}", rest)
