"""The folder as a whole."""

import csv
import json
import re
from itertools import chain
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from podium.config.share import Share
from podium.data.masks import encode
from podium.errors import PodiumError
from podium.share.build import build_share
from podium.share.viewer import step, steps_of

from .conftest import TITLE
from .scene import HOSTILE, SCORES, SIZES, make


def contents(folder):
    return {path.relative_to(folder).as_posix(): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


def called(file):
    """Return what a data file gives the viewer: podium.index(…) or podium.image("…", …)."""
    text = file.read_text(encoding="ascii")
    return json.loads(re.fullmatch(r'podium\.(?:index|image)\((?:"[^"]*",)?(.*)\);\n', text)[1])


def build(root, settings, workers=1, with_masks=True, name="share"):
    dataset, split, found = make(root / "dataset", with_masks)
    build_share(
        *(root / name, settings, dataset, split, found),
        title=TITLE,
        experiment="both",
        thresholds=dict.fromkeys(found, 0.5),
        workers=workers,
    )
    return root / name


def test_pictures_are_small_and_as_the_images(shared):
    assert Image.open(shared / "pictures/drawing.png").size == (1024, 256), "a drawing: PNG, at most 1024 pixels"
    stem = "Map-7"
    picture, drawn = (
        np.asarray(Image.open(shared / f"{folder}/{stem}.jpg"), int) for folder in ("pictures", "annotated")
    )
    original = np.asarray(Image.open(shared.parent / "dataset/images/test/Map.png"), int)
    assert picture.shape == original.shape
    assert np.abs(picture - original).mean() < 2
    assert drawn.shape == (4 * 90, 4 * 120, 3), "enlarged, so that lines are thin"
    # The disc of score 0.95 is tinted, what lies outside of all objects is not.
    saturation = np.ptp(drawn, axis=2)
    assert saturation[4 * 25 - 20 : 4 * 25 + 20, 4 * 30 - 20 : 4 * 30 + 20].mean() > 30
    assert max(Image.open(path).size[0] for path in (shared / "thumbnails").iterdir()) <= 96


def test_data_of_the_viewer(shared):
    index = called(shared / "data/index.js")
    assert (index["threshold"], index["experiment"], index["parts"]) == (
        0.5,
        "both",
        {"test": [3, 3], "submission": [2, 2]},
    )
    first = index["images"][0]
    assert first["size"] == list(SIZES[4])
    assert sorted(first["truth"]) == [[0, 2], [1, 1], [2, 1], [3, 1]]
    assert sorted(score for _, scores in first["scores"] for score in scores) == [5, 29, 30, 49, 50, 90, 95]
    objects = called(shared / f"data/images/{first['stem']}.js")
    assert [each["score"] for each in objects["predictions"]] == sorted(SCORES, reverse=True)
    assert [each.get("crowd", False) for each in objects["truth"]] == [False] * 4 + [True]
    assert called(shared / "data/images/Map-7.js")["truth"] is None
    ring = objects["truth"][1]["path"]
    assert ring.count("M") == ring.count("z") == 2, "a hole is a ring of its own"


@pytest.mark.parametrize("score", [0, 0.29, 0.57, 0.58, 0.999999, 1.0, 0.4999999, 0.375, 0.3749, 0.001])
def test_steps_are_thresholds_that_a_score_reaches(score):
    steps = steps_of([0.5, 0.375, 0.001])
    assert len(steps) == 103
    assert {0.001, 0.375, 0.0, 0.29, 1.0} <= set(steps)
    assert max(each for each in steps if score >= each) == steps[step(score, steps)]


def test_readme_says_what_is_what(shared):
    text = (shared / "README.txt").read_text(encoding="utf-8")
    assert "test (3):" in text
    assert "submission (2):" in text
    assert "30 predictions, 14 of them with a score of 0.5 or more" in text
    assert "15 true objects" in text
    assert "1 of the true ones are crowds" in text
    assert "1 images are GeoTIFFs" in text
    assert "Validation images are cut" not in text
    assert "have no masks" not in text
    named = set(re.findall(r"^([a-z]+)/", text, re.MULTILINE))
    assert named | {"data", "thumbnails", "annotated"} == {path.name for path in shared.iterdir() if path.is_dir()}


def test_what_originals_must_be_called_to_find_their_labels(shared):
    """As Ultralytics looks for labels: images/<part>/<name>.<ending> has labels/<part>/<name>.txt."""
    with (shared / "renamed.csv").open(encoding="utf-8", newline="") as file:
        names = {(row["part"], row["file"]): row["name"] for row in csv.DictReader(file)}
    stem = "_img_src_x_onerror_document.title_2_"
    assert names == {
        ("test", f"{HOSTILE}.png"): f"{stem}.png",
        ("submission", "Map.png"): "Map-7.png",
        ("submission", "con.png"): "_con-8.png",
    }
    for part, own in {
        "test": [f"{HOSTILE}.png", "map.tif", "drawing.png"],
        "submission": ["Map.png", "con.png"],
    }.items():
        labels = {path.name for path in (shared / "yolo/detect/predictions/labels" / part).iterdir()}
        assert {Path(names.get((part, name), name)).stem + ".txt" for name in own} == labels
    text = (shared / "README.txt").read_text(encoding="utf-8")
    assert "Images whose files are not (3)" in text
    assert "the original\n    images, called as in renamed.csv, into images/<part>/" in text


def test_nothing_is_said_of_renaming_where_there_is_none(tmp_path):
    dataset, split, found = make(tmp_path / "dataset")
    dataset.images[5]["key"] = "map.tif"  # As some competitions' samples call it.
    parts = {"test": [each for each in found["test"] if each["image_id"] in (5, 6)]}
    share = tmp_path / "share"
    build_share(
        *(share, Share(), dataset, split | {"test": [5, 6]}, parts), title="", experiment="", thresholds={"test": 0.5}
    )
    assert not (share / "renamed.csv").exists()
    assert "renamed" not in (share / "README.txt").read_text(encoding="utf-8")
    assert {path.name for path in (share / "yolo/detect/truth/labels/test").iterdir()} == {"map.txt", "drawing.txt"}


def test_parts_are_cut_at_their_own_thresholds(tmp_path):
    dataset, split, found = make(tmp_path / "dataset")
    found = {"val": found["submission"][:0], **found}
    found["val"] = [{**each, "image_id": 3} for each in found["test"] if each["image_id"] == 4]
    build_share(
        tmp_path / "share",
        Share(formats=["voc"], picture_side=64),
        *(dataset, split, found),
        title=TITLE,
        experiment="both",
        thresholds={"val": 0.375, "test": 0.9, "submission": 0.9},
    )

    def drawn(name):
        return (tmp_path / f"share/voc/predictions/Annotations/{name}.xml").read_text().count("<object>")

    # SCORES has two of 0.9 and more, four of 0.375 and more.
    assert (drawn("three"), drawn("Map-7")) == (4, 2)
    text = (tmp_path / "share/README.txt").read_text(encoding="utf-8")
    assert "with a score of 0.375 (val), 0.9 (test, submission) or more" in text
    assert "Validation images are cut at the configured threshold" in text
    assert called(tmp_path / "share/data/index.js")["threshold"] == 0.9


def test_processes_change_nothing(shared, tmp_path):
    assert contents(build(tmp_path, Share(), workers=2)) == contents(shared)


def test_fewer_images_and_formats(tmp_path):
    folder = build(tmp_path, Share(max_images=1, formats=["csv", "voc"], picture_side=64))
    assert {path.stem for path in (folder / "pictures").iterdir()} == {"_img_src_x_onerror_document.title_2_", "Map-7"}
    assert len(list((folder / "data/images").iterdir())) == 2
    assert len(list((folder / "voc/predictions/Annotations").iterdir())) == 5, "exported files have all"
    assert not (folder / "coco").exists()
    text = (folder / "README.txt").read_text(encoding="utf-8")
    assert "test (3): test images with known truth, kept aside until the end; 1 of them" in text
    assert "coco/" not in text


def test_an_image_may_be_called_like_the_list(tmp_path):
    dataset, split, found = make(tmp_path / "dataset")
    dataset.image_path(4).rename(tmp_path / "dataset/images/train/index.png")
    dataset.images[4]["file_name"] = "train/index.png"
    thresholds = dict.fromkeys(found, 0.5)
    build_share(tmp_path / "share", Share(), dataset, split, found, title="", experiment="x", thresholds=thresholds)
    assert called(tmp_path / "share/data/index.js")["images"][0]["stem"] == "index"
    assert len(called(tmp_path / "share/data/images/index.js")["predictions"]) == len(SCORES)


def test_without_masks_boxes_are_shared(tmp_path):
    folder = build(tmp_path, Share(), with_masks=False)
    text = (folder / "README.txt").read_text(encoding="utf-8")
    assert "\nObjects have no masks: their polygons are their boxes.\n" in text
    assert not (folder / "yolo/segment").exists()
    shapes = json.loads((folder / "labelme/truth/map.json").read_text(encoding="utf-8"))["shapes"]
    assert {shape["shape_type"] for shape in shapes} == {"rectangle"}
    assert shapes[0]["points"] == [[18, 13], [42, 37]]
    feature = json.loads((folder / "geojson/predictions/Map-7.geojson").read_text(encoding="utf-8"))["features"][0]
    assert feature["geometry"]["coordinates"] == [[[18, 13], [42, 13], [42, 37], [18, 37], [18, 13]]]
    assert "path" not in called(folder / "data/images/map.js")["truth"][0]


def test_a_fault_leaves_what_was_there(tmp_path):
    folder = build(tmp_path, Share(formats=["csv"]))
    before = contents(folder)
    (tmp_path / "dataset/images/test/con.png").write_bytes(b"torn")
    dataset, split, found = make(tmp_path / "dataset")
    (tmp_path / "dataset/images/test/con.png").write_bytes(b"torn")
    with pytest.raises(PodiumError, match=r"con\.png.*cannot be decoded"):
        build_share(
            folder, Share(), dataset, split, found, title="", experiment="both", thresholds=dict.fromkeys(found, 0.5)
        )
    assert contents(folder) == before


@pytest.mark.parametrize(("bare", "words"), [("predictions", "predictions"), ("truth", "true objects")])
def test_masks_of_one_source_are_not_claimed_for_the_other(tmp_path, bare, words):
    """A detector of boxes on data with masks; a model of masks on data with boxes."""
    dataset, split, found = make(tmp_path / "dataset")
    entries = dataset.annotations.values() if bare == "truth" else found.values()
    for each in chain(*entries):
        del each["segmentation"]
    share = tmp_path / "share"
    build_share(*(share, Share(), dataset, split, found), title="", experiment="", thresholds=dict.fromkeys(found, 0.5))
    (other,) = {"predictions", "truth"} - {bare}
    assert [path.name for path in (share / "yolo/segment").iterdir()] == [other]
    assert {path.name for path in (share / "yolo/detect").iterdir()} == {"predictions", "truth"}
    for source, kind in ((bare, "rectangle"), (other, "polygon")):
        shapes = json.loads((share / f"labelme/{source}/map.json").read_text(encoding="utf-8"))["shapes"]
        assert {shape["shape_type"] for shape in shapes} == {kind}
    text = (share / "README.txt").read_text(encoding="utf-8")
    assert f"The {words} have no masks: their polygons are their boxes, and yolo/segment/ has none of them.\n" in text


def test_the_box_stands_for_a_mask_without_pixels(tmp_path):
    """Mask R-CNN finds such where no pixel of the box is probable enough."""
    dataset, split, found = make(tmp_path / "dataset")
    nothing = encode(np.zeros(SIZES[7][::-1], dtype=bool))
    entry = {"image_id": 7, "category_id": 1, "bbox": [10.25, 20.5, 29.75, 24.75]}
    entry |= {"segmentation": nothing, "score": 0.6}
    share = tmp_path / "share"
    found["submission"] = [entry]
    build_share(
        *(share, Share(), dataset, split, found), title="", experiment="", thresholds={"test": 0.5, "submission": 0.5}
    )
    (shape,) = json.loads((share / "labelme/predictions/Map-7.json").read_text(encoding="utf-8"))["shapes"]
    assert (shape["shape_type"], shape["points"]) == ("rectangle", [[10.25, 20.5], [40.0, 45.25]])
    (feature,) = json.loads((share / "geojson/predictions/Map-7.geojson").read_text(encoding="utf-8"))["features"]
    corners = [[10.25, 20.5], [40, 20.5], [40, 45.25], [10.25, 45.25], [10.25, 20.5]]
    assert (feature["geometry"]["coordinates"], feature["properties"]["area_pixels"]) == ([corners], 29.75 * 24.75)
    line = (share / "yolo/segment/predictions/labels/submission/Map-7.txt").read_text().split()
    assert np.array(line[1:], float).reshape(4, 2) * (120, 90) == pytest.approx(np.array(corners[:4]), abs=1e-4)
    row = (share / "csv/objects.csv").read_text(encoding="utf-8").splitlines()[-1]
    assert row.endswith(f"10.25,20.5,29.75,24.75,{29.75 * 24.75},0,1,0,0")
    assert "path" not in called(share / "data/images/Map-7.js")["predictions"][0]
    plain, drawn = (
        np.asarray(Image.open(share / f"{folder}/Map-7.jpg").resize((120, 90)), int)
        for folder in ("pictures", "annotated")
    )
    tinted = np.argwhere(np.ptp(drawn, axis=2) > np.ptp(plain, axis=2) + 20)
    assert tinted.min(axis=0) == pytest.approx([20, 10], abs=1), "the picture has the box, too"
    assert tinted.max(axis=0) == pytest.approx([45, 40], abs=1)
    assert json.loads((share / "coco/submission.predictions.json").read_text()) == [entry], "as it was found"
