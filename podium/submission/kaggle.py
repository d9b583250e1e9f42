"""Uploading a submission through the official `kaggle` command line, once.

The command's exit codes mislead (an upload that failed can end with 0, one that succeeded with 1), so what counts is
the competition's own list of submissions: every upload's message carries the SHA-256 of the file, and the list is
searched for it before an upload and after one that ended in doubt. A receipt says on this machine what was begun and
what was done; a lock, which lasts as long as the command runs, keeps two processes from uploading at once.
"""

import json
import logging
import re
import time
from collections.abc import Sequence
from pathlib import Path

from podium.errors import PodiumError
from podium.files import file_digest
from podium.kaggle_command import ask_kaggle, run_kaggle
from podium.kaggle_faults import Refused, Unreachable, explained
from podium.kaggle_login import require_login
from podium.locks import alone
from podium.submission.receipt import Receipt
from podium.submission.uploads import ASKING, Upload, find_upload, mark

log = logging.getLogger(__name__)

# Seconds between looks at the list for an upload that may have been made a moment ago.
SETTLING = (0.0, 2.0, 5.0, 10.0, 15.0)


def submit(
    csv_path: str | Path, competition: str, message: str, receipts: str | Path, *, timeout: float = 600.0
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
    receipts
        Folder that keeps a receipt of each upload. It must outlive a failing job (no declared output of a workflow's
        rule).
    timeout
        Seconds that the upload may take, and that another upload from here is waited for.

    Returns
    -------
    dict
        `competition`, `sha256`, `message`, `time` (UTC, ISO 8601, of the upload or of finding it), `state` (done) and
        `ref`.

    Raises
    ------
    PodiumError
        Where Kaggle refuses, with what to do. After any error, and after a kill at any moment, the call can be repeated
        without uploading twice.
    """
    log.info("Kaggle login: %s", require_login())
    digest = file_digest(csv_path)
    receipt = Receipt(Path(receipts), competition, digest, message)
    with alone(Path(receipts, ".lock"), "upload", patience=timeout) as lock:
        kept = receipt.read()
        if kept and kept["ref"]:
            log.info("uploaded before, at %s: submission %s", kept["time"], kept["ref"])
            return kept
        # Where an upload was begun, it may have been made and not be listed yet.
        found = _settled(competition, digest) if kept else find_upload(competition, digest)
        if found:
            log.info("uploaded before: submission %s", found.ref)
            return receipt.write("done", found.ref)
        if kept and kept["state"] == "accepted":
            raise PodiumError(
                f"this file was uploaded at {kept['time']}, but the competition does not list it yet",
                file=csv_path,
                mend=f"run again in some minutes; only if the upload is surely lost, delete {receipt.path}",
            )
        _require_allowance(competition)
        receipt.write("begun")
        command = ["competitions", "submit", f"--file={csv_path}", f"--message={message} {mark(digest)}", competition]
        try:
            output = run_kaggle(command, competition, timeout=timeout, keeps=[lock])
            _require_accepted(output, competition)
        except PodiumError as error:
            return _after_failure(error, receipt)
        # Not every version of the command says the reference.
        said = re.search(r"Submission ref: (\d+)", output)
        kept = receipt.write("done", said[1]) if said else receipt.write("accepted")
        if not kept["ref"]:
            found = _settled(competition, digest)
            if not found:
                raise PodiumError(
                    "the upload was accepted, but the competition does not list it yet",
                    file=csv_path,
                    mend="run again in some minutes: the file is not uploaded a second time",
                )
            kept = receipt.write("done", found.ref)
        log.info("uploaded: submission %s", kept["ref"])
        return kept


def _after_failure(error: PodiumError, receipt: Receipt) -> dict[str, object]:
    """Return the receipt of an upload that was made although the command failed; else raise the error."""
    doubtful = not isinstance(error, Refused)
    try:
        found = _settled(receipt.competition, receipt.digest, SETTLING if doubtful else (0.0,))
    except PodiumError:
        raise error from None  # the receipt says that it was begun: the next call looks again
    if found:
        log.info("the command failed (%s), but the upload was made: submission %s", error.problem, found.ref)
        return receipt.write("done", found.ref)
    if not doubtful:
        receipt.path.unlink()
    raise error from None


def _settled(competition: str, digest: str, waits: Sequence[float] | None = None) -> Upload | None:
    """Return an upload that may have been made just now, None where it is not listed after some looks."""
    for wait in SETTLING if waits is None else waits:
        time.sleep(wait)
        if found := find_upload(competition, digest):
            return found
    return None


def _require_allowance(competition: str) -> None:
    """Raise PodiumError where no submission is left today. Where that cannot be asked, the upload itself will tell."""
    try:
        output = ask_kaggle(["competitions", "submission-limits", "--json", competition], competition, timeout=ASKING)
        limits = json.loads(output[output.index("{") :])
        left, today, by_total = (limits.get(key, 0) for key in ("numAllowedNow", "numToday", "limitedByTotal"))
    except (PodiumError, ValueError) as error:
        log.warning("how many submissions are left could not be asked: %s", getattr(error, "problem", error))
        return
    if left:
        log.info("%d submissions are left today", left)
    elif by_total:
        raise PodiumError(
            "the competition takes no more submissions of this team: its limit in all is reached",
            mend="nothing was uploaded; nothing is lost",
        )
    elif today:  # all are 0 for who is in no team yet
        raise PodiumError(
            f"no submission is left today: {today} were made since midnight UTC",
            mend="nothing was uploaded; run again after midnight UTC",
        )


def _require_accepted(output: str, competition: str) -> None:
    """Raise PodiumError for what the submit command says when it failed and ended with 0 all the same."""
    if "Could not find competition" in output or "Could not submit" in output:
        raise explained(output, competition, require_login())
    if "User cancelled" in output:
        raise Unreachable("the upload was interrupted", mend="run again")
