"""Jobs that a run of Snakemake left in Slurm's queue when it was killed."""

import logging
import os
import shutil
import subprocess
from pathlib import Path

from podium.errors import PodiumError

log = logging.getLogger(__name__)


def refuse_jobs_left(folder: Path, submits: bool) -> None:
    """Do nothing, unless Slurm still has jobs of a run that is no more.

    Snakemake would give them to Slurm a second time, and both would write the same files. Called when Snakemake has
    locked the folder. Another run that lives, or whose lock nobody has removed yet, makes other files, or Snakemake
    would have refused; its jobs are its own.

    Parameters
    ----------
    folder
        Snakemake's working directory, by which its jobs are known.
    submits
        Whether this run uses Slurm: a Slurm that does not answer is then worth a warning. Elsewhere its commands may be
        there without it.

    Raises
    ------
    PodiumError
        There are such jobs.
    """
    locks = list((folder / ".snakemake/locks").glob("*.output.lock"))
    if len(locks) > 1 or not (jobs := _jobs(folder, submits)):
        return
    names = ", ".join(f"{number} ({what})" for number, what in jobs.items())
    raise PodiumError(
        f"an earlier run from this folder left jobs in Slurm's queue: {names}. Begun again now, two at once would "
        "write the same files",
        mend=f"wait until they have ended, or cancel them with `scancel {' '.join(jobs)}`; then run the same command",
    )


def _jobs(folder: Path, submits: bool) -> dict[str, str]:
    """Return Snakemake's jobs of this user and folder that have not ended: {number: rule and wildcards}."""
    if not shutil.which("squeue"):
        return {}
    command = ["squeue", "--noheader", f"--user={os.getuid()}", "--format=%i|%k|%Z"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60)
    except subprocess.TimeoutExpired:
        done = None
    if done is None or done.returncode:
        if submits:
            log.warning("squeue does not answer: jobs that an earlier run may have left are not seen")
        return {}
    jobs = {}
    for line in done.stdout.splitlines():
        number, comment, place = line.split("|", 2)
        if comment.startswith("rule_") and Path(place).resolve() == folder.resolve():
            jobs[number] = comment.removeprefix("rule_").replace("_wildcards_", " ")
    return jobs
