"""Uploading a submission through the official `kaggle` command line, once, and waiting for its score.

The command's exit codes mislead (an upload that failed can end with 0, one that succeeded with 1), so what counts is
the competition's own list of submissions: every upload's message carries the SHA-256 of the file, and the list is
searched for it before an upload and after one that ended in doubt.
"""

import csv
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from podium.errors import PodiumError
from podium.files import file_digest, read_json, write_json

# The command gives one page; 200 is more than any daily limit allows in weeks, and the newest come first.
LISTED = 200


class Unreachable(PodiumError):
    """Kaggle did not answer, or not now: the same call may succeed later."""


@dataclass(frozen=True)
class Upload:
    """A submission as the competition lists it. Scores are None until they are known."""

    ref: str
    description: str
    status: str  # PENDING, COMPLETE or ERROR
    public_score: float | None
    private_score: float | None


def submit(
    csv_path: str | Path, competition: str, message: str, receipt: str | Path, *, timeout: float = 600.0
) -> dict[str, object]:
    """Upload a file unless this content was uploaded before, and return its receipt.

    Parameters
    ----------
    csv_path
        The file, checked already.
    competition
        The competition's name as in its URL.
    message
        What the leaderboard shows beside the upload; the content hash is added.
    receipt
        JSON file that keeps the receipt. Written as soon as the upload is made, so it must outlive a failing job (not a
        declared output of a workflow's rule).
    timeout
        Seconds that one call of the command may take.

    Returns
    -------
    dict
        `competition`, `sha256`, `message`, `time` (UTC, ISO 8601, of the upload or of finding it) and `ref`.

    Raises
    ------
    PodiumError
        Where Kaggle refuses, with what to do. After any error the call can be repeated without uploading twice.
    """
    digest = file_digest(csv_path)
    kept = _read_receipt(receipt, competition, digest)
    if kept and kept["ref"]:
        return kept
    found = find_upload(competition, digest, timeout=timeout)
    if found is None and kept:
        raise PodiumError(
            f"this file was uploaded at {kept['time']}, but the competition does not list it yet",
            file=csv_path,
            mend=f"run again in some minutes; only if the upload is surely lost, delete {receipt} to upload anew",
        )
    if found:
        return _write_receipt(receipt, competition, digest, message, found.ref)
    command = ["competitions", "submit", f"--file={csv_path}", f"--message={message} {_mark(digest)}", competition]
    try:
        output = run_kaggle(command, timeout=timeout)
        _require_accepted(output, competition)
    except PodiumError as error:
        # The upload may have been made although the command failed.
        try:
            found = find_upload(competition, digest, timeout=timeout)
        except PodiumError:
            found = None
        if found is None:
            raise error from None
        return _write_receipt(receipt, competition, digest, message, found.ref)
    said = re.search(r"Submission ref: (\d+)", output)  # Not every version of the command says it.
    kept = _write_receipt(receipt, competition, digest, message, said and said.group(1))
    if kept["ref"]:
        return kept
    for wait in (0, 2, 5, 10):
        time.sleep(wait)
        if found := find_upload(competition, digest, timeout=timeout):
            return _write_receipt(receipt, competition, digest, message, found.ref)
    raise PodiumError(
        "the upload was accepted, but the competition does not list it yet",
        file=csv_path,
        mend="run again in some minutes: the file is not uploaded a second time",
    )


def poll(
    competition: str,
    ref: str,
    *,
    patience: float = 1800.0,
    first_wait: float = 5.0,
    longest_wait: float = 120.0,
    timeout: float = 120.0,
) -> Upload:
    """Wait until a submission is scored, asking again after ever longer waits (in seconds, doubled each time).

    Calls that fail for want of an answer are repeated until `patience` seconds are over.

    Raises
    ------
    PodiumError
        Where the competition could not score the file, does not list it, or is not done in time.
    """
    end = time.monotonic() + patience
    wait, doubt = first_wait, "its score is still pending"
    while True:
        try:
            upload = next((each for each in list_uploads(competition, timeout=timeout) if each.ref == ref), None)
            doubt = "its score is still pending" if upload else "the competition does not list it"
        except Unreachable as error:
            upload, doubt = None, error.problem
        if upload and upload.status == "COMPLETE":
            return upload
        if upload and upload.status == "ERROR":
            raise PodiumError(
                "the competition could not score the submission",
                record=f"submission {ref}",
                mend=f"read why at https://www.kaggle.com/competitions/{competition}/submissions",
            )
        if time.monotonic() + wait > end:
            raise PodiumError(
                f"no score after {patience:.0f} seconds: {doubt}",
                record=f"submission {ref}",
                mend="run again later: this only asks, nothing is uploaded again",
            )
        time.sleep(wait)
        wait = min(2 * wait, longest_wait)


def find_upload(competition: str, digest: str, *, timeout: float = 120.0) -> Upload | None:
    """Return the newest upload whose message carries this SHA-256, or None. Errors as in `run_kaggle`."""
    return next(
        (each for each in list_uploads(competition, timeout=timeout) if _mark(digest) in each.description), None
    )


def list_uploads(competition: str, *, timeout: float = 120.0) -> list[Upload]:
    """Return the team's newest `LISTED` uploads, newest first. Errors as in `run_kaggle`."""
    output = run_kaggle(["competitions", "submissions", "-v", f"--page-size={LISTED}", competition], timeout=timeout)
    lines = output.splitlines(keepends=True)
    header = next((number for number, line in enumerate(lines) if line.startswith("ref,")), None)
    if header is None:
        if "No submissions found" in output:
            return []
        # Taking this for an empty list would upload twice.
        raise PodiumError(
            f"the kaggle command did not list the submissions but said {_quoted(output)}",
            mend="run `kaggle competitions submissions -v COMPETITION` and see; another version of kaggle may help",
        )
    return [
        Upload(
            ref=row["ref"],
            description=row["description"] or "",
            status=(row["status"] or "").rpartition(".")[2].upper(),
            public_score=_number(row["publicScore"]),
            private_score=_number(row["privateScore"]),
        )
        for row in csv.DictReader(lines[header:])
        if (row["ref"] or "").isdigit() and row.get("privateScore") is not None
    ]


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
            f"Kaggle did not answer in {timeout:.0f} seconds (kaggle {arguments[0]} {arguments[1]})",
            mend="check the network and run again",
        ) from None
    if done.returncode != 0:
        raise _explained(done.stdout + "\n" + done.stderr, competition=arguments[-1])
    return done.stdout


_FAULTS: list[tuple[str, type[PodiumError], str, str]] = [
    (
        r"\b401\b|unauthorized|authentication required|unauthenticated",
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
        r"\b5\d\d server error|internal server error|service unavailable|bad gateway|connection|timed out|max retries",
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
"""What the command says, the kind of error, the problem, the mend; the first that matches counts."""


def _explained(output: str, competition: str) -> PodiumError:
    said = "\n".join(_lines(output))
    kind, problem, mend = next(fault[1:] for fault in _FAULTS if re.search(fault[0], said, re.IGNORECASE))
    words = {"said": _quoted(output), "competition": competition}
    return kind(problem.format(**words), mend=mend.format(**words))


def _require_accepted(output: str, competition: str) -> None:
    """Raise PodiumError for what the submit command says when it failed and ended with 0 all the same."""
    if "Could not find competition" in output:
        raise _explained(output, competition)
    for words in ("Could not submit", "User cancelled"):
        if words in output:
            raise PodiumError(
                f"the file could not be uploaded: the kaggle command said {_quoted(output)}",
                mend="run again: nothing was submitted",
            )


def _quoted(output: str) -> str:
    """Return the last words of an output."""
    lines = _lines(output)
    return repr(lines[-1][:300]) if lines else "nothing"


def _lines(output: str) -> list[str]:
    """Return an output's lines without credentials, and without progress bars, whose numbers look like status codes."""
    for name in ("KAGGLE_KEY", "KAGGLE_API_TOKEN"):
        if secret := os.environ.get(name):
            output = output.replace(secret, "***")
    lines = (line.strip() for line in re.split(r"[\r\n]+", output))
    return [line for line in lines if line and "authorization" not in line.lower() and not re.match(r"\d+%\|", line)]


def _mark(digest: str) -> str:
    return f"sha256:{digest}"


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None


def _read_receipt(path: str | Path, competition: str, digest: str) -> dict | None:
    """Return the receipt of this content at this competition, or None where there is none."""
    if not Path(path).exists():
        return None
    receipt = read_json(path)
    return receipt if (receipt["competition"], receipt["sha256"]) == (competition, digest) else None


def _write_receipt(path: str | Path, competition: str, digest: str, message: str, ref: str | None) -> dict:
    receipt = {
        "competition": competition,
        "sha256": digest,
        "message": message,
        "time": datetime.now(UTC).isoformat(timespec="seconds"),
        "ref": ref,
    }
    write_json(path, receipt, indent=2)
    return receipt
