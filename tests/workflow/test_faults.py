"""What a user sees when something is wrong."""

import os
import signal
import subprocess
import time
import zipfile

import pytest
import torch

from tests.workflow.run import command, configure, read, snakemake

pytestmark = pytest.mark.slow

HERE = {"kind": "local", "path": "data/tiny/archive.zip"}


def test_a_misspelt_key_stops_before_anything_runs(tmp_path):
    configure(tmp_path, {"splits": {"sed": 3}})
    done = snakemake(tmp_path)
    assert done.returncode != 0
    assert "splits.sed: unknown key; did you mean 'seed'?" in done.stdout
    assert "competition.yaml, line" in done.stdout
    assert not (tmp_path / "data").exists()


def test_a_dropped_category_that_is_none_is_told_before_training_starts(tmp_path):
    """What categories there are is known once the dataset is made."""
    configure(tmp_path, {"detection": {"resnet18": {"drop_categories": ["balloon"]}}})
    done = snakemake(tmp_path, "results/tiny/detection/resnet18/model.pt")
    assert done.returncode != 0
    assert "the dataset has no categories ['balloon']; it has [" in done.stdout
    assert "podium/data/dataset.py" not in done.stdout, "no traceback"
    assert not list((tmp_path / "results/tiny/detection/resnet18").glob("*state*"))


def test_an_archive_that_is_not_there(tmp_path):
    configure(tmp_path, source=HERE, submission=None)
    done = snakemake(tmp_path)
    assert done.returncode != 0
    assert "there is no such archive or folder" in done.stdout
    assert "put the archive at data/tiny/archive.zip" in done.stdout
    assert "podium/data/sources.py" not in done.stdout, "the fault is not in the code: no traceback into it"


def test_a_hostile_archive_writes_nothing_outside(tmp_path):
    folder = tmp_path / "work"
    archive = folder / "data/tiny/archive.zip"
    archive.parent.mkdir(parents=True)
    configure(folder, source=HERE, submission=None)
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("../../../outside.txt", "x")
    done = snakemake(folder)
    assert done.returncode != 0
    assert "../../../outside.txt" in done.stdout
    assert not list(tmp_path.rglob("outside.txt"))
    assert archive.exists(), "an archive put there by hand is not deleted"


def test_an_untrained_chain_scores_near_zero(tmp_path):
    """Right is only what shows no aircraft and got no instance: two of the 48 test images."""
    untrained = {"solver": {"max_iter": 0}}
    configure(
        tmp_path,
        {
            "source": {"test_images": 48},
            "detection": {"resnet18": untrained},
            "segmentation": {"unet": untrained},
            "submission": {"score_threshold": 0.05},
        },
    )
    done = snakemake(tmp_path)
    assert done.returncode == 0, done.stdout[-5000:]
    assert read(tmp_path / "submissions/tiny/boxes_unet.score.json")["score"] < 0.05


def test_killed_in_the_middle_of_training_and_run_again(tmp_path):
    """The second run continues the first one's training and ends with the weights of an uninterrupted run."""
    longer = {"detection": {"resnet18": {"solver": {"max_iter": 12, "eval_period": 6}}}}
    model = "results/tiny/detection/resnet18/model.pt"
    for folder in ("whole", "killed"):
        (tmp_path / folder).mkdir()
        configure(tmp_path / folder, longer)
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    assert snakemake(whole, model).returncode == 0

    state = killed / "results/tiny/detection/resnet18/state"
    process = subprocess.Popen(
        command("--cores", "1", model),
        cwd=killed,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    deadline = time.monotonic() + 300
    while not list(state.glob("[!.]*.pt")) and time.monotonic() < deadline:
        time.sleep(0.05)
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
    assert list(state.glob("[!.]*.pt")), "the training had saved its state"
    assert not (killed / model).exists()

    assert snakemake(killed, "--unlock").returncode == 0
    done = snakemake(killed, model)
    assert done.returncode == 0, done.stdout[-5000:]
    assert "continuing after" in done.stdout
    first, second = (torch.load(folder / model, weights_only=True)["weights"] for folder in (whole, killed))
    assert first.keys() == second.keys()
    assert all(torch.equal(first[name], second[name]) for name in first)
    history = "results/tiny/detection/resnet18/history.csv"
    assert (whole / history).read_text() == (killed / history).read_text()
