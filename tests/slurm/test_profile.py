"""What `snakemake --profile slurm` asks Slurm for, and what comes of it where nothing goes wrong."""

import filecmp
import os
import re
import signal
from pathlib import Path

import pytest
import torch

from tests.slurm.run import MODEL, driver, jobs_of, wait_until_gone, write_profile
from tests.workflow.run import configure, snakemake

pytestmark = pytest.mark.slow


def outcome(folder: Path) -> dict[str, Path]:
    """Return the files that a competition's results are."""
    kinds = ("history.csv", "metrics.*.json", "predictions.*.json")
    files = [file for kind in kinds for file in folder.glob(f"results/tiny/*/*/{kind}")]
    files += [*folder.glob("submissions/tiny/*.csv"), *folder.glob("submissions/tiny/*.score.json")]
    return {str(file.relative_to(folder)): file for file in files}


def test_the_whole_chain_makes_what_it_makes_on_one_computer(cluster, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        configure(folder)
    done = snakemake(here)
    assert done.returncode == 0, done.stdout[-5000:]
    write_profile(there)
    with driver(cluster, there) as run:
        assert run.end() == 0, run.said[-5000:]
        said = run.said

    first, second = outcome(here), outcome(there)
    assert len(first) == 16
    assert first.keys() == second.keys()
    assert [name for name in first if not filecmp.cmp(first[name], second[name], shallow=False)] == []
    for model in ("detection/resnet18", "segmentation/unet"):
        one, other = (
            torch.load(folder / f"results/tiny/{model}/model.pt", weights_only=True) for folder in (here, there)
        )
        assert all(torch.equal(one["weights"][name], other["weights"][name]) for name in one["weights"])
    # One job for each training, each prediction with its evaluation, and all that ends in the submission.
    waited = ["dataset", "train_detector", "train_segmenter", *["evaluate_segmenter"] * 2]
    waited += [*["predict_boxes"] * 3, *["predict_instances"] * 3, "submission"]
    assert said.count("has been submitted with SLURM jobid") == len(waited)
    for rule in ("generate", "splits", "draw_schedule", "draw_curves", "report"):
        assert f"localrule {rule}:" in said
    assert jobs_of(cluster, there) == []


@pytest.mark.parametrize(
    ("resources", "gpus"),
    [
        ({}, 1),
        ({"gpu": None, "gres": "'gpu:2'"}, 2),
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
