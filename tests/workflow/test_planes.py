"""The planes competition's way: a flat list of objects, a submission of all images, row-major codes."""

import json
import re
import shutil
import zipfile
from functools import partial

import numpy as np
import pandas as pd
import pytest
from pycocotools import mask as coco_mask

from podium.config.formats import resolve_format
from podium.data.generated.competition import generate
from podium.submission.rle import encode
from tests.workflow.run import ROOT, configure, read, snakemake

pytestmark = pytest.mark.slow


# The report's own trainings: experiments, ablations with three seeds of each point.
SEEDS = ["", "-seed-1", "-seed-2"]
SHORT = ["x101-base_lr-0p00025-max_iter-500", "x101-max_iter-500", "x101-base_lr-0p001-max_iter-500"]
DETECTORS = [f"{name}{seed}" for name in [*SHORT, "x101-max_iter-1000", "x101", "x101-weights-R101"] for seed in SEEDS]
SEGMENTERS = [f"{name}{seed}" for name in ("report_unet", "report_unet-base_lr-0p01") for seed in SEEDS]


def test_a_dry_run_of_the_shipped_file_tells_every_job(tmp_path):
    shutil.copy(ROOT / "config/planes.yaml", tmp_path / "competition.yaml")
    done = snakemake(tmp_path, "--dry-run")
    assert done.returncode == 0, done.stdout
    told = re.findall(r"^ +output: (.*)$", done.stdout, re.MULTILINE)
    made = [file.removeprefix("results/planes/") for line in told for file in line.split(", ")]
    assert len(made) == len(set(made))
    trained = {f"detection/{name}" for name in [*DETECTORS, "mask_rcnn", "x101_tiles"]}
    trained |= {f"segmentation/{name}" for name in SEGMENTERS}
    assert {file.removesuffix("/model.pt") for file in made if file.endswith("/model.pt")} == trained
    assert {f"ablations/{name}.svg" for name in ("rate", "iterations", "start", "unet_rate")} <= set(made)
    # Every point is judged on validation, what is written out on test.
    judged = {part: {file for file in made if file.endswith(f"/metrics.{part}.json")} for part in ("val", "test")}
    assert judged["val"] == {f"{folder}/metrics.val.json" for folder in {*trained, "instances/boxes_unet"}}
    written = ("detection/x101", "detection/x101_tiles", "detection/mask_rcnn", "segmentation/report_unet")
    assert judged["test"] == {f"{folder}/metrics.test.json" for folder in [*written, "instances/boxes_unet"]}
    # Each of the zoo's weights once, for all that start from them.
    assert len([file for file in made if file.startswith("data/zoo/") and file.endswith(".json")]) == 3
    assert {
        "comparison.json",
        "report.html",
        "submissions/planes/boxes_unet.csv",
        "submissions/planes/boxes_unet.check.json",
    } <= set(made)


@pytest.fixture
def flat_archive(tmp_path):
    """The generated scenes as the course ships its photographs: train/, test/ and one flat list."""
    code = partial(encode, convention=resolve_format("dsb2018").code)
    drawn = tmp_path / "drawn.zip"
    generate(drawn, tmp_path / "solution.csv", seed=1, train_images=14, test_images=3, size=96, encode=code)
    archive = tmp_path / "flat.zip"
    with zipfile.ZipFile(drawn) as source, zipfile.ZipFile(archive, "w") as target:
        coco = json.loads(source.read("train.json"))
        files = {image["id"]: image["file_name"].removeprefix("train/") for image in coco["images"]}
        flat = [
            {
                "file_name": files[entry["image_id"]],
                "image_id": entry["image_id"],
                "bbox": entry["bbox"],
                "segmentation": outline(entry["bbox"]),
                "iscrowd": 0,
            }
            for entry in coco["annotations"]
        ]
        target.writestr("train.json", json.dumps(flat))
        for name in source.namelist():
            if name.endswith(".png"):
                target.writestr(name, source.read(name))
    return archive, sorted(file.removesuffix(".png") for file in files.values()), len(flat)


def outline(box):
    """The diamond inside a box: polygons are what this list holds."""
    x, y, w, h = box
    return [[x + w / 2, y, x + w, y + h / 2, x + w / 2, y + h, x, y + h / 2]]


def test_from_the_flat_list_to_rows_for_all_images(tmp_path, flat_archive):
    archive, train_keys, objects = flat_archive
    configure(
        tmp_path,
        {"detection": {"resnet18": {"model": {"score_threshold": 0.0, "detections_per_image": 5}}}},
        source={"kind": "local", "path": str(archive)},
        layout={"kind": "isaid"},
        submission={
            "experiment": "boxes_unet",
            "format": "planes",
            "images": "train_and_test",
            "metric": "dice",
            "score_threshold": 0.0,
        },
    )
    done = snakemake(tmp_path)
    assert done.returncode == 0, done.stdout[-5000:]

    dataset = read(tmp_path / "data/tiny/dataset/annotations.json")
    assert len(dataset["annotations"]) == objects
    assert {category["name"] for category in dataset["categories"]} == {"plane"}
    rows = pd.read_csv(tmp_path / "submissions/tiny/boxes_unet.csv")
    assert rows["ImageId"].drop_duplicates().tolist()[: len(train_keys)] == train_keys
    assert rows["ImageId"].nunique() == len(dataset["images"])

    # Each code, decoded by hand as row-major and 0-based, is a mask that the instances station found.
    images = {image["key"]: image for image in dataset["images"]}
    found = read(tmp_path / "results/tiny/instances/boxes_unet/predictions.submission.json")
    masks = {(p["image_id"], coco_mask.decode(p["segmentation"]).tobytes()) for p in found}
    for key, code in rows.itertuples(index=False):
        if code == "[]":
            continue
        image = images[key]
        pixels = np.zeros(image["height"] * image["width"], np.uint8)
        for start, length in np.array(code.split(), int).reshape(-1, 2):
            pixels[start : start + length] = 1
        mask = np.asfortranarray(pixels.reshape(image["height"], image["width"]))
        assert (image["id"], coco_mask.decode(coco_mask.encode(mask)).tobytes()) in masks
    assert (rows["EncodedPixels"] == "[]").sum() == rows["ImageId"].nunique() - len({p["image_id"] for p in found})
