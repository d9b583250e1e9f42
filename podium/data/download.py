"""Downloading a competition's archive through the official `kaggle` command."""

import shutil
from pathlib import Path

from podium.data.archives import test_archive
from podium.errors import PodiumError
from podium.kaggle_command import Unreachable, quoted, run_kaggle


def download(competition: str, archive: str | Path, timeout: float) -> None:
    """Download a competition's files as one archive, tested, wholly or not at all.

    What arrived before the time was over or the network failed stays in a hidden folder beside the archive, where the
    command continues with it at the next call (if the server allows; the command sees to it that the file is the same).

    Parameters
    ----------
    competition
        Its short name: the last part of its address.
    timeout
        Seconds after which the download is given up.

    Raises
    ------
    podium.kaggle_command.Unreachable
        Where the network, the server or the time failed: the same call may succeed later.
    PodiumError
        Where there are no credentials, the rules were not accepted, the competition does not exist; and where what
        arrived is no whole zip archive, which the command does not notice (it ends with 0).
    """
    archive = Path(archive)
    aside = archive.with_name(f".{archive.name}.download")
    keep = False
    try:
        aside.mkdir(parents=True, exist_ok=True)
        output = run_kaggle(["competitions", "download", f"--path={aside}", competition], timeout=timeout)
        arrived = [path for path in sorted(aside.iterdir()) if path.is_file() and path.suffix != ".kaggle-partial"]
        if len(arrived) != 1:
            raise PodiumError(
                f"the kaggle command ended well, but left {len(arrived)} files; it said {quoted(output)}",
                mend=f"download the archive in the browser and put it at {archive}",
            )
        test_archive(arrived[0])
        arrived[0].replace(archive)
    except Unreachable:
        keep = True
        raise
    except PodiumError as error:
        if error.file is None:
            raise
        raise PodiumError(
            f"what was downloaded of {competition!r} is unusable: {error.problem}",
            record=error.record,
            mend=f"run again; if it stays so, download the archive in the browser and put it at {archive}",
        ) from None
    finally:
        if not keep:
            shutil.rmtree(aside, ignore_errors=True)
