"""A worked example for every format: a whole file, written by hand."""

import base64
import zlib

import pytest

from podium.config.formats import named_formats
from podium.errors import PodiumError
from podium.submission.check import check_submission
from podium.submission.read import read_predictions
from podium.submission.write import write_submission

from .scene import IMAGES, block, coco


def word(counts: str) -> str:
    """Return COCO's counts as Open Images wants them."""
    return base64.b64encode(zlib.compress(counts.encode(), 9)).decode()


# Image a, 4 rows of 7: a block at rows 1-2, columns 3-5, and another at row 0, columns 0-1; image b, 5 rows of 3: its
# last row. Pixels counted from 0:
#   downwards (row + rows * column)      a: 13 14, 17 18, 21 22 and 0, 4     b: 4, 9, 14
#   to the right (columns * row + column) a: 10 11 12, 17 18 19 and 0 1      b: 12 13 14
# COCO's counts downwards, from the fourth on less the count two before, as characters from "0" on (d0 is 20 in two):
#   13 2 2 2 2 2 5 -> =220003     0 1 3 1 23 -> 0130d0     4 1 4 1 4 1 -> 414000
OBJECTS = [
    {"image_id": 1, "category_id": 2, "score": 0.6, "segmentation": coco(block(4, 7, (0, 0), (0, 1)))},
    {"image_id": 2, "category_id": 2, "score": 0.9, "segmentation": coco(block(5, 3, (4, 4), (0, 2)))},
    {"image_id": 1, "category_id": 1, "score": 0.8, "segmentation": coco(block(4, 7, (1, 2), (3, 5)))},
]
BOXES = [[0, 0, 2, 1], [0, 4, 3, 1], [3, 1, 3, 2]]
OBJECTS = [{**each, "bbox": [float(side) for side in box]} for each, box in zip(OBJECTS, BOXES, strict=True)]
PROBABILITIES = {1: {1: 0.8, 2: 0.2}, 2: {1: 0.125, 2: 0.875}, 3: {1: 0.5, 2: 0.5}}
CLASSES = [
    {"image_id": image, "category_id": category, "score": score}
    for image, scores in PROBABILITIES.items()
    for category, score in scores.items()
]

DOWN_EACH = ["a,14 2 18 2 22 2", "a,1 1 5 1", "b,5 1 10 1 15 1", "c,"]
DOWN_UNION = ["a,1 1 5 1 14 2 18 2 22 2", "b,5 1 10 1 15 1"]
RIGHT_UNION = ["a,1 2 11 3 18 3", "b,13 3", "c,"]
PIXELS = ["a,0.8 3 1 3 2 0.6 0 0 2 1", "b,0.9 0 4 3 1", "c,"]
PACKED = {
    "a": f"a,7,4,%s 0.8 {word('=220003')} %s 0.6 {word('0130d0')}",
    "b": f"b,3,5,%s 0.9 {word('414000')}",
}

# Names of two categories; the file's lines.
WORKED: dict[str, tuple[list[str], list[str]]] = {
    "dsb2018": (["nucleus", "other"], ["ImageId,EncodedPixels", *DOWN_EACH]),
    "airbus": (["ship", "other"], ["ImageId,EncodedPixels", *DOWN_EACH]),
    "planes": (["plane", "other"], ["ImageId,EncodedPixels", "a,10 3 17 3", "a,0 2", "b,12 3", "c,[]"]),
    "sartorius": (["cort", "astro"], ["id,predicted", "a,11 3 18 3", "a,1 2", "b,13 3", "c,"]),
    "tgs_salt": (["salt", "other"], ["id,rle_mask", *DOWN_UNION, "c,"]),
    "hubmap": (["glomerulus", "other"], ["id,predicted", *DOWN_UNION, "c,"]),
    "contrails": (["contrail", "other"], ["record_id,encoded_pixels", *DOWN_UNION, "c,-"]),
    "carvana": (["car", "other"], ["img,rle_mask", *RIGHT_UNION]),
    "vesuvius": (["ink", "other"], ["Id,Predicted", *RIGHT_UNION]),
    "siim": (["one", "other"], ["ImageId,EncodedPixels", "a,0 1 3 1 8 2 2 2 2 2", "b,4 1 4 1 4 1", "c,-1"]),
    "severstal": (
        ["defect", "other defect"],
        ["ImageId_ClassId,EncodedPixels", "a.jpg_1,14 2 18 2 22 2", "a.jpg_2,1 1 5 1", "b.jpg_1,"]
        + ["b.jpg_2,5 1 10 1 15 1", "c.jpg_1,", "c.jpg_2,"],
    ),
    "uw_madison": (
        ["large_bowel", "stomach"],
        ["id,class,predicted", "a,large_bowel,14 2 18 2 22 2", "a,stomach,1 1 5 1", "b,large_bowel,"]
        + ["b,stomach,5 1 10 1 15 1", "c,large_bowel,", "c,stomach,"],
    ),
    "global_wheat": (["wheat", "other"], ["image_id,PredictionString", *PIXELS]),
    "rsna_pneumonia": (["opacity", "other"], ["patientId,PredictionString", *PIXELS]),
    "vinbigdata": (
        ["ILD", "Pulmonary fibrosis"],
        ["image_id,PredictionString", "a,5 0.8 3 1 6 3 13 0.6 0 0 2 1", "b,13 0.9 0 4 3 5", "c,14 1 0 0 1 1"],
    ),
    "openimages_detection": (
        ["/m/011k07", "/m/01g317"],
        ["ImageId,PredictionString"]
        + ["a,/m/011k07 0.8 0.428571 0.25 0.857143 0.75 /m/01g317 0.6 0 0 0.285714 0.25"]  # 3/7, 1/4, 6/7, 3/4; 2/7
        + ["b,/m/01g317 0.9 0 0.8 1 1", "c,"],
    ),
    "openimages_segmentation": (
        ["/m/011k07", "/m/01g317"],
        ["ImageID,ImageWidth,ImageHeight,PredictionString", PACKED["a"] % ("/m/011k07", "/m/01g317")]
        + [PACKED["b"] % "/m/01g317", "c,7,4,"],
    ),
    "hpa": (
        ["3", "16"],
        ["ID,ImageWidth,ImageHeight,PredictionString", PACKED["a"] % ("3", "16"), PACKED["b"] % "16", "c,7,4,"],
    ),
    "digit_recognizer": (["0", "1"], ["ImageId,Label", "a,0", "b,1", "c,0"]),
    "cassava": (["0", "1"], ["image_id,label", "a,0", "b,1", "c,0"]),
    "histopathologic_cancer": (["0", "1"], ["id,label", "a,0.2", "b,0.875", "c,0.5"]),
    "dog_breed": (["affenpinscher", "boxer"], ["id,affenpinscher,boxer", "a,0.8,0.2", "b,0.125,0.875", "c,0.5,0.5"]),
}


def test_every_format_has_a_worked_example():
    assert WORKED.keys() == named_formats().keys()


def of(name: str):
    """Return a format, its categories, the lines of its file and the predictions that are in it."""
    form, (names, lines) = named_formats()[name], WORKED[name]
    categories = [{"id": number, "name": each} for number, each in enumerate(names, start=1)]
    return form, categories, lines, CLASSES if form.needs == "classes" else OBJECTS


@pytest.mark.parametrize("name", WORKED)
def test_written(tmp_path, name):
    form, categories, lines, predictions = of(name)
    counts = write_submission(tmp_path / "s.csv", predictions, IMAGES, form, categories=categories)
    assert (tmp_path / "s.csv").read_text().splitlines() == lines
    assert (counts["rows"], counts["images"], counts["instances"]) == (len(lines) - 1, 3, len(predictions))


@pytest.mark.parametrize("name", WORKED)
def test_passes_the_check(tmp_path, name):
    form, categories, lines, _ = of(name)
    (tmp_path / "s.csv").write_text("\n".join([lines[0], *lines[:0:-1], ""]))  # Kaggle does not ask for an order.
    report = check_submission(tmp_path / "s.csv", form, IMAGES, categories=categories)
    assert (report["problems"], report["rows"]) == ([], len(lines) - 1)
    assert check_submission(tmp_path / "s.csv", form, IMAGES, tmp_path / "s.csv", categories)["ok"]


def told(form, predictions) -> list[tuple]:
    """Return what a format tells of predictions, in an order of its own: image, category, score, place."""
    kept = []
    for each in predictions:
        category = each["category_id"] if form.tells_categories else 1
        score = each["score"] if form.code.kind in ("objects", "probabilities") else 1.0
        place = each["bbox"] if form.needs == "boxes" else each.get("segmentation", {}).get("counts")
        kept.append((each["image_id"], category, score, place))
    return sorted(kept, key=repr)


UNION = coco(block(4, 7, (0, 0), (0, 1)) | block(4, 7, (1, 2), (3, 5)))


@pytest.mark.parametrize("name", WORKED)
def test_read_back(tmp_path, name):
    form, categories, lines, predictions = of(name)
    (tmp_path / "s.csv").write_text("\n".join([*lines, ""]))
    found = read_predictions(tmp_path / "s.csv", form, IMAGES, categories)
    assert list(found) == ["a", "b", "c"]
    if form.needs != "classes":
        assert found["c"] == []
    expected = predictions
    if form.code.kind == "runs" and form.rows == "image":
        expected = [predictions[1], {**predictions[0], "segmentation": UNION, "bbox": [0, 0, 6, 3]}]
    elif form.code.kind == "label":
        expected = [CLASSES[0], CLASSES[3], CLASSES[4]]
    elif name == "histopathologic_cancer":
        expected = CLASSES[1::2]
    read = [each for key in found for each in found[key]]
    if name == "openimages_detection":
        assert [each["bbox"] for each in read] == [
            pytest.approx(OBJECTS[place]["bbox"], abs=1e-5) for place in (2, 0, 1)
        ]
        read = [{**each, "bbox": [round(side, 4) for side in each["bbox"]]} for each in read]
    assert told(form, read) == told(form, expected)
    if form.needs == "masks":
        assert sorted(each["bbox"] for each in read) == sorted(each["bbox"] for each in expected)


def test_a_label_for_every_category_of_the_dataset(tmp_path):
    form, categories, _, predictions = of("vinbigdata")
    with pytest.raises(PodiumError, match=r"category 'Unheard of' has no label.*Aortic enlargement"):
        write_submission(
            tmp_path / "s.csv", predictions, IMAGES, form, categories=[*categories, {"id": 3, "name": "Unheard of"}]
        )


@pytest.mark.parametrize(
    ("labels", "names", "words"),
    [
        ("name", ["two words", "one"], "'two words' is not one word"),
        ({"a": 1, "b": "1"}, ["a", "b"], "same label"),
        ("name", [], "the dataset has none"),
    ],
)
def test_labels_that_cannot_be_read_back(tmp_path, labels, names, words):
    form = named_formats()["vinbigdata"].model_copy(update={"labels": labels})
    categories = [{"id": number, "name": each} for number, each in enumerate(names, start=1)]
    with pytest.raises(PodiumError, match=words):
        write_submission(tmp_path / "s.csv", [], IMAGES, form, categories=categories)


@pytest.mark.parametrize(("labels", "expected"), [("id", "1 0.9"), ("index", "0 0.9"), ({"x y": "z"}, "z 0.9")])
def test_ways_to_write_a_category(tmp_path, labels, expected):
    form = named_formats()["vinbigdata"].model_copy(update={"labels": labels})
    box = {"image_id": 2, "category_id": 1, "score": 0.9, "bbox": [0, 0, 1, 1]}
    write_submission(tmp_path / "s.csv", [box], IMAGES, form, categories=[{"id": 1, "name": "x y"}])
    assert (tmp_path / "s.csv").read_text().splitlines()[2] == f"b,{expected} 0 0 1 1"
    (read,) = read_predictions(tmp_path / "s.csv", form, IMAGES, [{"id": 1, "name": "x y"}])["b"]
    assert read["category_id"] == 1


def test_columns_of_categories_are_in_the_samples_order(tmp_path):
    form, categories, _, predictions = of("dog_breed")
    (tmp_path / "sample.csv").write_text("id,boxer,affenpinscher\nc,0.5,0.5\nb,0.5,0.5\n")
    path = tmp_path / "s.csv"
    write_submission(path, predictions, IMAGES, form, tmp_path / "sample.csv", categories)
    assert path.read_text().splitlines() == ["id,boxer,affenpinscher", "c,0.5,0.5", "b,0.875,0.125"]
    assert check_submission(path, form, IMAGES, tmp_path / "sample.csv", categories)["ok"]
    report = check_submission(path, form, IMAGES, categories=categories)
    assert report["problems"][0]["row"] == 1


def test_size_of_an_image_that_the_dataset_lacks_is_the_samples(tmp_path):
    form, categories, lines, predictions = of("hpa")
    (tmp_path / "sample.csv").write_text(f"{lines[0]}\na,7,4,\nzebra,9,8,\n")
    path = tmp_path / "s.csv"
    write_submission(path, predictions, IMAGES, form, tmp_path / "sample.csv", categories)
    assert path.read_text().splitlines() == [lines[0], lines[1], "zebra,9,8,"]
    assert check_submission(path, form, IMAGES, tmp_path / "sample.csv", categories)["ok"]
