"""A training on several GPUs of a node: what it asks for, and that as many processes train in that allocation.

The GPUs are counted, not real: the processes train on processors and talk by gloo, as they would by NCCL.
"""

import re
import shutil
from pathlib import Path

import pytest

from tests.slurm.run import MODEL, assert_same_training, driver, write_profile
from tests.workflow.run import snakemake

pytestmark = pytest.mark.slow


def helpers(job: str) -> list[dict[str, str]]:
    """Return the environments of the processes that a job's training has started to train with it."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            if b"multiprocessing.spawn" in (process / "cmdline").read_bytes():
                entries = (process / "environ").read_bytes().decode().strip("\0").split("\0")
                found.append(dict(entry.split("=", 1) for entry in entries))
        except OSError:  # it has just ended
            continue
    return [environment for environment in found if environment.get("SLURM_JOB_ID") == job]


@pytest.mark.parametrize(("resources", "gpus"), [({"gpu": 2}, 2), ({"gpu": 4, "gpu_model": "a100"}, 4)], ids=["2", "4"])
def test_a_process_for_each_gpu_trains_in_the_jobs_allocation(cluster, brief, tmp_path, monkeypatch, resources, gpus):
    monkeypatch.setenv("PODIUM_WITHOUT_GPUS", "1")
    here = shutil.copytree(brief, tmp_path / "here")
    done = snakemake(here, MODEL, "--set-resources", f"train_detector:gpu={gpus}")
    assert done.returncode == 0, done.stdout[-5000:]

    write_profile(brief, {"set-resources": {"train_detector": resources}})
    with driver(cluster, brief, MODEL, PODIUM_WITHOUT_GPUS="1") as run:
        (job,) = run.until(lambda: run.jobs, "the job")
        others = run.until(lambda: len(found := helpers(job)) == gpus - 1 and found, "the other processes")
        shown = cluster("scontrol", "--details", "show", "job", job)
        assert "NumNodes=1 " in shown
        assert "NumTasks=1 " in shown
        assert f"GRES=gpu:a100:{gpus}(IDX:" in shown
        assert {len(each["CUDA_VISIBLE_DEVICES"].split(",")) for each in others} == {gpus}
        assert run.end() == 0, run.said[-5000:]
    for folder in (here, brief):
        log = (folder / "results/tiny/logs/train_detector.resnet18.log").read_text()
        assert re.findall(r"batch of 4: (\d) processes x", log) == [str(gpus)]
    assert_same_training(here, brief)
