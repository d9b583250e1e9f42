"""Each fault that a competition would refuse is found before the upload, with its row."""

import base64
import zlib

import pytest

from podium.config.formats import named_formats
from podium.submission.check import check_submission

from .scene import IMAGES
from .test_worked_examples import WORKED, word


def problems(tmp_path, name: str, old: str, new: str, **changes) -> list[tuple]:
    """Replace a piece of the worked example of a format, which is without fault, and check the file."""
    form, (names, lines) = named_formats()[name].model_copy(update=changes), WORKED[name]
    text = "\n".join([*lines, ""])
    assert text.count(old) == 1, text
    (tmp_path / "s.csv").write_text(text.replace(old, new))
    categories = [{"id": number, "name": each} for number, each in enumerate(names, start=1)]
    report = check_submission(tmp_path / "s.csv", form, IMAGES, categories=categories)
    assert report["ok"] == (not report["problems"])
    return [(each["row"], each["key"], each["problem"]) for each in report["problems"]]


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode()


MASK = word("414000")  # image b
FAULTS = {
    "score above 1": (
        "global_wheat",
        "b,0.9",
        "b,1.01",
        3,
        "b",
        "object 1 of 1: the score is 1.01, not within 0 and 1",
    ),
    "score below 0": ("global_wheat", "b,0.9", "b,-0.1", 3, "b", "the score is -0.1, not within"),
    "score not a number": ("global_wheat", "b,0.9", "b,nan", 3, "b", "the score is 'nan', which is no number"),
    "infinite coordinate": ("global_wheat", "0.9 0", "0.9 inf", 3, "b", "x is 'inf', which is no number"),
    "a word too few": ("global_wheat", "4 3 1", "4 3", 3, "b", "4 words; each object has 5: score x y width height"),
    "comma for point": ("global_wheat", "b,0.9", "b,0;9", 3, "b", "'0;9', which is no number"),
    "no width": ("global_wheat", "4 3 1", "4 0 1", 3, "b", "the box 0 4 0 1 has no area"),
    "negative height": ("global_wheat", "4 3 1", "4 3 -1", 3, "b", "the box 0 4 3 -1 has no area"),
    "left of the image": ("global_wheat", "0 4 3 1", "-0.5 4 3 1", 3, "b", "is not within x 0 to 3, y 0 to 5"),
    "right of the image": ("global_wheat", "4 3 1", "4 3.01 1", 3, "b", "is not within x 0 to 3, y 0 to 5"),
    "below the image": ("global_wheat", "4 3 1", "4 3 1.01", 3, "b", "is not within x 0 to 3, y 0 to 5"),
    "second object": ("global_wheat", "0.6 0 0 2 1", "6 0 0 2 1", 2, "a", "object 2 of 2: the score is 6"),
    "blank objects": ("global_wheat", "c,", "c, ", 4, "c", "the value is blank; an image without objects has ''"),
    "blank where none has a token": ("vinbigdata", "14 1 0 0 1 1", "", 4, "c", "without objects has '14 1 0 0 1 1'"),
    "corners exchanged": ("vinbigdata", "0 4 3 5", "3 4 0 5", 3, "b", "the box 3 4 0 5 has no area"),
    "unknown label": ("vinbigdata", "b,13", "b,14", 3, "b", "no category has the label '14'; labels: 5, 13"),
    "name in place of label": ("vinbigdata", "b,13", "b,ILD", 3, "b", "no category has the label 'ILD'"),
    "more than the whole": ("openimages_detection", "0.8 1 1", "0.8 1 1.2", 3, "b", "not within x 0 to 1, y 0 to 1"),
    "pixels for fractions": ("openimages_detection", "0.8 1 1", "4 3 5", 3, "b", "not within x 0 to 1, y 0 to 1"),
    "width of another image": ("hpa", "b,3,5", "b,4,5", 3, "b", "width and height are '4,5', the image's are '3,5'"),
    "width and height exchanged": ("hpa", "b,3,5", "b,5,3", 3, "b", "width and height are '5,3'"),
    "no base64": ("hpa", MASK, MASK[:-1] + "*", 3, "b", "is no zlib in base64"),
    "base64 cut off": ("hpa", MASK, MASK[:-5], 3, "b", "is no zlib in base64"),
    "no zlib": ("hpa", MASK, packed(b"414000"), 3, "b", "is no zlib in base64"),
    "zlib cut off": ("hpa", MASK, packed(zlib.compress(b"414000")[:-6]), 3, "b", "is cut off"),
    "counts of another size": ("hpa", MASK, word("=220003"), 3, "b", "do not cover 5x3 pixels"),
    "no counts": ("hpa", MASK, packed(zlib.compress(b"\xff!")), 3, "b", "is no zlib in base64"),
    "far too much": ("hpa", MASK, packed(zlib.compress(b"0" * 10**6)), 3, "b", "too long for 5x3"),
    "a mask without pixels": ("hpa", MASK, word("?"), 3, "b", "has no pixel"),
    "another column": ("uw_madison", "id,class", "id,klass", 1, None, "the header is 'id,klass,predicted'"),
    "unknown category": ("uw_madison", "b,stomach", "b,Stomach", 5, "b,Stomach", "unknown id"),
    "unknown category in the id": ("severstal", "b.jpg_2", "b.jpg_3", 5, "b.jpg_3", "unknown id"),
    "category twice": ("uw_madison", "b,stomach", "b,large_bowel", 5, "b,large_bowel", "the id is in row 4 already"),
    "run outside": ("severstal", "15 1", "15 2", 5, "b.jpg_2", "beyond the 15 pixels of 5x3"),
    "a blank mask": ("uw_madison", "stomach,1 1 5 1", "stomach, ", 3, "a,stomach", "the value is blank"),
    "a field too few": ("uw_madison", "c,stomach,", "c,stomach", 7, "c", "the row has 2 fields, expected 3"),
    "blank label": ("digit_recognizer", "b,1", "b,", 3, "b", "the label is blank"),
    "a label of none": ("digit_recognizer", "b,1", "b,10", 3, "b", "no category has the label '10'; labels: 0, 1"),
    "label twice": ("digit_recognizer", "b,1", "a,1", 3, "a", "the id is in row 2 already"),
    "probability above 1": ("dog_breed", "0.875", "1.875", 3, "b", "the probability in column 'boxer' is 1.875"),
    "blank probability": ("dog_breed", "0.875", "", 3, "b", "the probability in column 'boxer' is blank"),
    "probability NaN": ("histopathologic_cancer", "0.875", "NaN", 3, "b", "is 'NaN', which is no number"),
    "columns exchanged": ("dog_breed", "affenpinscher,boxer", "boxer,affenpinscher", 1, None, "the header is"),
    "a breed missing": (
        "dog_breed",
        "id,affenpinscher,boxer",
        "id,boxer",
        1,
        None,
        "expected 'id,affenpinscher,boxer'",
    ),
}


@pytest.mark.parametrize(("name", "old", "new", "row", "key", "words"), FAULTS.values(), ids=FAULTS)
def test_fault(tmp_path, name, old, new, row, key, words):
    first, *more = problems(tmp_path, name, old, new)
    assert first[:2] == (row, key)
    assert words in first[2]
    # A row that is lost or named wrongly is missing besides.
    assert all("is missing" in problem for _, _, problem in more)
    lost = any(part in first[2] for part in ("unknown id", "already", "fields"))
    assert bool(more) == lost


def test_rows_are_counted_where_ids_do_not_repeat(tmp_path):
    found = problems(tmp_path, "uw_madison", "c,stomach,\n", "c,stomach,\nc,stomach,1 1\n")
    assert [(row, key) for row, key, _ in found] == [(8, "c,stomach"), (None, None)]
    assert found[1][2] == "the file has 7 rows, expected 6"


def test_masks_of_an_image_in_one_row_may_overlap(tmp_path):
    """Where a cell has two labels, its mask is there twice."""
    twice = f"16 0.9 {MASK} 3 0.9 {MASK}"
    assert problems(tmp_path, "hpa", f"16 0.9 {MASK}", twice) == []


def test_file_size(tmp_path):
    ((row, key, problem),) = problems(tmp_path, "global_wheat", "c,", "c,", max_bytes=50)
    assert (row, key) == (None, None)
    assert "the competition takes 50" in problem
