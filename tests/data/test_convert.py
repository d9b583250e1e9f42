"""Datasets from small archives: what is right comes out right, and every planted fault is listed by its record."""

import csv
import io
import json
import shutil
import tempfile
import zipfile
from collections import defaultdict
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO as Reference

from podium.config.layout import Checks, CocoLayout, Dsb2018Layout
from podium.data.archives import pack
from podium.data.convert import build_dataset, build_from_archive
from podium.data.dataset import load_dataset
from podium.errors import PodiumError

from .competitions import (
    COCO,
    DSB,
    ISAID,
    SQUARE,
    build,
    coco_folder,
    dsb_folder,
    isaid_folder,
    mask_picture,
    picture,
    write_coco,
)

FAIL = Checks(images="fail", annotations="fail")


@pytest.fixture
def root(tmp_path):
    folder = tmp_path / "extracted"
    folder.mkdir()
    return folder


def left_out(quarantine):
    return {(entry["record"], entry["key"]): entry["problem"] for entry in quarantine["left_out"]}


def test_coco(root):
    write_coco(root, coco_folder(root))
    folder, coco, quarantine, summary = build(root, COCO, checks=FAIL)
    assert coco["categories"] == [{"id": 1, "name": "plane"}, {"id": 2, "name": "ship"}]
    assert [(i["id"], i["file_name"], i["key"], i["subset"], i["width"], i["height"]) for i in coco["images"]] == [
        (1, "train/a.png", "a", "train", 12, 8),
        (2, "train/b.png", "b", "train", 12, 8),
        (3, "train/c.png", "c", "train", 12, 8),
        (4, "test/t.png", "t", "test", 12, 8),
    ]
    assert [
        (a["id"], a["image_id"], a["category_id"], a["bbox"], a["area"], a["iscrowd"]) for a in coco["annotations"]
    ] == [
        (1, 1, 2, [2, 1, 4, 3], 12, 0),
        (2, 1, 1, [2, 1, 4, 3], 12, 0),
        (3, 2, 2, [2, 1, 4, 3], 12, 0),
    ]
    expected = np.zeros((8, 12), np.uint8)
    expected[1:4, 2:6] = 1
    assert all(np.array_equal(coco_mask.decode(a["segmentation"]), expected) for a in coco["annotations"])
    assert quarantine == {
        "left_out": [],
        "mended": [],
        "notes": [],
        "counts": {
            "images_left_out": 0,
            "annotations_left_out": 0,
            "annotations_dropped": 0,
            "mended": 0,
            "notes": 0,
        },
    }
    assert (folder / "images/train/a.png").read_bytes() == (root / "train/a.png").read_bytes()
    assert summary["images"] == {"train": 3, "test": 1}
    assert summary["categories"] == {"plane": 1, "ship": 2}


def test_dsb2018(root):
    dsb_folder(root)
    _, coco, quarantine, _ = build(root, DSB, checks=FAIL)
    assert [(i["key"], i["subset"]) for i in coco["images"]] == [("x", "train"), ("y", "train"), ("z", "test")]
    assert [(a["image_id"], a["bbox"], a["area"]) for a in coco["annotations"]] == [
        (1, [2, 1, 4, 3], 12),
        (1, [0, 5, 12, 3], 36),
    ]
    assert quarantine["notes"] == []


def test_isaid(root):
    write_coco(root, isaid_folder(root))
    _, coco, _, _ = build(root, ISAID, checks=FAIL)
    assert [(i["key"], i["subset"]) for i in coco["images"]] == [("p", "train"), ("q", "train"), ("r", "test")]
    assert [(a["bbox"], a["area"], "segmentation" in a) for a in coco["annotations"]] == [
        ([2, 1, 4, 3], 12, True),
        ([0, 0, 2.5, 2], 5, False),
    ]


@pytest.mark.parametrize("layout", [COCO, DSB, ISAID], ids=lambda layout: layout.kind)
def test_wrapping_folders_and_what_systems_leave_are_tolerated(root, layout):
    make(root, layout)
    _, plain, _, _ = build(root, layout)
    for folder in [path for path in root.iterdir() if path.is_dir()]:  # As nested archives leave it.
        folder.rename(root / "aside")
        folder.mkdir()
        (root / "aside").rename(folder / folder.name)
        (folder / ".DS_Store").write_bytes(b"junk")
    wrapped = root.parent / "wrapped"
    wrapped.mkdir()
    root.rename(wrapped / "competition")
    (wrapped / "__MACOSX").mkdir()
    (wrapped / "__MACOSX" / "._x").write_bytes(b"junk")
    _, coco, quarantine, _ = build(wrapped, layout, to="again")
    assert coco == plain
    assert quarantine["left_out"] == []


def make(root, layout):
    if layout is DSB:
        dsb_folder(root)
    else:
        write_coco(root, coco_folder(root) if layout is COCO else isaid_folder(root))


def test_the_result_depends_on_content_alone(root):
    """Not on the number of workers, the order of files and records, paths, or what stood there before."""
    coco = coco_folder(root)
    write_coco(root, coco)
    folder, first, quarantine, summary = build(root, COCO)
    (folder / "images/train/old.png").write_bytes(b"old")
    coco["images"].reverse()
    coco["categories"].reverse()
    write_coco(root, coco)
    for name in ("c", "a"):
        shutil.copy(root / f"train/{name}.png", root / "moved")
        (root / f"train/{name}.png").unlink()
        (root / "moved").rename(root / f"train/{name}.png")
    folder, *again = build(root, COCO, workers=2)
    assert again == [first, quarantine, summary]
    assert sorted(path.name for path in (folder / "images/train").iterdir()) == ["a.png", "b.png", "c.png"]
    assert (folder / "digest.txt").read_text() == summary["digest"] + "\n"
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []

    elsewhere = build_dataset(root, COCO, Checks(), root.parent / "other", description="other words")
    assert elsewhere == summary
    picture(root / "train/c.png", seed="another")
    assert build(root, COCO)[3]["digest"] != summary["digest"]


def test_a_failure_leaves_the_dataset_that_stood_there(root):
    write_coco(root, coco_folder(root))
    folder, coco, _, _ = build(root, COCO)
    (root / "train/a.png").write_bytes(b"broken")
    with pytest.raises(PodiumError, match="fail their checks: 1\n"):
        build(root, COCO, checks=Checks(images="fail"))
    assert load_dataset(folder).restricted([1, 2, 3, 4])["images"] == coco["images"]
    assert sorted(path.name for path in root.parent.iterdir()) == ["dataset", "extracted"]


def test_a_dropped_category_leaves_images_and_other_objects(root):
    write_coco(root, coco_folder(root))
    _, whole, _, _ = build(root, COCO)
    _, coco, quarantine, summary = build(root, COCO, checks=Checks(drop_categories=["ship"], annotations="fail"))
    assert coco["categories"] == [{"id": 1, "name": "plane"}]
    assert coco["images"] == whole["images"]
    assert [(a["image_id"], a["category_id"]) for a in coco["annotations"]] == [(1, 1)]
    assert quarantine["counts"] == {
        "images_left_out": 0,
        "annotations_left_out": 0,
        "annotations_dropped": 2,
        "mended": 0,
        "notes": 1,
    }
    assert quarantine["notes"] == [
        {
            "record": "category ship",
            "file": None,
            "key": "checks.drop_categories",
            "problem": "its 2 annotations were left out, as configured",
        }
    ]
    assert summary["categories"] == {"plane": 1}


def test_the_ids_of_categories_after_a_dropped_one_move_up(root):
    write_coco(root, coco_folder(root))
    _, coco, _, _ = build(root, COCO, checks=Checks(drop_categories=["plane"]))
    assert coco["categories"] == [{"id": 1, "name": "ship"}]
    assert [(a["image_id"], a["category_id"]) for a in coco["annotations"]] == [(1, 1), (2, 1)]


def test_categories_that_cannot_be_dropped(root):
    write_coco(root, coco_folder(root))
    with pytest.raises(PodiumError, match="there is no category 'boat'") as caught:
        build(root, COCO, checks=Checks(drop_categories=["ship", "boat"]))
    assert "plane, ship" in caught.value.mend
    with pytest.raises(PodiumError, match="no category is left"):
        build(root, COCO, checks=Checks(drop_categories=["ship", "plane"]))


def truncated(path, part=0.5):
    content = path.read_bytes()
    path.write_bytes(content[: int(len(content) * part)])


def damage_image(root, coco, kind):
    if kind == "truncated PNG":
        truncated(root / "train/a.png")
    elif kind == "truncated JPEG":
        picture(root / "train/a.png", 120, 80, format="JPEG")
        coco["images"][0] |= {"width": 120, "height": 80}
        truncated(root / "train/a.png")
    elif kind == "no image":
        (root / "train/a.png").write_bytes(b"hello")
    elif kind == "missing":
        (root / "train/a.png").unlink()
    elif kind == "width":
        coco["images"][0]["width"] = 13
    elif kind == "height":
        coco["images"][0]["height"] = float("nan")
    elif kind == "outside":
        coco["images"][0]["file_name"] = "../../secret.png"
        picture(root.parent / "secret.png")
    elif kind == "absolute":
        coco["images"][0]["file_name"] = str(picture(root.parent / "secret.png"))
    elif kind == "no name":
        del coco["images"][0]["file_name"]


@pytest.mark.parametrize(
    ("kind", "key", "problem"),
    [
        ("truncated PNG", "file_name", "cannot be decoded"),
        ("truncated JPEG", "file_name", "cannot be decoded"),
        ("no image", "file_name", "cannot be decoded"),
        ("missing", "file_name", "missing"),
        ("width", "width", "12 x 8 pixels, its record says 13 x 8"),
        ("height", "height", "height is nan"),
        ("outside", "file_name", "leads out of the archive"),
        ("absolute", "file_name", "leads out of the archive"),
        ("no name", "file_name", "file_name is None"),
    ],
)
def test_a_bad_image_is_listed_with_its_annotations(root, kind, key, problem):
    coco = coco_folder(root)
    damage_image(root, coco, kind)
    write_coco(root, coco)
    folder, built, quarantine, _ = build(root, COCO)
    name = Path(coco["images"][0].get("file_name", "30")).stem
    image, *orphans = quarantine["left_out"]
    assert (image["record"], image["key"]) == (f"image {name}", key)
    assert problem in image["problem"]
    assert [entry["record"] for entry in orphans] == [f"annotation {n} of image {name}" for n in (1, 2)]
    assert quarantine["counts"]["images_left_out"] == 1
    assert quarantine["counts"]["annotations_left_out"] == 2
    assert [entry["key"] for entry in built["images"]] == ["b", "c", "t"]
    assert [entry["bbox"] for entry in built["annotations"]] == [[2, 1, 4, 3]]
    assert not (folder / "images/train/a.png").exists()
    with pytest.raises(PodiumError, match=f"image {name}, {key}: .*{problem}"):
        build(root, COCO, checks=Checks(images="fail"))
    build(root, COCO, checks=Checks(annotations="fail"))  # The annotations have no fault of their own.


RLE = {"size": [8, 12], "counts": [17, 3, 5, 3, 68]}  # Columns 2 and 3, rows 1 to 3.


@pytest.mark.parametrize(
    ("change", "key", "problem"),
    [
        ({"bbox": [2, 1, 0, 3]}, "bbox", "no area"),
        ({"bbox": [2, 1, 4, -3]}, "bbox", "no area"),
        ({"bbox": [12, 1, 4, 3]}, "bbox", "outside the image of 12 x 8"),
        ({"bbox": [-9, 1, 4, 3]}, "bbox", "outside the image of 12 x 8"),
        ({"bbox": [2, float("nan"), 4, 3]}, "bbox", "four finite numbers"),
        ({"bbox": [2, 1, float("inf"), 3]}, "bbox", "four finite numbers"),
        ({"bbox": [2, 1, 10**400, 3]}, "bbox", "four finite numbers"),
        ({"bbox": [2, 1, 4]}, "bbox", "four finite numbers"),
        ({"bbox": "2 1 4 3"}, "bbox", "four finite numbers"),
        ({"bbox": [True, 1, 4, 3]}, "bbox", "four finite numbers"),
        ({"bbox": None, "segmentation": None}, "bbox", "neither a box nor a mask"),
        ({"bbox": [9, 6, 2, 2]}, "bbox", "apart from the mask"),
        ({"segmentation": [[2, 1, 6, 1]]}, "segmentation", "three points, not 2"),
        ({"segmentation": [[]]}, "segmentation", "three points, not 0"),
        ({"segmentation": [[2, 1, 6, 1, float("nan"), 4]]}, "segmentation", "finite numbers"),
        ({"segmentation": [[2, 1, 6, 1, "6", 4]]}, "segmentation", "finite numbers"),
        ({"segmentation": [[2, 1, 6, 1, 6, 4, 3]]}, "segmentation", "one coordinate is missing"),
        ({"segmentation": [[2, 1, 1e9, 1, 6, 4]]}, "segmentation", "farther than the image is large"),
        ({"segmentation": [[13, 1, 16, 1, 16, 4]]}, "segmentation", "empty"),
        ({"segmentation": "mask"}, "segmentation", "not a str"),
        ({"segmentation": RLE | {"size": [12, 8]}}, "segmentation.size", r"\[12, 8\], its image's \[8, 12\]"),
        ({"segmentation": RLE | {"counts": [17, 3, 5, 3]}}, "segmentation.counts", "28 pixels in all"),
        ({"segmentation": RLE | {"counts": [17, -3, 82]}}, "segmentation.counts", "a run of -3"),
        ({"segmentation": RLE | {"counts": "a000"}}, "segmentation.counts", "pixels in all|cut off"),
        ({"segmentation": {"size": [8, 12]}}, "segmentation.counts", "not a NoneType"),
        ({"segmentation": RLE | {"counts": [96]}}, "segmentation", "empty"),
        ({"iscrowd": 2}, "iscrowd", "0 or 1, not 2"),
        ({"image_id": 99}, "image_id", "no image 99"),
        ({"image_id": None}, "image_id", "image_id is None"),
        ({"category_id": 1}, "category_id", "no category 1"),
        ({"category_id": "7"}, "category_id", "no category '7'"),
        ({"id": 1}, "id", "another annotation has the id 1"),
        ({"id": [3]}, "id", r"id is \[3\]"),
    ],
)
def test_a_bad_annotation_is_listed(root, change, key, problem):
    coco = coco_folder(root)
    coco["annotations"][2] |= change
    write_coco(root, coco)
    _, built, quarantine, _ = build(root, COCO)
    (entry,) = quarantine["left_out"]
    name = {"id=1": "annotation 1", "id=[3]": "annotations[2]"}.get(f"id={change.get('id')}", "annotation 3")
    assert entry["record"].removesuffix(" of image b") == name
    assert (entry["file"], entry["key"]) == ("train.json", key)
    with pytest.raises(PodiumError, match=problem):
        build(root, COCO, checks=Checks(annotations="fail"))
    assert [a["image_id"] for a in built["annotations"]] == [1, 1]
    assert len(built["images"]) == 4
    assert quarantine["counts"]["annotations_left_out"] == 1
    build(root, COCO, checks=Checks(images="fail"))


@pytest.mark.parametrize(
    ("change", "key", "problem", "bbox", "area"),
    [
        ({"bbox": [-2, 1, 4, 3], "segmentation": []}, "bbox", "reaches 2 pixels outside", [0, 1, 2, 3], 6),
        ({"bbox": [10, 6.5, 4, 3], "segmentation": []}, "bbox", "reaches 2 pixels outside", [10, 6.5, 2, 1.5], 3),
        ({"bbox": [2, 1, 14, 3]}, "bbox", "outside; the mask's box", [2, 1, 4, 3], 12),
        ({"segmentation": [[-4, 1, 6, 1, 6, 4, -4, 4]]}, "segmentation", "reaches 4 pixels", [0, 1, 6, 3], 18),
        ({"segmentation": [SQUARE, [8, 1, 9, 1]]}, "segmentation", "1 of 2 polygons", [2, 1, 4, 3], 12),
        ({"segmentation": SQUARE}, "segmentation", "one list of numbers", [2, 1, 4, 3], 12),
    ],
)
def test_what_can_be_mended_is_mended_and_listed(root, change, key, problem, bbox, area):
    coco = coco_folder(root)
    coco["annotations"][2] |= change
    write_coco(root, coco)
    _, built, quarantine, _ = build(root, COCO, checks=FAIL)
    (entry,) = quarantine["mended"]
    assert (entry["record"], entry["key"]) == ("annotation 3 of image b", key)
    assert problem in entry["problem"]
    assert built["annotations"][2]["bbox"] == bbox
    assert built["annotations"][2]["area"] == area


@pytest.mark.parametrize("compressed", [False, True])
def test_run_length_codes(root, compressed):
    coco = coco_folder(root)
    code = coco_mask.frPyObjects(RLE, 8, 12) if compressed else RLE
    coco["annotations"][2] |= {"segmentation": {**code, "counts": code["counts"].decode()} if compressed else RLE}
    coco["annotations"][2]["iscrowd"] = 1
    write_coco(root, coco)
    _, built, _, _ = build(root, COCO, checks=FAIL)
    entry = built["annotations"][2]
    assert (entry["bbox"], entry["area"], entry["iscrowd"]) == ([2, 1, 2, 3], 6, 1)


def test_boxes_without_masks_stay_as_they_are(root):
    coco = coco_folder(root)
    for entry in coco["annotations"]:
        entry |= {"segmentation": [], "bbox": [2.25, 1, 9.755, 3.5]}  # Rounding reaches 0.005 outside.
    write_coco(root, coco)
    _, built, quarantine, _ = build(root, COCO, checks=FAIL)
    assert [a["bbox"] for a in built["annotations"]] == [[2.25, 1, 9.75, 3.5]] * 3
    assert "segmentation" not in built["annotations"][0]
    assert quarantine["mended"] == quarantine["notes"] == []


numbers = st.integers(-3, 15) | st.floats(-3, 15) | st.sampled_from([float("nan"), float("inf"), 1e300, 10**400, 7, 10])
anything = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=3), lambda inner: st.lists(inner, max_size=8), max_leaves=9
)
codes = st.fixed_dictionaries(
    {"size": st.just([8, 12]) | anything, "counts": st.text(max_size=9) | st.lists(numbers, max_size=9) | anything}
)
records = st.fixed_dictionaries(
    {"id": anything, "image_id": st.just(10) | anything, "category_id": st.just(7) | anything},
    optional={
        "bbox": st.lists(numbers, min_size=4, max_size=4) | anything,
        "segmentation": st.lists(st.lists(numbers, max_size=10), max_size=3) | codes | anything,
        "iscrowd": st.integers(0, 1) | anything,
    },
)


@settings(deadline=None, max_examples=60)
@given(st.lists(records | anything, max_size=6))
def test_no_record_is_lost_whatever_it_is(entries):
    """Each is either kept, with a box of an area inside its image, or left out and listed."""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder) / "extracted"
        root.mkdir()
        coco = coco_folder(root)
        coco["annotations"] = [{"id": "good", "image_id": 30, "category_id": 7, "bbox": [2, 1, 4, 3]}, *entries]
        write_coco(root, coco)
        _, built, quarantine, _ = build(root, COCO)
    assert len(built["annotations"]) + len(quarantine["left_out"]) == len(entries) + 1
    for entry in built["annotations"]:
        x, y, w, h = entry["bbox"]
        assert x >= 0 and y >= 0 and w > 0 and h > 0 and x + w <= 12 + 1e-9 and y + h <= 8 + 1e-9
        if "segmentation" in entry:
            assert coco_mask.decode(entry["segmentation"]).sum() == entry["area"] > 0


def test_an_annotation_of_the_wrong_kind(root):
    coco = coco_folder(root)
    coco["annotations"].append("a ship")
    coco["images"] += ["d.png", {"file_name": "d.png"}]
    write_coco(root, coco)
    _, _, quarantine, _ = build(root, COCO)
    assert set(left_out(quarantine)) == {("images[3]", "id"), ("images[4]", "id"), ("annotations[3]", None)}


def test_duplicate_image_ids(root):
    coco = coco_folder(root)
    coco["images"][1]["id"] = 30  # b under the id of a: nobody knows whose annotations 1 and 2 are.
    coco["annotations"][2] |= {"image_id": 20}
    write_coco(root, coco)
    _, built, quarantine, _ = build(root, COCO)
    assert set(left_out(quarantine)) == {
        ("image a", "id"),
        ("image b", "id"),
        ("annotation 1", "image_id"),
        ("annotation 2", "image_id"),
    }
    assert [i["key"] for i in built["images"]] == ["c", "t"]
    assert len(built["annotations"]) == 1


def test_an_image_listed_twice_is_kept_once(root):
    coco = coco_folder(root)
    coco["images"] += [coco["images"][0], {**coco["images"][1], "id": 11}]
    coco["annotations"][0]["image_id"] = 11
    write_coco(root, coco)
    _, built, quarantine, _ = build(root, COCO)
    assert left_out(quarantine) == {
        ("image a", "id"): "it is listed twice: the first is kept",
        ("image b", "file_name"): "the file b.png has the same key and is kept",
        ("annotation 1", "image_id"): "its image 11 was left out",
    }
    assert [i["key"] for i in built["images"]] == ["a", "b", "c", "t"]
    assert len(built["annotations"]) == 2


def test_files_of_one_name_have_their_paths_as_keys(root):
    coco = coco_folder(root)
    picture(root / "train/north/1.png")
    picture(root / "train/south/1.png")
    picture(root / "test/a.png")
    coco["images"] += [{"id": n, "file_name": f"{side}/1.png"} for n, side in ((1, "south"), (2, "north"))]
    write_coco(root, coco)
    folder, built, quarantine, _ = build(root, COCO, checks=FAIL)
    assert [i["key"] for i in built["images"]] == ["a", "b", "c", "north/1", "south/1", "a", "t"]
    assert (folder / "images/train/south/1.png").read_bytes() == (root / "train/south/1.png").read_bytes()
    assert [note["record"] for note in quarantine["notes"]] == ["image 1"]


def test_identical_images_are_noted_together(root):
    write_coco(root, coco_folder(root))
    shutil.copy(root / "train/a.png", root / "train/c.png")
    shutil.copy(root / "train/a.png", root / "test/t.png")
    _, built, quarantine, _ = build(root, COCO, checks=FAIL)
    assert [note["record"] for note in quarantine["notes"]] == ["images train a, train c, test t"]
    assert built["images"][0]["digest"] == built["images"][2]["digest"] != built["images"][1]["digest"]


def test_categories(root):
    coco = coco_folder(root)
    coco["categories"] += [{"id": 9, "name": "car"}, {"id": 8, "name": "ship"}]
    coco["annotations"][2]["category_id"] = 8
    write_coco(root, coco)
    _, built, quarantine, _ = build(root, COCO, checks=FAIL)
    assert [category["name"] for category in built["categories"]] == ["plane", "ship", "car"]
    assert [a["category_id"] for a in built["annotations"]] == [2, 1, 2]
    assert [(note["record"], note["problem"]) for note in quarantine["notes"]] == [
        ("category car", "it has no annotation")
    ]
    assert [entry["record"] for entry in quarantine["mended"]] == ["category ship"]
    for wrong, problem in (
        ({"id": 7, "name": "car"}, "two categories have the id 7: 'ship' and 'car'"),
        ({"id": "7", "name": "car"}, "a whole number, not '7'"),
        ({"id": 1}, "a text, not None"),
        (None, "a whole number, not None"),
    ):
        write_coco(root, {**coco, "categories": [*coco["categories"], wrong]})
        with pytest.raises(PodiumError, match=problem):
            build(root, COCO)


def test_no_objects_at_all(root):
    coco = coco_folder(root)
    write_coco(root, {**coco, "annotations": []})
    with pytest.raises(PodiumError, match="there is no object in the training images"):
        build(root, COCO)
    for entry in coco["annotations"]:
        entry["bbox"] = [0, 0, 0, 0]
    write_coco(root, coco)
    with pytest.raises(PodiumError, match=r"3 records were left out, the first: annotation 1 of image a.*no area"):
        build(root, COCO)


@pytest.mark.parametrize("content", ["[]", "{}", '{"images": [], "annotations": {}, "categories": []}', "{", "\xff"])
def test_json_of_another_form(root, content):
    coco_folder(root)
    (root / "train.json").write_bytes(content.encode("latin-1"))
    with pytest.raises(PodiumError, match=r"train\.json"):
        build(root, COCO)


def test_missing_parts_are_named_with_what_there_is(root):
    write_coco(root, coco_folder(root))
    for key, value in (
        ("annotations", "x.json"),
        ("train_images", "x"),
        ("test_images", "x"),
        ("sample_submission", "x.csv"),
    ):
        with pytest.raises(PodiumError, match=f"key layout.{key}: .*{value}.*it has: test, train, train.json"):
            build(root, COCO.model_copy(update={key: value}))
    with pytest.raises(PodiumError, match="leads out of the archive"):
        build(root, COCO.model_copy(update={"train_images": "../elsewhere"}))


def test_images_outside_the_list_are_noted(root):
    write_coco(root, coco_folder(root))
    picture(root / "train/unlisted.png")
    (root / "train/readme.txt").write_text("hello")
    _, built, quarantine, _ = build(root, COCO, checks=FAIL)
    assert len(built["images"]) == 4
    problems = " ".join(note["problem"] for note in quarantine["notes"])
    assert "unlisted.png" in problems
    assert "readme.txt" in problems


def turned(path):
    tags = Image.Exif()
    tags[0x0112] = 6
    return picture(path, exif=tags)


@pytest.mark.parametrize("size", [(12, 8), (8, 12)])
def test_exif_orientation_follows_the_stated_size(root, size):
    coco = coco_folder(root)
    turned(root / "train/c.png")
    coco["images"][2] |= {"width": size[0], "height": size[1]}
    write_coco(root, coco)
    folder, built, quarantine, _ = build(root, COCO, checks=FAIL)
    assert (built["images"][2]["width"], built["images"][2]["height"]) == size
    stored = np.asarray(Image.open(root / "train/c.png"))
    assert np.array_equal(load_dataset(folder).read(3), stored if size == (12, 8) else np.rot90(stored, -1))
    assert "EXIF orientation is 6" in quarantine["notes"][0]["problem"]


def test_dsb_faults(root):
    dsb_folder(root)
    masks = root / "stage1_train/x/masks"
    mask_picture(masks / "empty.png", slice(0), slice(0))
    mask_picture(masks / "size.png", slice(0, 3), slice(0, 3), height=9)
    (masks / "text.png").write_bytes(b"hello")
    truncated(mask_picture(masks / "cut.png", slice(0, 3), slice(0, 3)))
    mask_picture(masks / "over.png", slice(3, 6), slice(5, 7))  # One pixel of m1, two of m2.
    (masks / "notes.txt").write_text("hello")
    shades = np.zeros((8, 12), np.uint8)
    shades[0, :3] = 60, 200, 255
    Image.fromarray(shades).save(masks / "shades.png")
    picture(root / "stage1_train/two/images/two.png")
    picture(root / "stage1_train/two/images/other.png")
    mask_picture(root / "stage1_train/two/masks/m.png", slice(3), slice(3))
    (root / "stage1_train/none").mkdir()
    (root / "stage1_train/readme.txt").write_text("hello")
    _, built, quarantine, _ = build(root, DSB)
    assert {record: problem for (record, _), problem in left_out(quarantine).items()} == {
        "image none": "the folder holds 0 images, not one",
        "image two": "the folder holds 2 images, not one",
        "mask m of image two": "its image was left out",
        "mask cut of image x": left_out(quarantine)["mask cut of image x", "segmentation"],
        "mask empty of image x": "the mask is empty",
        "mask size of image x": "the mask is 12 x 9, its image 12 x 8",
        "mask text of image x": "the mask cannot be decoded: cannot identify image file 'the file'",
    }
    assert "cannot be decoded" in left_out(quarantine)["mask cut of image x", "segmentation"]
    assert [entry["record"] for entry in quarantine["mended"]] == ["mask shades of image x"]
    notes = {note["record"]: note["problem"] for note in quarantine["notes"]}
    assert "overlap by 3 pixels" in notes["image x"]
    assert set(notes) == {"image x", "file stage1_train/readme.txt", "file stage1_train/x/masks/notes.txt"}
    assert [a["bbox"] for a in built["annotations"]] == [[2, 1, 4, 3], [0, 5, 12, 3], [5, 3, 2, 3], [1, 0, 2, 1]]


def test_isaid_faults(root):
    entries = isaid_folder(root)
    good = entries[0]
    entries += [
        {**good, "image_id": 6},
        {**good, "file_name": "q.png"},
        {**good, "file_name": "lost.png", "image_id": 8},
        {**good, "file_name": None},
        {**good, "file_name": "../../x.png"},
        "x",
    ]
    write_coco(root, entries)
    _, built, quarantine, _ = build(root, ISAID)
    assert set(left_out(quarantine)) == {
        ("entry 2", "image_id"),
        ("entry 3", "image_id"),
        ("image lost", "file_name"),
        ("entry 4 of image lost", None),
        ("entry 5", "file_name"),
        ("entry 6", "file_name"),
        ("entry 7", "file_name"),
    }
    assert len(built["annotations"]) == 2
    write_coco(root, {"images": []})
    with pytest.raises(PodiumError, match="layout kind coco"):
        build(root, ISAID)


SAMPLE = COCO.model_copy(update={"sample_submission": "sample.csv"})


def test_sample_submission(root):
    write_coco(root, coco_folder(root))
    (root / "sample.csv").write_bytes(b"\xef\xbb\xbfImageId,EncodedPixels\r\nt,\r\na.png,1 1\r\n")
    folder, _, quarantine, summary = build(root, SAMPLE, checks=FAIL)
    assert (folder / "sample_submission.csv").read_bytes() == (root / "sample.csv").read_bytes()
    assert load_dataset(folder).sample_submission == folder / "sample_submission.csv"
    assert quarantine["notes"] == []
    (root / "sample.csv").write_text("ImageId,Pixels\nt,\n")
    assert build(root, SAMPLE, checks=FAIL)[3]["digest"] != summary["digest"]

    (root / "sample.csv").write_text("ImageId,EncodedPixels\nt,\nlost,\n")
    _, _, quarantine, _ = build(root, SAMPLE)
    assert left_out(quarantine) == {("image lost", None): "the sample submission asks for this image, which is missing"}
    with pytest.raises(PodiumError, match="image lost"):
        build(root, SAMPLE, checks=FAIL)

    (root / "sample.csv").write_text("ImageId,EncodedPixels\na,\n")
    truncated(root / "train/a.png")
    _, _, quarantine, _ = build(root, SAMPLE)
    assert "image a" in {note["record"] for note in quarantine["notes"]}
    (root / "sample.csv").write_text("id,EncodedPixels\n1,\n2,\n")
    _, _, quarantine, _ = build(root, SAMPLE)
    assert "none of its 2 ids is an image's key" in {note["problem"] for note in quarantine["notes"]}
    (root / "sample.csv").write_text("ImageId,EncodedPixels\na,\nb,\n")
    _, _, quarantine, _ = build(root, SAMPLE)
    notes = {note["record"]: note["problem"] for note in quarantine["notes"]}
    assert "was left out: a submission gets empty rows for it" in notes["image a"]
    assert notes["sample submission"] == "it does not ask for 1 test images: t"
    for wrong in (b"", b"ImageId\nt\n", b"\xff\xfe\x00"):
        (root / "sample.csv").write_bytes(wrong)
        with pytest.raises(PodiumError, match=r"sample\.csv: the sample submission"):
            build(root, SAMPLE)


def test_only_the_first_twenty_problems_are_shown(root):
    coco = coco_folder(root)
    coco["annotations"] += [{**coco["annotations"][0], "id": n, "bbox": [0, 0, 0, 0]} for n in range(10, 35)]
    write_coco(root, coco)
    with pytest.raises(PodiumError, match="fail their checks: 25\n") as error:
        build(root, COCO, checks=Checks(annotations="fail"))
    assert str(error.value).count("has no area") == 20
    assert "and 5 more" in str(error.value)


def test_from_the_archive(root):
    write_coco(root, coco_folder(root))
    pack(root, root.parent / "c.zip")
    destination = root.parent / "data" / "dataset"
    (destination / "images").mkdir(parents=True)  # As Snakemake prepares it.
    summary = build_from_archive(root.parent / "c.zip", COCO, Checks(), destination, description="", workers=2)
    assert summary == build(root, COCO)[3]
    assert [path.name for path in destination.parent.iterdir()] == ["dataset"]
    assert load_dataset(destination).read(1).shape == (8, 12, 3)


@pytest.mark.slow
def test_real_nuclei_have_the_masks_of_their_labels(real_data, tmp_path):
    """Every mask is compared with the run-length code in the competition's own CSV (column-major, from 1)."""
    archive = real_data / "nuclei-data-science-bowl-2018.zip"
    layout = Dsb2018Layout(kind="dsb2018", sample_submission="stage1_sample_submission.csv")
    summary = build_from_archive(archive, layout, FAIL, tmp_path / "dataset", description="", workers=2)
    assert summary["images"] == {"train": 120, "test": 40}
    assert summary["annotations"] == 5895
    dataset = load_dataset(tmp_path / "dataset")
    masks = defaultdict(set)
    for image_id, entries in dataset.annotations.items():
        for entry in entries:
            pixels = np.flatnonzero(coco_mask.decode(entry["segmentation"]).T)
            masks[dataset.images[image_id]["key"]].add(tuple(pixels))
            assert entry["area"] == len(pixels)
    labels = defaultdict(set)
    for key, code in real_labels(archive):
        starts, lengths = np.array(code.split(), int).reshape(-1, 2).T
        labels[key].add(
            tuple(np.concatenate([np.arange(s - 1, s - 1 + n) for s, n in zip(starts, lengths, strict=True)]))
        )
    assert masks == labels


def real_labels(archive):
    with zipfile.ZipFile(archive) as opened, opened.open("stage1_train_labels.csv") as file:
        yield from ((row["ImageId"], row["EncodedPixels"]) for row in csv.DictReader(io.TextIOWrapper(file)))


def test_real_coco_photographs_agree_with_pycocotools(real_data, tmp_path):
    layout = CocoLayout(kind="coco", annotations="instances.json", train_images="images", test_images=None)
    summary = build_from_archive(real_data / "coco-open.zip", layout, FAIL, tmp_path / "dataset", description="")
    dataset = load_dataset(tmp_path / "dataset")
    assert summary["annotations"] == 246
    shutil.unpack_archive(real_data / "coco-open.zip", tmp_path / "raw")
    reference = Reference(str(tmp_path / "raw" / "instances.json"))
    crowds = 0
    for image_id, entry in dataset.images.items():
        (raw,) = [each for each in reference.dataset["images"] if Path(each["file_name"]).stem == entry["key"]]
        theirs = reference.loadAnns(reference.getAnnIds(raw["id"]))
        ours = dataset.annotations[image_id]
        assert len(ours) == len(theirs)
        for mine, other in zip(ours, theirs, strict=True):
            mask = reference.annToMask(other)
            assert np.array_equal(coco_mask.decode(mine["segmentation"]), mask)
            rows, columns = np.nonzero(mask)
            assert mine["bbox"] == [columns.min(), rows.min(), np.ptp(columns) + 1, np.ptp(rows) + 1]
            assert dataset.categories[mine["category_id"] - 1]["name"] == reference.cats[other["category_id"]]["name"]
            crowds += mine["iscrowd"]
        assert dataset.read(image_id).shape == (raw["height"], raw["width"], 3)
    assert crowds == sum(a["iscrowd"] for a in json.loads((tmp_path / "raw/instances.json").read_text())["annotations"])
    assert crowds > 0
