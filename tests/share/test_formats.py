"""Exported files, read back by readers that are not ours."""

import csv
import json
from xml.etree import ElementTree

import numpy as np
import pytest
import yaml
from PIL import Image, ImageDraw
from pycocotools import mask as coco_mask
from pycocotools.coco import COCO
from torchvision.datasets import VOCDetection

from .scene import CATEGORIES, GEOTIFF, HOSTILE, SCORES, SIZES, disc, masks

HOSTILE_STEM = "_img_src_x_onerror_document.title_2_"
IMAGES = {4: HOSTILE_STEM, 5: "map", 6: "drawing", 7: "Map-7", 8: "_con-8"}


def iou(one, other):
    return (one & other).sum() / (one | other).sum()


def of(places):
    """Return the category names of an image's objects, which take turns."""
    return [CATEGORIES[place % len(CATEGORIES)] for place in places]


def expected(number, source, threshold=0.0):
    """Return (place, mask, score) of an image's objects, as the scene made them: predictions by falling score."""
    if source == "truth":
        return [(place, mask, None) for place, mask in enumerate(masks(number))]
    scores = SCORES[:2] if number == 5 else SCORES
    found = [(place, masks(number)[place % 5], score) for place, score in enumerate(scores) if score >= threshold]
    return sorted(found, key=lambda each: -each[2])


def test_coco_is_read_by_pycocotools_and_exact(shared, capsys):
    truth = COCO(str(shared / "coco" / "test.json"))
    found = truth.loadRes(str(shared / "coco" / "test.predictions.json"))
    assert truth.getImgIds() == found.getImgIds() == [4, 5, 6]
    for number in (4, 5, 6):
        for coco, source in ((truth, "truth"), (found, "predictions")):
            entries = coco.loadAnns(coco.getAnnIds([number]))
            wanted = expected(number, source)
            assert [CATEGORIES[each["category_id"] - 1] for each in entries] == of(place for place, _, _ in wanted)
            for each, (_, mask, score) in zip(entries, wanted, strict=True):
                assert np.array_equal(coco.annToMask(each).astype(bool), mask)
                assert each.get("score") == score
    assert [each["id"] for each in truth.loadAnns(truth.getAnnIds([4], iscrowd=True))] == [20]
    submission = json.loads((shared / "coco" / "submission.json").read_text())
    assert [image["id"] for image in submission["images"]] == [7, 8], "not image 1, on which the model was trained"
    assert submission["annotations"] == []


def test_csv_has_a_row_for_each_object_and_no_formula(shared):
    with (shared / "csv" / "objects.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 3 * 5 + 2 * len(SCORES) + 2 + 2 * len(SCORES)
    _, ring, both, *_ = (each for each in rows if each["image_id"] == "4" and each["source"] == "truth")
    assert (ring["parts"], ring["holes"], float(ring["area"])) == ("1", "1", masks(4)[1].sum())
    assert (both["parts"], both["holes"], both["category"]) == ("2", "0", "'=1+1")
    assert (ring["x"], ring["y"], ring["image"], ring["file"]) == ("34.0", "24.0", HOSTILE, f"{HOSTILE}.png")
    assert not [cell for row in rows for cell in row.values() if cell[:1] in tuple("=+-@")]
    assert sorted({float(row["score"]) for row in rows if row["score"]}) == sorted(SCORES)


@pytest.mark.parametrize("source", ["truth", "predictions"])
@pytest.mark.parametrize("number", [4, 6, 7])
def test_yolo(shared, source, number):
    """Read as Ultralytics does: the name of the part in place of images/, numbers by white space."""
    if number == 7 and source == "truth":
        return
    part, (width, height) = "submission" if number == 7 else "test", SIZES[number]
    wanted = expected(number, source, 0.5)
    if source == "truth" and number == 4:
        wanted = wanted[:-1]  # The crowd.
    folder = shared / "yolo" / "detect" / source
    names = yaml.safe_load((folder / "data.yaml").read_text(encoding="utf-8"))["names"]
    lines = np.loadtxt(folder / "labels" / part / f"{IMAGES[number]}.txt", ndmin=2)
    assert [names[int(line[0])] for line in lines] == of(place for place, _, _ in wanted)
    for (x, y, w, h), (_, mask, _) in zip(lines[:, 1:] * [width, height, width, height], wanted, strict=True):
        rows, columns = np.nonzero(mask)
        corners = [x - w / 2, y - h / 2, x + w / 2, y + h / 2]
        tight = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1]
        assert corners == pytest.approx(tight, abs=2e-3)
    text = (shared / "yolo" / "segment" / source / "labels" / part / f"{IMAGES[number]}.txt").read_text()
    for line, (_, mask, _) in zip(text.splitlines(), wanted, strict=True):
        points = np.array(line.split()[1:], dtype=float)
        assert len(points) >= 6
        assert ((points >= 0) & (points <= 1)).all()
        polygon = (points.reshape(-1, 2) * [width, height]).ravel().tolist()
        drawn = coco_mask.decode(coco_mask.merge(coco_mask.frPyObjects([polygon], height, width))).astype(bool)
        if mask.sum() >= 100:
            assert iou(drawn, mask) > 0.9, "holes and parts joined by lines without width"


def test_yolo_says_where_images_belong(shared):
    content = yaml.safe_load((shared / "yolo" / "segment" / "predictions" / "data.yaml").read_text(encoding="utf-8"))
    assert content["names"] == dict(enumerate(CATEGORIES))
    assert (content["train"], content["val"], content["test"]) == ("images/test", "images/test", "images/submission")
    content = yaml.safe_load((shared / "yolo" / "segment" / "truth" / "data.yaml").read_text(encoding="utf-8"))
    assert content["test"] == "images/test"


@pytest.mark.parametrize("source", ["truth", "predictions"])
def test_voc_counts_pixels_from_one_and_has_the_last_one(shared, source):
    for number in (4, 5, 6):
        file = shared / "voc" / source / "Annotations" / f"{IMAGES[number]}.xml"
        parsed = VOCDetection.parse_voc_xml(ElementTree.parse(file).getroot())["annotation"]
        assert (parsed["size"]["width"], parsed["size"]["height"]) == tuple(map(str, SIZES[number]))
        wanted = expected(number, source, 0.5)
        for each, (place, mask, score) in zip(parsed["object"], wanted, strict=True):
            rows, columns = np.nonzero(mask)
            box = [int(each["bndbox"][name]) for name in ("xmin", "ymin", "xmax", "ymax")]
            assert box == [columns.min() + 1, rows.min() + 1, columns.max() + 1, rows.max() + 1]
            assert each["name"] == CATEGORIES[place % 4]
            assert float(each["confidence"]) == score if score else "confidence" not in each
            assert each["difficult"] == str(int(source == "truth" and number == 4 and place == 4))


@pytest.mark.parametrize("source", ["truth", "predictions"])
def test_labelme_drawn_as_labelme_draws_it(shared, source):
    """LabelMe fills a polygon and its rim with Pillow (labelme/utils/shape.py): half a pixel more on each side."""
    for number in (4, 5, 6):
        content = json.loads((shared / "labelme" / source / f"{IMAGES[number]}.json").read_text(encoding="utf-8"))
        size = content["imageWidth"], content["imageHeight"]
        assert size == SIZES[number]
        shapes = content["shapes"]
        for order, (place, mask, score) in enumerate(expected(number, source, 0.5), start=1):
            own = [shapes.pop(0)]
            while own[0]["group_id"] == order and shapes and shapes[0]["group_id"] == order:
                own.append(shapes.pop(0))
            drawn = Image.new("1", size)
            for shape in own:
                assert shape["shape_type"] == "polygon"
                assert shape["label"] == CATEGORIES[place % 4]
                points = [tuple(np.array(point) - 0.5) for point in shape["points"]]
                ImageDraw.Draw(drawn).polygon(points, fill=1, outline=1)
            if mask.sum() >= 100:
                assert iou(np.asarray(drawn), mask) > 0.85
            assert len(own) == (2 if place == 2 else 2 if place == 3 else 1)
            assert shape["description"] == (f"score {score:.4f}" if score else "")
        assert shapes == []
        picture = shared / "labelme" / source / content["imagePath"]
        if number == 6:
            assert content["imagePath"] == "drawing.png", "the picture is smaller than the image"
        else:
            assert Image.open(picture).size == size


def rings_of(geometry):
    polygons = geometry["coordinates"] if geometry["type"] == "MultiPolygon" else [geometry["coordinates"]]
    return polygons


def shoelace(ring):
    x, y = np.array(ring).T
    return float((x[:-1] * y[1:] - x[1:] * y[:-1]).sum()) / 2


@pytest.mark.parametrize("number", [4, 8])
def test_geojson_in_pixels_is_exact(shared, number):
    content = json.loads((shared / "geojson" / "predictions" / f"{IMAGES[number]}.geojson").read_text(encoding="utf-8"))
    assert content.keys() == {"type", "features"}
    for feature, (place, mask, score) in zip(content["features"], expected(number, "predictions"), strict=True):
        polygons = rings_of(feature["geometry"])
        assert (
            sum(shoelace(ring) for rings in polygons for ring in rings)
            == mask.sum()
            == feature["properties"]["area_pixels"]
        )
        for outer, *holes in polygons:
            assert outer[0] == outer[-1]
            assert shoelace(outer) > 0, "counter-clockwise by its numbers (RFC 7946, 3.1.6)"
            assert all(shoelace(hole) < 0 for hole in holes)
        assert feature["properties"]["score"] == score
        assert feature["properties"]["classification"]["name"] == CATEGORIES[place % 4]


def test_geojson_of_a_geotiff_is_where_it_lies(shared):
    content = json.loads((shared / "geojson" / "truth" / "map.geojson").read_text(encoding="utf-8"))
    assert content["crs"]["properties"]["name"] == "urn:ogc:def:crs:EPSG::32633"
    feature = content["features"][1]
    ((outer, hole),) = rings_of(feature["geometry"])
    assert shoelace(outer) > 0 > shoelace(hole)
    assert shoelace(outer) + shoelace(hole) == pytest.approx(0.25 * masks(5)[1].sum()), "0.5 m each way"
    rows, columns = np.nonzero(masks(5)[1])
    east, north = np.array(outer).T
    assert (east.min(), east.max()) == (500000 + columns.min() / 2, 500000 + (columns.max() + 1) / 2)
    assert (north.max(), north.min()) == (4650000 - rows.min() / 2, 4650000 - (rows.max() + 1) / 2)
    assert GEOTIFF[33550][0] == 0.5
    assert disc(SIZES[5], 50, 40, 16, 7).sum() == masks(5)[1].sum()
