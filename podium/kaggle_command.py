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
    """Run the `kaggle` command and return its standard output, which may hold warnings beside the answer.

    The last of `arguments` is the competition's name.

    Raises
    ------
    Unreachable
        Where there was no answer in `timeout` seconds, no connection, a server error or too many requests.
    PodiumError
        For every other failure, in one sentence, with what to do about it. Credentials are never in it.
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
            f"Kaggle was not done in {timeout:g} seconds (kaggle {arguments[0]} {arguments[1]})",
            mend="check the network and run again",
        ) from None
    if done.returncode != 0:
        raise explained(done.stdout + "\n" + done.stderr, arguments[-1])
    return done.stdout


def explained(output: str, competition: str) -> PodiumError:
    """Return what a failed command said as an error that tells what to do."""
    said = "\n".join(_lines(output))
    kind, problem, mend = next(fault[1:] for fault in _FAULTS if re.search(fault[0], said, re.IGNORECASE))
    words = {"said": quoted(output), "competition": competition}
    return kind(problem.format(**words), mend=mend.format(**words))


def quoted(output: str) -> str:
    """Return the last words of an output, without credentials."""
    lines = _lines(output)
    return repr(lines[-1][:300]) if lines else "nothing"


def _lines(output: str) -> list[str]:
    """Return an output's lines without credentials, and without progress bars, whose numbers look like status codes."""
    for name in ("KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        if secret := os.environ.get(name):
            output = output.replace(secret, "***")
    lines = (line.strip() for line in re.split(r"[\r\n]+", output))
    return [line for line in lines if line and "authorization" not in line.lower() and not re.match(r"\d+%\|", line)]


# What the command says, the kind of error, the problem, the mend; the first that matches counts.
_FAULTS: list[tuple[str, type[PodiumError], str, str]] = [
    (
        r"\b401\b|unauthorized|authentication required|unauthenticated|could not find kaggle\.json|"
        r"you need to authenticate|kaggle auth login",
        PodiumError,
        "Kaggle found no credentials, or did not accept them",
        "run `kaggle auth login`, or set KAGGLE_API_TOKEN to a token from https://www.kaggle.com/settings/api",
    ),
    (
        r"allowance|maximum number|too many submissions|(submission|daily) limit|limit.{0,40}(per day|today)",
        PodiumError,
        "the competition's limit of submissions is reached: Kaggle said {said}",
        "nothing was uploaded; run again after midnight UTC",
    ),
    (
        r"\b403\b|forbidden|permission|accept.{0,40}rules",
        PodiumError,
        "Kaggle refused access to the competition {competition!r}: it said {said}",
        "join it and accept its rules in the browser, at https://www.kaggle.com/competitions/{competition}/rules, and "
        "check the spelling of its name",
    ),
    (
        r"\b404\b|not found|could not find",
        PodiumError,
        "Kaggle knows no competition {competition!r}, or it takes no submissions: it said {said}",
        "check the name against the competition's URL, and its deadline",
    ),
    (
        r"\b429\b|too many requests",
        Unreachable,
        "Kaggle was asked too often: it said {said}",
        "run again in some minutes",
    ),
    (
        r"\b5\d\d server error|internal server error|service unavailable|bad gateway|connection|timed out|max retries|"
        r"name resolution|proxyerror|sslerror",
        Unreachable,
        "Kaggle could not be reached: {said}",
        "check the network and run again later",
    ),
    (
        r"\b400\b|bad request",
        PodiumError,
        "Kaggle refused the request: it said {said}",
        "see what it says; where the limit of submissions is meant, run again after midnight UTC",
    ),
    (
        r"^$",
        Unreachable,
        "the kaggle command failed without a word",
        "run again later",
    ),
    (
        r"",
        PodiumError,
        "the kaggle command failed and said {said}",
        "run `kaggle competitions submissions {competition}` by hand and see",
    ),
]
