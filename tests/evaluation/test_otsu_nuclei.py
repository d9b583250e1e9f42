import importlib.util
import json
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from pycocotools import mask as coco_mask

from .competition import ellipse, rle

pytest.importorskip("skimage")
SCRIPT = Path(__file__).parents[2] / "benchmarks" / "otsu_nuclei.py"
NUCLEI = [(5, 5, 14, 12), (30, 8, 16, 20), (12, 35, 20, 18)]


@pytest.fixture(scope="module")
def otsu():
    spec = importlib.util.spec_from_file_location("otsu_nuclei", SCRIPT)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def picture(nuclei: int, background: int) -> np.ndarray:
    """Noisy nuclei, one of them with a hole, and a speck of 3 x 3 pixels."""
    gray = np.full((60, 70), background)
    for box in NUCLEI:
        gray[ellipse(60, 70, *box)] = nuclei
    gray[44, 22] = background
    gray[2:5, 60:63] = nuclei
    return (gray + np.random.default_rng(0).integers(-15, 16, gray.shape)).astype(np.uint8)


@pytest.mark.parametrize(("nuclei", "background"), [(180, 30), (80, 220)])
def test_finds_clean_nuclei_exactly_bright_or_dark(otsu, nuclei, background):
    found = otsu.segment(picture(nuclei, background))
    expected = [rle(ellipse(60, 70, *box)) for box in NUCLEI]
    assert sorted(mask["counts"] for mask in found) == sorted(mask["counts"] for mask in expected)


def test_nuclei_that_touch_become_one_and_those_at_a_corner_do_not(otsu):
    gray = np.zeros((40, 40), np.uint8)
    gray[5:15, 5:15] = gray[15:25, 15:25] = gray[15:25, 25:30] = 200
    assert sorted(coco_mask.area(otsu.segment(gray)).tolist()) == [100, 150]


def test_a_picture_of_one_colour_has_no_nuclei(otsu):
    assert otsu.segment(np.full((20, 30), 7, np.uint8)) == []


def test_the_command_prints_means_and_intervals(tmp_path):
    # Image 1 is segmented perfectly: 1. Image 2: three found, two of six true ones are hit: 2 / (3 + 6 - 2) = 2/7.
    (tmp_path / "images").mkdir()
    images, annotations = [], []
    for image_id in (1, 2):
        Image.fromarray(picture(180, 30)).convert("RGBA").save(tmp_path / "images" / f"{image_id}.png")
        images.append({"id": image_id, "file_name": f"{image_id}.png", "width": 70, "height": 60})
    masks = [ellipse(60, 70, *box) for box in NUCLEI]
    far = [np.zeros((60, 70), bool) for _ in range(4)]
    for number, mask in enumerate(far):
        mask[55:58, 40 + 5 * number : 43 + 5 * number] = True
    for image_id, truth in ((1, masks), (2, masks[:2] + far)):
        annotations += [{"id": 0, "image_id": image_id, "iscrowd": 0, "segmentation": rle(mask)} for mask in truth]
    (tmp_path / "annotations.json").write_text(json.dumps({"images": images, "annotations": annotations}))
    (tmp_path / "split.json").write_text(json.dumps({"train": [], "val": [1, 2], "test": [1]}))

    def run(*more: str) -> str:
        command = [sys.executable, str(SCRIPT), str(tmp_path), str(tmp_path / "split.json"), *more]
        return subprocess.run(command, check=True, capture_output=True, text=True).stdout

    both = run().splitlines()
    # Of two images, a quarter of all samples have the first twice, a quarter the second twice.
    low, mean, high = 2 / 7, (1 + 2 / 7) / 2, 1.0
    assert both == [
        f"val: mean precision {mean:.4f} [{low:.4f}, {high:.4f}] over 2 images",
        "test: mean precision 1.0000 [1.0000, 1.0000] over 1 images",
    ]
    assert run("--split", "val").splitlines() == both[:1]
    assert run("--split", "train") == "train: no images\n"

    (tmp_path / "split.json").write_text(json.dumps({"val": [3]}))
    failed = subprocess.run(
        [sys.executable, str(SCRIPT), str(tmp_path), str(tmp_path / "split.json")], capture_output=True, text=True
    )
    assert failed.returncode == 1
    assert re.match(r"the dataset has no images with ids \[3\]", failed.stderr)
