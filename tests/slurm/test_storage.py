"""Disks that are full, and shared file systems that are slow to tell."""

import shutil
import subprocess
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.slurm.run import MODEL, SHORT, STATES, configure_training, driver, job_log, write_profile

pytestmark = pytest.mark.slow


@contextmanager
def disk(place: Path):
    """A disk in memory at a place, whose size can be changed."""
    place.mkdir(parents=True, exist_ok=True)
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=1g", "tmpfs", place], stderr=subprocess.DEVNULL).returncode:
        pytest.skip("the system does not let even root mount a disk")
    try:
        yield lambda size: subprocess.run(["mount", "-o", f"remount,size={size}", place], check=True)
    finally:
        subprocess.run(["umount", "--lazy", place], check=True)


def test_a_full_disk_stops_a_training_that_goes_on_once_there_is_room(cluster, short, same_as_uninterrupted):
    configure_training(short, SHORT | {"checkpoint_period": 20})
    write_profile(short, {"retries": 0})
    with disk(short / "results") as resize:
        with driver(cluster, short, MODEL) as run:
            (state,) = run.until(lambda: list((short / STATES).glob("[!.]*.pt")), "a state")
            resize(shutil.disk_usage(short / "results").used + state.stat().st_size // 2)
            assert run.end() != 0
            said = job_log(short, run.jobs[0])
        assert f"file {STATES}/{state.name}: the disk is full, or the quota used up" in said
        assert "To mend it: make room, then run again" in said
        assert "Traceback" not in said.split("the disk is full")[0]
        assert not (short / MODEL).exists()
        assert list((short / STATES).iterdir()) == [state], "and no half of another"
        resize("1g")
        with driver(cluster, short, MODEL) as run:
            assert run.end() == 0, run.said[-5000:]
            assert "continuing after 20 iterations" in job_log(short, run.jobs[0])
        same_as_uninterrupted(short)


@pytest.mark.parametrize("patience", [30, 0])
def test_files_that_the_file_system_shows_late_are_waited_for(cluster, brief, patience):
    if not cluster.start_late_node():
        pytest.skip("the system does not let even root mount a folder")
    asked = {"set-resources": {"train_detector": {"slurm_partition": "late"}}}
    write_profile(brief, {"latency-wait": patience, "retries": 0} | asked)
    folder = (brief / MODEL).parent
    folder.parent.mkdir(parents=True)
    folder.symlink_to(cluster.folder / "late")
    with driver(cluster, brief, MODEL) as run:
        (job,) = run.until(lambda: run.jobs, "the job")
        state = ("squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}")
        run.until(lambda: cluster(*state) == "COMPLETED", "its end")
        assert not (brief / MODEL).exists()
        if patience:
            time.sleep(6)  # longer than the driver takes to look at the queue
            shutil.copytree(cluster.folder / "late.node", folder, dirs_exist_ok=True)
            assert run.end() == 0, run.said[-5000:]
            assert (brief / MODEL).exists()
        else:
            assert run.end() != 0, "this is what would happen without"
            assert "latency-wait" in run.said
        assert run.jobs == [job]
