"""The whole chain on Slurm, where nothing goes wrong."""

import filecmp
from pathlib import Path

import pytest
import torch

from tests.slurm.run import driver, jobs_of, write_profile
from tests.workflow.run import configure, snakemake

pytestmark = pytest.mark.slow

# Two candidates, one of which is chosen before the test part is read and the submission made.
SELECTION = {
    "ablations": {"area": {"of": "instances.boxes_unet", "vary": {"min_area": [1, 2]}}},
    "selection": {},
    "submission": {"experiment": "selected"},
}


def outcome(folder: Path) -> dict[str, Path]:
    """Return the files that a competition's results are."""
    kinds = ("history.csv", "metrics.*.json", "predictions.*.json", "tuning.json")
    files = [file for kind in kinds for file in folder.glob(f"results/tiny/*/*/{kind}")]
    files += [folder / "results/tiny" / name for name in ("selection.json", "chosen.json")]
    files += [*folder.glob("submissions/tiny/*.csv"), *folder.glob("submissions/tiny/*.score.json")]
    return {str(file.relative_to(folder)): file for file in files}


def test_the_whole_chain_makes_what_it_makes_on_one_computer(cluster, tmp_path):
    here, there = tmp_path / "here", tmp_path / "there"
    for folder in (here, there):
        folder.mkdir()
        configure(folder, SELECTION)
    done = snakemake(here)
    assert done.returncode == 0, done.stdout[-5000:]
    write_profile(there)
    with driver(cluster, there) as run:
        assert run.end() == 0, run.said[-5000:]
        said = run.said

    first, second = outcome(here), outcome(there)
    assert len(first) == 23
    assert first.keys() == second.keys()
    assert [name for name in first if not filecmp.cmp(first[name], second[name], shallow=False)] == []
    for model in ("detection/resnet18", "segmentation/unet"):
        one, other = (
            torch.load(folder / f"results/tiny/{model}/model.pt", weights_only=True) for folder in (here, there)
        )
        assert all(torch.equal(one["weights"][name], other["weights"][name]) for name in one["weights"])
    # One job for each training, each prediction with its evaluation, the tuning, what compares, and all that ends in a
    # submission.
    waited = ["dataset", "train_detector", "train_segmenter", *["evaluate_segmenter"] * 2]
    waited += [*["predict_boxes"] * 3, *["predict_instances"] * 4, "tune", "ablation", "select_experiment"]
    waited += ["submission", "share"]
    assert said.count("has been submitted with SLURM jobid") == len(waited)
    for rule in ("generate", "splits", "draw_schedule", "draw_curves", "report"):
        assert f"localrule {rule}:" in said
    assert jobs_of(cluster, there) == []
