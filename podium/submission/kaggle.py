"""Uploading a submission through the official `kaggle` command line, once, and waiting for its score.

The command's exit codes mislead (an upload that failed can end with 0, one that succeeded with 1), so what counts is
the competition's own list of submissions: every upload's message carries the SHA-256 of the file, and the list is
searched for it before an upload and after one that ended in doubt.
"""

import csv
import re
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from itertools import dropwhile
from pathlib import Path

from podium.errors import PodiumError
from podium.files import file_digest, read_json, write_json
from podium.kaggle_command import Unreachable, explained, quoted, run_kaggle

# The command gives one page; 200 is more than any daily limit allows in weeks, and the newest come first.
LISTED = 200

_LISTING = {"ref", "description", "status", "publicScore", "privateScore"}


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
    rows = csv.DictReader(dropwhile(lambda line: not line.startswith("ref,"), lines))
    if not set(rows.fieldnames or []) >= _LISTING:
        if "No submissions found" in output:
            return []
        # Taking this for an empty list would upload twice.
        raise PodiumError(
            f"the kaggle command did not list the submissions but said {quoted(output)}",
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
        for row in rows
        if (row["ref"] or "").isdigit() and row.get("privateScore") is not None
    ]


def _require_accepted(output: str, competition: str) -> None:
    """Raise PodiumError for what the submit command says when it failed and ended with 0 all the same."""
    if "Could not find competition" in output:
        raise explained(output, competition)
    for words in ("Could not submit", "User cancelled"):
        if words in output:
            raise PodiumError(
                f"the file could not be uploaded: the kaggle command said {quoted(output)}",
                mend="run again: nothing was submitted",
            )


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
