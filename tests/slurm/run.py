"""`snakemake --profile slurm` in a folder of the test's own, with the project's own profile."""

import os
import re
import signal
import subprocess
import time
from collections.abc import Callable
from contextlib import contextmanager
from pathlib import Path

import torch
import yaml

from podium.config.load import merge
from tests.slurm.cluster import Cluster
from tests.workflow.run import ROOT, command, configure

MODEL = "results/tiny/detection/resnet18/model.pt"
STATES = Path(MODEL).parent / "state"
# Looks at the queue more often than a real cluster would like, and trains with one thread as a test's local runs do.
QUICK = {
    "slurm-init-seconds-before-status-checks": 2,
    "max-status-checks-per-second": 1,
    "latency-wait": 5,
    "max-threads": 1,
}
# Long enough to be in the midst of it when something happens; only a signal saves the state before its end.
SHORT = {"max_iter": 60, "eval_period": 60, "checkpoint_period": 60}
BRIEF = {"max_iter": 2, "eval_period": 2, "checkpoint_period": 2}
ENDLESS = {"max_iter": 1_000_000, "eval_period": 1_000_000, "checkpoint_period": 3}


def assert_same_training(first: Path, second: Path) -> None:
    """Assert that the detectors and histories of two folders are equal, to the last bit."""
    one, other = (torch.load(folder / MODEL, weights_only=True)["weights"] for folder in (first, second))
    assert one.keys() == other.keys()
    assert all(torch.equal(one[name], other[name]) for name in one)
    history = Path(MODEL).with_name("history.csv")
    assert (first / history).read_text() == (second / history).read_text()


def configure_training(folder: Path, solver: dict) -> None:
    configure(folder, {"detection": {"resnet18": {"solver": solver}}})


def write_profile(folder: Path, changes: dict | None = None) -> None:
    """Write slurm/config.yaml: the project's, with changes laid over it; a value of None takes the key out."""
    profile = merge(yaml.safe_load((ROOT / "slurm/config.yaml").read_text()), QUICK)
    (folder / "slurm").mkdir()
    (folder / "slurm/config.yaml").write_text(yaml.safe_dump(_without_none(merge(profile, changes or {}))))


def _without_none(values: dict) -> dict:
    return {
        key: _without_none(value) if isinstance(value, dict) else value
        for key, value in values.items()
        if value is not None
    }


class Driver:
    """A Snakemake that runs in a folder and gives its jobs to a cluster."""

    def __init__(self, cluster: Cluster, folder: Path, *arguments: str, **variables: str):
        self.cluster, self.folder = cluster, folder
        self.output = folder / f"driver.{time.monotonic_ns()}.log"
        with self.output.open("w") as output:
            self.process = subprocess.Popen(
                command("--profile", "slurm", *arguments),
                cwd=folder,
                env=cluster.environment | variables,
                stdout=output,
                stderr=subprocess.STDOUT,
                start_new_session=True,
            )

    @property
    def said(self) -> str:
        return self.output.read_text()

    def end(self, seconds: float = 400) -> int:
        """Wait for its end and return its exit status."""
        return self.process.wait(timeout=seconds)

    def until(self, condition: Callable[[], object], what: str, seconds: float = 120) -> object:
        """Wait, as long as this driver lives, until a condition is true, and return what it returned."""
        deadline = time.monotonic() + seconds
        while not (found := condition()):
            assert self.process.poll() is None, f"ended before {what}:\n{self.said[-5000:]}"
            assert time.monotonic() < deadline, f"waited {seconds} s for {what}:\n{self.said[-5000:]}"
            time.sleep(0.2)
        return found

    @property
    def jobs(self) -> list[str]:
        """The numbers of all jobs that it has given to the cluster."""
        return re.findall(r"SLURM jobid (\d+)", self.said)

    def until_training(self, number: int = 1) -> str:
        """Wait until the detector is being trained, some iterations long, in the so-manieth job; return the job."""
        self.until(lambda: len(self.jobs) >= number, f"job {number}")
        events = (self.folder / MODEL).parent
        self.until(lambda: len(list(events.rglob("events.out.tfevents*"))) >= number, f"iterations of job {number}")
        time.sleep(2)
        return self.jobs[-1]


@contextmanager
def driver(cluster: Cluster, folder: Path, *arguments: str, **variables: str):
    """Start a driver; when this ends it is gone, and so are all jobs from its folder."""
    started = Driver(cluster, folder, *arguments, **variables)
    try:
        yield started
    finally:
        if started.process.poll() is None:
            os.killpg(started.process.pid, signal.SIGKILL)
            started.process.wait()
        jobs = jobs_of(cluster, folder)
        if jobs:
            cluster("scancel", *jobs)
            wait_until_gone(cluster, folder)


def jobs_of(cluster: Cluster, folder: Path) -> list[str]:
    """Return the numbers of a folder's jobs that have not ended."""
    lines = cluster("squeue", "--noheader", "--format=%i %Z").splitlines()
    return [line.split()[0] for line in lines if Path(line.split()[1]) == folder]


def wait_until_gone(cluster: Cluster, folder: Path) -> None:
    deadline = time.monotonic() + 60
    while jobs_of(cluster, folder):
        assert time.monotonic() < deadline
        time.sleep(0.2)


def job_log(folder: Path, job: str) -> str:
    """Return what a job printed."""
    (file,) = (folder / ".snakemake/slurm_logs").rglob(f"{job}.log")
    return file.read_text()
