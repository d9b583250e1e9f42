"""What `snakemake --profile slurm` asks Slurm for."""

import os
import re
import signal
from pathlib import Path

import pytest

from tests.slurm.run import MODEL, driver, jobs_of, wait_until_gone, write_profile

pytestmark = pytest.mark.slow


@pytest.mark.parametrize(
    ("resources", "gpus"),
    [
        ({}, 1),
        ({"gpu": None, "gres": "'gpu:a100:4'"}, 4),
    ],
    ids=str,
)
def test_a_training_gets_its_gpus_on_one_computer_and_is_one_task(cluster, endless, resources, gpus):
    write_profile(endless, {"set-resources": {"train_detector": resources}})
    with driver(cluster, endless, MODEL) as run:
        job = run.until_training()
        shown = cluster("scontrol", "--details", "show", "job", job)
        assert "NumNodes=1 " in shown
        assert "NumTasks=1 " in shown
        assert f"GRES=gpu:a100:{gpus}(IDX:" in shown
        (visible,) = re.findall(rb"CUDA_VISIBLE_DEVICES=([\d,]+)\0", _environment_of_training(endless))
        assert len(visible.split(b",")) == gpus
        # Ctrl-C takes the jobs out of the queue.
        os.killpg(run.process.pid, signal.SIGINT)
        assert run.end(60) != 0
        wait_until_gone(cluster, endless)


def _environment_of_training(folder: Path) -> bytes:
    """Return the environment variables of the Python process that trains in a folder, as /proc has them."""
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if f"{folder}/.snakemake/scripts/".encode() in (process / "cmdline").read_bytes():
                return (process / "environ").read_bytes()
        except OSError:  # it has just ended
            continue
    raise AssertionError("nothing is being trained")


def test_a_plan_asks_nothing_of_slurm(cluster, endless):
    write_profile(endless)
    with driver(cluster, endless, "--dry-run") as run:
        assert run.end(60) == 0
        assert "train_detector" in run.said
    assert jobs_of(cluster, endless) == []
