"""What a competition lists of a team's uploads, through the official `kaggle` command line, and waiting for a score."""

import csv
import re
import time
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import dropwhile

from podium.errors import PodiumError
from podium.kaggle_command import ask_kaggle, run_kaggle
from podium.kaggle_faults import Unreachable, quoted

# The command gives one page; 200 is its largest, and the newest come first. What was uploaded before those has a
# receipt, if it was uploaded from here.
LISTED = 200
# Seconds that a call may take that only asks.
ASKING = 120.0

_LISTING = {"ref", "description", "status", "publicScore", "privateScore"}


@dataclass(frozen=True)
class Upload:
    """A submission as the competition lists it. Scores are None until they are known."""

    ref: str
    description: str
    status: str  # PENDING, COMPLETE or ERROR
    public_score: float | None
    private_score: float | None


def poll(
    competition: str,
    ref: str,
    *,
    patience: float = 1800.0,
    first_wait: float = 5.0,
    longest_wait: float = 120.0,
    timeout: float | None = None,
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
            listed = list_uploads(competition, timeout=timeout, waits=())
            upload = next((each for each in listed if each.ref == ref), None)
            doubt = "its score is still pending" if upload else "the competition does not list it"
        except Unreachable as error:
            upload, doubt = None, error.problem
        if upload and upload.status == "COMPLETE":
            return upload
        if upload and upload.status == "ERROR":
            raise PodiumError(
                f"the competition could not score the submission{_reason(competition, ref)}",
                record=f"submission {ref}",
                mend=f"see https://www.kaggle.com/competitions/{competition}/submissions; another file is uploaded as "
                "a new submission",
            )
        if time.monotonic() + wait > end:
            raise PodiumError(
                f"no score after {patience:.0f} seconds: {doubt}",
                record=f"submission {ref}",
                mend="run again later: this only asks, nothing is uploaded again",
            )
        time.sleep(wait)
        wait = min(2 * wait, longest_wait)


def _reason(competition: str, ref: str) -> str:
    """Return why a submission has no score, as the command tells since 2.2.5."""
    try:
        output = run_kaggle(["competitions", "submission", ref], competition, timeout=ASKING)
    except PodiumError:
        return ""
    found = re.search(r"^Error: +(.+)", output, re.MULTILINE)
    return f": {found[1].strip()}" if found else ""


def find_upload(competition: str, digest: str) -> Upload | None:
    """Return the newest upload whose message carries this SHA-256, or None. Errors as in `ask_kaggle`."""
    return next((each for each in list_uploads(competition) if mark(digest) in each.description), None)


def list_uploads(
    competition: str, *, timeout: float | None = None, waits: Sequence[float] | None = None
) -> list[Upload]:
    """Return the team's newest `LISTED` uploads, newest first.

    Parameters (a timeout of None is 120 seconds) and errors as in `podium.kaggle_command.ask_kaggle`.
    """
    command = ["competitions", "submissions", "-v", f"--page-size={LISTED}", competition]
    output = ask_kaggle(command, competition, timeout=timeout or ASKING, waits=waits)
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


def mark(digest: str) -> str:
    """Return what the message of an upload carries: the file's SHA-256."""
    return f"sha256:{digest}"


def _number(text: str | None) -> float | None:
    try:
        return float(text or "")
    except ValueError:
        return None
