"""What is written is read back, for random masks, boxes and categories, in every way that a format can have."""

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from podium.config.formats import Format, named_formats
from podium.submission.check import check_submission
from podium.submission.read import read_predictions
from podium.submission.write import write_submission

from .scene import CONVENTIONS, coco

CATEGORIES = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
FEW = settings(deadline=None, max_examples=30)
EMPTY = ["", "-", "-1", "[]", "1 1", "none"]


def form(code: object, rows: str = "image", **fields: object) -> Format:
    """Return a format; with rows per category, the category is part of the id."""
    pattern = {"id": "{image}/{category}"} if rows == "category" else {}
    given = {"id_column": "id", "value_column": "value", "rows": rows, "empty": "", "code": code, **pattern, **fields}
    return Format.model_validate(given)


def round_trip(form: Format, predictions: list[dict], image: dict) -> list[dict]:
    """Write predictions of one image, check the file, read it back."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "s.csv"
        write_submission(path, predictions, [image], form, categories=CATEGORIES)
        report = check_submission(path, form, [image], categories=CATEGORIES)
        assert report["problems"] == []
        found = read_predictions(path, form, [image], CATEGORIES)
    assert list(found) == [image["key"]]
    return found[image["key"]]


def image_of(mask: np.ndarray) -> dict:
    return {"id": 7, "key": "a key, with {image}", "height": mask.shape[0], "width": mask.shape[1]}


# One or two masks of one size, that share no pixel: the pixels' values are the category, 0 is none.
PICTURES = hnp.arrays(np.int8, hnp.array_shapes(min_dims=2, max_dims=2, max_side=8), elements=st.integers(0, 2))
SPECIAL = [
    np.zeros((3, 4), np.int8),
    np.ones((3, 4), np.int8),
    np.eye(1, 12, 5, dtype=np.int8).reshape(3, 4),
    np.repeat([[0], [2], [0]], 4, axis=1),
    np.repeat([[0, 1, 0, 2]], 3, axis=0),
]


def specials(test):
    for picture in SPECIAL:
        test = example(picture=picture)(test)
    return test


def masks_of(picture: np.ndarray) -> list[dict]:
    found = [
        {"image_id": 7, "category_id": int(each), "score": 0.5, "segmentation": coco(picture == each)}
        for each in np.unique(picture)
        if each
    ]
    return found


@pytest.mark.parametrize("rows", ["instance", "image", "category"])
@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
def test_special_masks(rows, convention):
    for picture in SPECIAL:
        check_masks(picture, form(convention.model_dump(), rows, empty="-"))


@pytest.mark.parametrize("rows", ["instance", "image", "category"])
@pytest.mark.parametrize("empty", EMPTY)
def test_empty_tokens(rows, empty):
    for picture in SPECIAL[:2]:
        check_masks(picture, form(CONVENTIONS[2].model_dump(), rows, empty=empty))


@FEW
@specials
@given(picture=PICTURES)
@pytest.mark.parametrize("rows", ["instance", "image", "category"])
def test_masks(rows, picture):
    check_masks(picture, form(CONVENTIONS[3].model_dump(), rows, empty="-"))


def check_masks(picture: np.ndarray, form: Format) -> None:
    masks = masks_of(picture)
    read = round_trip(form, masks, image_of(picture))
    expected = [each["segmentation"] for each in masks]
    if form.rows == "image" and masks:
        expected = [coco(picture > 0)]
    codes = [each["segmentation"]["counts"] for each in read]
    assert sorted(codes) == sorted(each["counts"] for each in expected)
    if form.rows == "category":
        assert [each["category_id"] for each in read] == [each["category_id"] for each in masks]


@FEW
@specials
@given(picture=PICTURES)
def test_packed_masks(picture):
    masks = masks_of(picture)
    read = round_trip(named_formats()["hpa"], masks, image_of(picture))
    plain = [{key: each[key] for key in masks[0]} for each in read]
    assert sorted(plain, key=repr) == sorted(masks, key=repr)


SIDES = st.integers(1, 5000)
PARTS = st.floats(0, 1)
BOXES = st.lists(st.tuples(PARTS, PARTS, PARTS, PARTS, st.sampled_from([1, 2]), PARTS), max_size=5)
PIXELS, CORNERS = ["x", "y", "width", "height"], ["x1", "y1", "x2", "y2"]


@FEW
@given(height=SIDES, width=SIDES, boxes=BOXES)
@pytest.mark.parametrize("place", [PIXELS, CORNERS], ids=" ".join)
@pytest.mark.parametrize("units", ["pixels", "fraction"])
def test_boxes(units, place, height, width, boxes):
    """Corners are rounded; a box that has no area then is left out, and all else stays within half a last digit."""
    decimals = 2 if units == "pixels" else 6
    code = {
        "kind": "objects",
        "words": [place[0], "category", *place[1:], "score"],
        "units": units,
        "decimals": decimals,
    }
    step = np.array([width, height] * 2) if units == "fraction" else np.ones(4)
    predictions, corners = [], []
    for x1, y1, x2, y2, category_id, score in boxes:
        box = np.array([min(x1, x2) * width, min(y1, y2) * height, max(x1, x2) * width, max(y1, y2) * height])
        sides = [box[0], box[1], box[2] - box[0], box[3] - box[1]]
        predictions.append({"image_id": 7, "category_id": category_id, "score": score, "bbox": sides})
        rounded = np.round(box / step, decimals) * step
        if (rounded[2:] > rounded[:2]).all():
            corners.append((category_id, round(score, 6), *box))
    read = round_trip(form(code), predictions, {"id": 7, "key": "a", "height": height, "width": width})
    half = 0.51 * 10.0**-decimals * step
    left = [
        (each["category_id"], each["score"], *each["bbox"][:2], *np.add(each["bbox"][:2], each["bbox"][2:]))
        for each in read
    ]
    for category_id, score, *box in corners:
        place_of = next(
            index
            for index, (*told, x1, y1, x2, y2) in enumerate(left)
            if told == [category_id, score] and (np.abs(np.subtract([x1, y1, x2, y2], box)) <= half + 1e-9).all()
        )
        left.pop(place_of)
    # What is left over can only be a box whose rounded sides a float made equal here and not there.
    assert left == []


@FEW
@given(st.dictionaries(st.sampled_from([1, 2]), PARTS, min_size=2))
def test_probabilities_and_labels(scores):
    found = [{"image_id": 7, "category_id": each, "score": score} for each, score in scores.items()]
    image = {"id": 7, "key": "a", "height": 3, "width": 3}
    read = round_trip(form({"kind": "probabilities"}, value_column=None, empty="0"), found, image)
    assert {each["category_id"]: each["score"] for each in read} == pytest.approx(scores, abs=0.51e-6)
    (one,) = round_trip(form({"kind": "probabilities", "category": "dog"}, empty="0"), found, image)
    assert (one["category_id"], one["score"]) == (2, pytest.approx(scores[2], abs=0.51e-6))
    (label,) = round_trip(form({"kind": "label"}), found, image)
    assert scores[label["category_id"]] == max(scores.values())
