"""The overlays with all that a published report tried out: every job of them is planned."""

import re

import pytest
import yaml

from podium.config.merging import merge
from tests.workflow.run import ROOT, snakemake

pytestmark = pytest.mark.slow


def rows(experiment: str, *changes: str, seeds: int = 1) -> set[str]:
    return {f"{experiment}{change}{f'-seed-{seed}' * (seed > 0)}" for change in changes for seed in range(seeds)}


DEMO = rows("detection/resnet18", "", "-max_iter-200", "-max_iter-400", "-backbone-resnet34")
DEMO |= rows("detection/resnet18", *(f"-base_lr-0p{rate}-max_iter-200" for rate in ("00025", "0005", "001")), seeds=2)
DEMO |= {"detection/resnet18-augmentation-without-max_iter-400", "detection/mask_rcnn", "segmentation/unet"}
DEMO |= rows("segmentation/unet", "-max_iter-100", *(f"-base_lr-0p{r}-max_iter-100" for r in ("001", "1")), seeds=2)

NUCLEI = rows("detection/fpn", "", "-max_iter-300", "-backbone-resnet34-max_iter-150", "-max_iter-150")
NUCLEI |= rows("detection/fpn", *(f"-base_lr-0p{rate}-max_iter-150" for rate in ("00025", "0005", "001")))
NUCLEI |= {"detection/mask_rcnn", "segmentation/unet"}


@pytest.mark.parametrize(
    ("files", "trained", "ablations"),
    [
        (["demo", "demo.full"], DEMO, ["rate", "detector_rate", "iterations", "start", "augmentation"]),
        (["nuclei", "nuclei.cpu", "nuclei.cpu.full"], NUCLEI, ["rate", "iterations", "start"]),
    ],
)
def test_a_dry_run_tells_every_job(tmp_path, files, trained, ablations):
    raw: dict = {}
    for file in files:
        raw = merge(raw, yaml.safe_load((ROOT / f"config/{file}.yaml").read_text()))
    (tmp_path / "competition.yaml").write_text(yaml.safe_dump(raw))
    done = snakemake(tmp_path, "--dry-run")
    assert done.returncode == 0, done.stdout
    told = re.findall(r"^ +output: (.*)$", done.stdout, re.MULTILINE)
    made = {file.removeprefix(f"results/{files[0]}/") for line in told for file in line.split(", ")}
    assert {file.removesuffix("/model.pt") for file in made if file.endswith("/model.pt")} == trained
    assert {f"ablations/{name}.csv" for name in ablations} <= made
    # Both ways to instances are tuned, judged on test and compared; one of them is submitted.
    ways = ("instances/boxes_unet", "detection/mask_rcnn")
    assert {f"{way}/{file}" for way in ways for file in ("tuning.json", "metrics.test.json")} <= made
    assert {"comparison.json", "report.html", f"submissions/{files[0]}/boxes_unet.check.json"} <= made
