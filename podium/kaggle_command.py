"""Running the official `kaggle` command: with an end in time, and with errors in one sentence."""

import logging
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from podium.errors import PodiumError
from podium.kaggle_faults import Unreachable, explained
from podium.kaggle_login import require_login

log = logging.getLogger(__name__)

# Seconds between the tries of a call that only reads.
WAITS = (2.0, 10.0, 30.0, 60.0)


def run_kaggle(arguments: Sequence[str], competition: str, *, timeout: float, keeps: Sequence[int] = ()) -> str:
    """Run the `kaggle` command once and return its standard output, which may hold warnings beside the answer.

    Parameters
    ----------
    arguments
        The command's, as they are.
    competition
        The competition's short name, for the words of errors.
    timeout
        Seconds after which the command is ended.
    keeps
        File descriptors that stay open in the command, so that a lock on them lasts as long as it runs, even where
        this process is killed.

    Raises
    ------
    Unreachable
        Where there was no answer in time, no connection, a server error or too many requests.
    PodiumError
        For every other failure, in one sentence, with what to do about it. Credentials are never in it. Without any,
        nothing is run.
    """
    login = require_login()
    beside = str(Path(sys.executable).parent)
    program = shutil.which("kaggle", path=os.pathsep.join([os.environ.get("PATH", ""), beside]))
    if program is None:
        raise PodiumError("the kaggle command is not installed", mend="pip install 'kaggle>=2.2.4'")
    # With these set the command prints the credentials.
    environment = {name: value for name, value in os.environ.items() if name not in ("VERBOSE", "VERBOSE_OUTPUT")}
    try:
        done = subprocess.run(
            [program, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
            pass_fds=keeps,
        )
    except subprocess.TimeoutExpired:
        raise Unreachable(
            f"Kaggle was not done in {timeout:.3g} seconds (kaggle {arguments[0]} {arguments[1]})",
            mend="check the network and run again",
        ) from None
    if done.returncode != 0:
        raise explained(done.stdout + "\n" + done.stderr, competition, login)
    return done.stdout


def ask_kaggle(
    arguments: Sequence[str],
    competition: str,
    *,
    timeout: float,
    waits: Sequence[float] | None = None,
    keeps: Sequence[int] = (),
) -> str:
    """Run a command that changes nothing at Kaggle, again after ever longer waits while Kaggle cannot be reached.

    `timeout` is for all tries together, in seconds; `waits` are the seconds between them (default `WAITS`). The
    others, and errors, as in `run_kaggle`.
    """
    end = time.monotonic() + timeout
    for wait in (*(WAITS if waits is None else waits), None):
        try:
            return run_kaggle(arguments, competition, timeout=max(end - time.monotonic(), 0.01), keeps=keeps)
        except Unreachable as error:
            if wait is None or time.monotonic() + wait >= end:
                raise
            log.warning("%s; once more in %g seconds", error.problem, wait)
            time.sleep(wait)
    raise AssertionError("the last try returns or raises")
