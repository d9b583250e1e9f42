import csv
import io
import tracemalloc
import zipfile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from pycocotools import mask as coco_mask

from podium.config.formats import RunLengthCode, named_formats
from podium.data.masks import encode
from podium.errors import PodiumError
from podium.submission import rle

from .scene import CONVENTIONS, block, coco

MASKS = hnp.arrays(bool, hnp.array_shapes(min_dims=2, max_dims=2, max_side=9))
SPECIAL = {
    "empty": np.zeros((3, 4), bool),
    "full": np.ones((3, 4), bool),
    "one pixel of one": np.ones((1, 1), bool),
    "first pixel": np.arange(12).reshape(3, 4) == 0,
    "last pixel": np.arange(12).reshape(3, 4) == 11,
    "one row": np.repeat([[False], [True], [False]], 4, axis=1),
    "one column": np.repeat([[False, True, False, False]], 3, axis=0),
    "image of one row": np.array([[True, False, True, True]]),
    "image of one column": np.array([[True], [False], [True]]),
}


# A block at rows 1-2 and columns 3-5 of an image of 4 rows and 7 columns. By hand, pixels counted from 0:
# downwards  (row + 4 column): 13 14, 17 18, 21 22;  to the right (7 row + column): 10 11 12, 17 18 19.
WORKED = {
    "dsb2018": "14 2 18 2 22 2",
    "airbus": "14 2 18 2 22 2",
    "planes": "10 3 17 3",
    "sartorius": "11 3 18 3",
    "tgs_salt": "14 2 18 2 22 2",
    "hubmap": "14 2 18 2 22 2",
    "contrails": "14 2 18 2 22 2",
    "carvana": "11 3 18 3",
    "vesuvius": "11 3 18 3",
    "siim": "13 2 2 2 2 2",
}


def test_every_format_has_a_worked_example():
    runs = {name for name, form in named_formats().items() if form.code.kind == "runs"}
    assert runs - WORKED.keys() == {"severstal", "uw_madison"}  # written as dsb2018 is: see test_formats.py


@pytest.mark.parametrize("name", WORKED)
def test_worked_example(name):
    convention = named_formats()[name].code
    mask = block(4, 7, rows=(1, 2), columns=(3, 5))
    assert rle.encode(mask, convention) == WORKED[name]
    assert rle.from_coco(coco(mask), convention) == WORKED[name]
    np.testing.assert_array_equal(rle.decode(WORKED[name], 4, 7, convention), mask)
    assert rle.to_coco(WORKED[name], 4, 7, convention) == coco(mask)


def check_round_trip(mask, convention):
    height, width = mask.shape
    code = rle.encode(mask, convention)
    np.testing.assert_array_equal(rle.decode(code, height, width, convention), mask)
    assert rle.from_coco(coco(mask), convention) == code
    assert bool(code) == mask.any()
    if code:
        assert rle.to_coco(code, height, width, convention) == coco(mask)
    runs = rle.runs_from_mask(mask, convention.order)
    assert rle.coco_from_runs(runs, height, width, convention.order) == coco(mask)
    # Every run is as long as can be: the number of runs is the number of times that a pixel follows one outside.
    flat = mask.ravel(order="F" if convention.order == "column" else "C")
    assert len(code.split()) == 2 * np.sum(flat & ~np.append(False, flat[:-1]))


@given(mask=MASKS, convention=st.sampled_from(CONVENTIONS))
def test_round_trip(mask, convention):
    check_round_trip(mask, convention)


@pytest.mark.parametrize("convention", CONVENTIONS, ids=str)
@pytest.mark.parametrize("mask", SPECIAL.values(), ids=SPECIAL.keys())
def test_round_trip_of_special_masks(mask, convention):
    check_round_trip(mask, convention)


def test_touching_runs_are_read_as_one():
    convention = RunLengthCode(order="column", base=1)
    runs = rle.runs_from_text("2 3 5 1", 4, 4, convention)
    assert rle.text_from_runs(runs, convention) == "2 4"


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("", "no run"),
        ("   ", "no run"),
        ("1 2 3", "3 numbers"),
        ("1 x", "'x'"),
        ("1 2.0", "'2.0'"),
        ("nan", "'nan'"),
        ("1 1_0", "'1_0'"),
        ("1 ٢", "'٢'"),
        ("1 1" + "0" * 30, "word 2"),
        ("3 0", "run 1 of 1, '3 0': its length"),
        ("3 1 5 -2", "run 2 of 2, '5 -2': its length"),
        ("0 2", "before the first pixel"),
        ("-4 2", "before the first pixel"),
        ("5 1 2 1", "run 2 of 2, '2 1': .*sorted"),
        ("1 3 3 1", "run 2 of 2, '3 1': .*shares"),
        ("1 2 1 2", "run 2 of 2, '1 2': .*shares"),
        ("20 2", "run 1 of 1, '20 2': it ends beyond the 20 pixels of 4x5"),
        ("21 1", "beyond"),
        ("900000000000000 900000000000000", "beyond"),
    ],
)
def test_malformed_code(code, words):
    with pytest.raises(PodiumError, match=words):
        rle.runs_from_text(code, 4, 5, RunLengthCode(order="column", base=1))


@pytest.mark.parametrize(("code", "words"), [("0 2 -1 1", "negative"), ("0 10 0 11", "beyond"), ("21 1", "beyond")])
def test_malformed_relative_code(code, words):
    with pytest.raises(PodiumError, match=words):
        rle.runs_from_text(code, 4, 5, RunLengthCode(order="column", base=0, starts="relative"))


@pytest.mark.parametrize("counts", ["", "!!", "d0 ", "o", encode(np.ones((2, 2)))["counts"]])
def test_malformed_coco_counts(counts):
    with pytest.raises(PodiumError) as error:
        rle.runs_from_coco({"size": [4, 5], "counts": counts}, "column")
    assert error.value.key == "counts"


def test_coco_counts_with_runs_of_no_length():
    # Counts as another program may write them: 2 zeros, 1 one, no zero, 2 ones, 1 zero.
    packed = coco_mask.frPyObjects({"size": [2, 3], "counts": [2, 1, 0, 2, 1]}, 2, 3)
    packed["counts"] = packed["counts"].decode()
    assert rle.runs_from_coco(packed, "column").tolist() == [[2, 3]]


@given(masks=st.integers(1, 6).flatmap(lambda side: st.lists(hnp.arrays(bool, (side, side + 1)), max_size=5)))
def test_union_and_overlaps_agree_with_masks(masks):
    runs = [rle.runs_from_mask(mask, "row") for mask in masks]
    if masks:
        assert rle.union(runs).tolist() == rle.runs_from_mask(np.any(masks, axis=0), "row").tolist()
    found = rle.overlaps(runs)
    pairs = {(i, j) for j in range(len(masks)) for i in range(j) if (masks[i] & masks[j]).any()}
    assert {(i, j) for i, j, _ in found} <= pairs
    assert bool(found) == bool(pairs)
    for i, j, pixel in found:
        assert (masks[i] & masks[j]).ravel()[pixel]
        row, column = rle.row_and_column(pixel, *masks[i].shape, "row")
        assert masks[i][row, column]


def test_memory_goes_by_runs_and_not_by_pixels():
    """500 instances of a 13383x4287 image, to rows and back: as masks they would be 28 GB, one alone 57 MB."""
    convention, height, width = named_formats()["planes"].code, 4287, 13383
    tracemalloc.start()
    for number in range(500):
        first = 100 * width + 20 * number
        code = " ".join(f"{first + row * width} 60" for row in range(60))
        masked = rle.to_coco(code, height, width, convention)
        assert rle.from_coco(masked, convention) == code
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2e6
    assert coco_mask.toBbox(masked).tolist() == [20 * 499, 100, 60, 60]


def test_kaggles_own_codes_are_the_masks_of_the_images(real_data):
    """Codes of `stage1_train_labels.csv` against the PNG masks: as sets, since the two are in different orders."""
    archive = real_data / "nuclei-data-science-bowl-2018.zip"
    if not archive.exists():
        pytest.skip(f"{archive} is not there")
    convention = named_formats()["dsb2018"].code
    with zipfile.ZipFile(archive) as files:
        labels: dict[str, list[str]] = {}
        for row in csv.DictReader(io.TextIOWrapper(files.open("stage1_train_labels.csv"), "utf-8")):
            labels.setdefault(row["ImageId"], []).append(row["EncodedPixels"])
        for key in sorted(labels)[:3]:
            folder = f"stage1_train/{key}/masks/"
            names = [name for name in files.namelist() if name.startswith(folder) and name.endswith(".png")]
            masks = [np.array(Image.open(files.open(name)).convert("L")) > 0 for name in names]
            assert sorted(rle.encode(mask, convention) for mask in masks) == sorted(labels[key])
            height, width = masks[0].shape
            for code in labels[key]:
                decoded = coco_mask.decode(rle.to_coco(code, height, width, convention)).astype(bool)
                assert sum((decoded == mask).all() for mask in masks) == 1
