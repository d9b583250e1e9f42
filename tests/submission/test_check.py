import hashlib

import pytest

from podium.config.formats import resolve_format
from podium.errors import PodiumError
from podium.submission.check import MOST_LISTED, check_submission, require_ok

from .scene import IMAGES


def check(tmp_path, text: str, name: str = "dsb2018", **changes) -> dict:
    """Check a file against a sample with the ids a, b and c; images a and c have 4x7 pixels, b has 5x3."""
    form = resolve_format(name).model_copy(update=changes)
    (tmp_path / "sample.csv").write_text(f"{form.id_column},{form.value_column}\na,1 1\nb,1 1\nc,1 1\n")
    (tmp_path / "s.csv").write_text(text)
    return check_submission(tmp_path / "s.csv", form, IMAGES, tmp_path / "sample.csv")


HEADER = "ImageId,EncodedPixels\n"
GOOD = HEADER + "c,\nb,5 1 10 1 15 1\na,14 2 18 2 22 2\na,1 1 5 1\n"


def test_good_file(tmp_path):
    report = check(tmp_path, GOOD)
    assert report == {
        "ok": True,
        "rows": 4,
        "images": 3,
        "instances": 3,
        "problem_count": 0,
        "problems": [],
        "bytes": len(GOOD),
        "sha256": hashlib.sha256(GOOD.encode()).hexdigest(),
    }
    require_ok(report, "s.csv")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (GOOD.replace("ImageId", "Image_Id"), [(1, None, "'Image_Id,EncodedPixels'")]),
        (GOOD.removeprefix(HEADER), [(1, None, "'c,'"), (None, "c", "missing")]),
        ("", [(1, None, "the header is ''"), (None, "a", "missing"), (None, "b", "missing"), (None, "c", "missing")]),
        (GOOD + "z,1 1\n", [(6, "z", "unknown id")]),
        (GOOD + ",1 1\n", [(6, "", "id is blank")]),
        (GOOD + "\n", [(6, None, "line is blank")]),
        (GOOD + "a,11 1,\n", [(6, "a", "3 fields")]),
        (GOOD.replace("b,", "b, "), []),
        (GOOD.replace("c,\n", "c, \n"), [(2, "c", "blank")]),
        (GOOD.replace("c,\n", ""), [(None, "c", "missing")]),
        (GOOD + "a,3\n", [(6, "a", "1 numbers")]),
        (GOOD + "a,3 x\n", [(6, "a", "'x'")]),
        (GOOD + "a,3 0\n", [(6, "a", "not positive")]),
        (GOOD + "a,0 1\n", [(6, "a", "before the first")]),
        (GOOD + "a,28 2\n", [(6, "a", "beyond the 28 pixels of 4x7")]),
        (GOOD.replace("15 1", "16 1"), [(3, "b", "beyond the 15 pixels of 5x3")]),
        (GOOD + "a,12 1 9 1\n", [(6, "a", "sorted")]),
        (GOOD + "a,9 2 10 1\n", [(6, "a", "shares pixels with the run ahead")]),
        # Pixel 19, counted downwards from 1, of 4 rows: row 2, column 4.
        (GOOD + "a,19 1\n", [(6, "a", "shares pixels with row 4, first at row 2, column 4")]),
        (GOOD + "a,1 1 5 1\n", [(6, "a", "in row 5 already")]),
        (GOOD + "c,\n", [(6, "c", "in row 2 already")]),
        (GOOD + "b,\n", [(6, "b", "other rows")]),
    ],
)
def test_planted_fault(tmp_path, text, expected):
    report = check(tmp_path, text)
    assert report["ok"] == (not expected)
    assert [(each["row"], each["key"]) for each in report["problems"]] == [each[:2] for each in expected]
    for problem, (_, _, words) in zip(report["problems"], expected, strict=True):
        assert words in problem["problem"]
    if expected:
        with pytest.raises(PodiumError, match=f"has {len(expected)} problems"):
            require_ok(report, "s.csv")


def test_all_faults_of_a_file_at_once(tmp_path):
    report = check(tmp_path, GOOD.replace("c,\n", "z,\n") + "a,3\na,19 1\na,1 0\n")
    assert [(each["row"], each["key"]) for each in report["problems"]] == [
        (2, "z"),
        (6, "a"),
        (8, "a"),
        (7, "a"),
        (None, "c"),
    ]


def test_a_row_per_image(tmp_path):
    good = "record_id,encoded_pixels\na,-\nb,1 2\nc,-\n"
    assert check(tmp_path, good, "contrails")["ok"]
    again = check(tmp_path, good + "b,5 1\n", "contrails")["problems"]
    assert [(each["row"], each["key"]) for each in again] == [(5, "b"), (None, None)]
    assert "row 3 already" in again[0]["problem"]
    assert "4 rows, expected 3" in again[1]["problem"]
    blank = check(tmp_path, good.replace("c,-", "c,"), "contrails")["problems"]
    assert [(each["row"], each["key"]) for each in blank] == [(4, "c")]
    assert "'-'" in blank[0]["problem"]


def test_overlap_where_the_format_allows_it(tmp_path):
    assert check(tmp_path, GOOD + "a,19 1\n", overlap="allowed")["ok"]


def test_file_size(tmp_path):
    assert check(tmp_path, GOOD, max_bytes=len(GOOD))["ok"]
    (problem,) = check(tmp_path, GOOD, max_bytes=len(GOOD) - 1)["problems"]
    assert str(len(GOOD)) in problem["problem"]


def test_all_problems_are_counted_and_the_first_are_listed(tmp_path):
    report = check(tmp_path, GOOD + "z,1 1\n" * 1000)
    assert (report["problem_count"], len(report["problems"])) == (1000, MOST_LISTED)
    assert [each["row"] for each in report["problems"]] == list(range(6, 6 + MOST_LISTED))


def test_image_that_the_dataset_lacks(tmp_path):
    form = resolve_format("dsb2018")
    (tmp_path / "s.csv").write_text(GOOD)
    report = check_submission(tmp_path / "s.csv", form, IMAGES[:2])
    assert [(each["row"], each["problem"]) for each in report["problems"]] == [(2, "unknown id")]
    (tmp_path / "d.csv").write_text(GOOD.replace("c,", "c,1 1"))
    report = check_submission(tmp_path / "d.csv", form, IMAGES[:2], tmp_path / "d.csv")
    assert [each["row"] for each in report["problems"]] == [2]
    assert "no image of this id" in report["problems"][0]["problem"]


@pytest.mark.parametrize("content", [b"ImageId,EncodedPixels\n\xff,1 1\n", b'ImageId,EncodedPixels\na,"1 1\n'])
def test_no_csv_at_all(tmp_path, content):
    (tmp_path / "s.csv").write_bytes(content)
    with pytest.raises(PodiumError, match="not "):
        check_submission(tmp_path / "s.csv", resolve_format("dsb2018"), IMAGES)


def test_missing_file(tmp_path):
    with pytest.raises(PodiumError, match="missing"):
        check_submission(tmp_path / "s.csv", resolve_format("dsb2018"), IMAGES)
