"""The read side of the checked dataset."""

import json

import numpy as np
import pytest
from PIL import Image
from pycocotools.coco import COCO as Reference

from podium.data.dataset import load_dataset
from podium.errors import PodiumError

from .competitions import COCO, build, coco_folder, write_coco


@pytest.fixture
def folder(tmp_path):
    root = tmp_path / "extracted"
    root.mkdir()
    write_coco(root, coco_folder(root))
    return build(root, COCO)[0]


def test_images_annotations_and_subsets(folder):
    dataset = load_dataset(folder)
    assert [entry["key"] for entry in dataset.images.values()] == ["a", "b", "c", "t"]
    assert {image_id: len(entries) for image_id, entries in dataset.annotations.items()} == {1: 2, 2: 1, 3: 0, 4: 0}
    assert dataset.category_names == ["plane", "ship"]
    assert (dataset.subset("train"), dataset.subset("test")) == ([1, 2, 3], [4])
    assert dataset.sample_submission is None
    assert dataset.digest == (folder / "digest.txt").read_text().strip() != ""
    assert np.array_equal(dataset.read(2), np.asarray(Image.open(folder / "images" / "train" / "b.png")))


def test_a_part_is_a_coco_dataset_that_pycocotools_reads(folder, tmp_path):
    part = load_dataset(folder).restricted([4, 1])
    (tmp_path / "part.json").write_text(json.dumps(part))
    reference = Reference(str(tmp_path / "part.json"))
    assert reference.getImgIds() == [4, 1]
    assert reference.getAnnIds() == [1, 2]
    assert reference.annToMask(reference.loadAnns(1)[0]).sum() == 12


def test_without_a_category_images_and_categories_stay(folder):
    dataset = load_dataset(folder)
    found = dataset.without(["plane"])
    assert (found.images, found.category_names) == (dataset.images, ["plane", "ship"])
    ships = {
        image_id: [each for each in entries if each["category_id"] == 2]
        for image_id, entries in dataset.annotations.items()
    }
    assert found.annotations == ships != dataset.annotations
    assert dataset.without([]) == dataset
    with pytest.raises(PodiumError, match=r"has no categories \['plain'\]; it has \['plane', 'ship'\]"):
        dataset.without(["plain"])


def test_missing_changed_and_foreign_files(folder):
    dataset = load_dataset(folder)
    Image.new("RGB", (3, 3)).save(folder / "images/train/a.png")
    with pytest.raises(PodiumError, match="3 x 3, the dataset says 12 x 8"):
        dataset.read(1)
    (folder / "images/train/b.png").unlink()
    with pytest.raises(PodiumError, match="missing"):
        dataset.read(2)
    (folder / "digest.txt").unlink()
    with pytest.raises(PodiumError, match=r"digest\.txt"):
        load_dataset(folder)
    for content in ("{}", "[]", '{"images": [], "annotations": [{"image_id": 1}], "categories": []}'):
        (folder / "annotations.json").write_text(content)
        with pytest.raises(PodiumError, match="no checked dataset"):
            load_dataset(folder)
    (folder / "annotations.json").unlink()
    with pytest.raises(PodiumError, match="missing"):
        load_dataset(folder)
