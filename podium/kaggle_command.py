"""Running the official `kaggle` command: with an end in time, and with errors in one sentence."""

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from podium.errors import PodiumError


class Unreachable(PodiumError):
    """Kaggle did not answer, or not now: the same call may succeed later."""


def run_kaggle(arguments: Sequence[str], *, timeout: float) -> str:
    """Run the command and return its standard output, which may hold warnings beside the answer.

    Parameters
    ----------
    arguments
        What follows `kaggle`, the competition's name last.
    timeout
        Seconds after which the command is killed: it has no end of its own.

    Raises
    ------
    Unreachable
        Where there was no answer in time, no connection, a server error, or too many requests.
    PodiumError
        For every other exit code than 0, with what to do about it. Credentials are never in it.
    """
    beside = str(Path(sys.executable).parent)
    program = shutil.which("kaggle", path=os.pathsep.join([os.environ.get("PATH", ""), beside]))
    if program is None:
        raise PodiumError("the kaggle command is not installed", mend="pip install 'kaggle>=2.2.4'")
    # With VERBOSE set the command prints the credentials.
    environment = {name: value for name, value in os.environ.items() if name != "VERBOSE"}
    try:
        done = subprocess.run(
            [program, *arguments],
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            errors="replace",
            timeout=timeout,
        )
    except subprocess.TimeoutExpired:
        raise Unreachable(
            f"Kaggle was not done in {timeout:g} seconds (kaggle {' '.join(arguments[:2])})",
            mend="check the network and run again",
        ) from None
    if done.returncode != 0:
        raise explained(done.stdout + "\n" + done.stderr, done.returncode, arguments)
    return done.stdout


def explained(output: str, code: int, arguments: Sequence[str]) -> PodiumError:
    """Return what a failed command said as an error that tells what to do."""
    for pattern, kind, problem, mend in _FAULTS:
        if re.search(pattern, output, re.IGNORECASE):
            return kind(f"{problem}; it said {quoted(output)}", mend=mend.format(competition=arguments[-1]))
    return PodiumError(
        f"the kaggle command ended with exit code {code} and said {quoted(output)}",
        mend=f"run `kaggle {' '.join(arguments[:2])}` by hand and see",
    )


def quoted(output: str) -> str:
    """Return the last words of an output, without credentials."""
    for name in ("KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        if secret := os.environ.get(name):
            output = output.replace(secret, "***")
    lines = [line.strip() for line in re.split(r"[\r\n]+", output)]
    lines = [line for line in lines if line and "authorization" not in line.lower()]
    return repr(lines[-1][:300]) if lines else "nothing"


# In this order: what an output shows, the error's kind, the problem, how to mend it.
_FAULTS: list[tuple[str, type[PodiumError], str, str]] = [
    (
        r"\b401\b|unauthorized|authentication required|unauthenticated|could not find kaggle\.json|"
        r"you need to authenticate|kaggle auth login",
        PodiumError,
        "Kaggle found no credentials, or did not accept them",
        "run `kaggle auth login`, or set KAGGLE_API_TOKEN to a token from https://www.kaggle.com/settings/api",
    ),
    (
        r"maximum number|too many submissions|submission limit|(daily|per day|today).{0,40}(limit|submission)|"
        r"limit.{0,40}(daily|per day|today)",
        PodiumError,
        "the competition's daily limit of submissions is reached",
        "run again after midnight UTC: nothing was uploaded",
    ),
    (
        r"\b403\b|forbidden|permission|accept.{0,40}rules",
        PodiumError,
        "Kaggle refused access to the competition",
        "join it and accept its rules in the browser, at https://www.kaggle.com/competitions/{competition}/rules, and "
        "check the spelling of its name",
    ),
    (
        r"\b404\b|not found|could not find",
        PodiumError,
        "Kaggle knows no such competition",
        "check the name {competition!r} against the last part of the competition's address",
    ),
    (r"\b429\b|too many requests", Unreachable, "Kaggle was asked too often", "run again in some minutes"),
    (
        r"\b5\d\d (server|client)|internal server error|service unavailable|bad gateway|connection|timed out|"
        r"max retries|name resolution|proxyerror|sslerror",
        Unreachable,
        "Kaggle could not be reached",
        "check the network and run again later",
    ),
    (
        r"\b400\b|bad request",
        PodiumError,
        "Kaggle refused the request",
        "read what it said; at a daily limit, run again after midnight UTC",
    ),
]
