import pytest

from podium.config.formats import named_formats, resolve_format
from podium.errors import PodiumError
from podium.submission.check import check_submission
from podium.submission.score import score_submission
from podium.submission.write import write_submission

from .scene import IMAGES, block, coco, predictions

NONE_LEFT = {"without_image": 0, "not_asked_for": 0}


def test_a_row_per_instance_by_descending_score(tmp_path):
    counts = write_submission(tmp_path / "s.csv", predictions(), IMAGES, resolve_format("dsb2018"))
    # Image b has 5 rows and 3 columns: its last row is pixels 5, 10 and 15, counted downwards from 1.
    assert (tmp_path / "s.csv").read_bytes() == (
        b"ImageId,EncodedPixels\na,14 2 18 2 22 2\na,1 1 5 1\nb,5 1 10 1 15 1\nc,\n"
    )
    assert counts == {"rows": 4, "images": 3, "instances": 3, "without_pixels": 0} | NONE_LEFT


def test_a_row_per_image_with_the_union(tmp_path):
    overlapping = [*predictions(), {"image_id": 1, "score": 0.1, "segmentation": coco(block(4, 7, (2, 3), (3, 3)))}]
    write_submission(tmp_path / "s.csv", overlapping, IMAGES, resolve_format("contrails"))
    assert (tmp_path / "s.csv").read_text().splitlines() == [
        "record_id,encoded_pixels",
        "a,1 1 5 1 14 3 18 2 22 2",
        "b,5 1 10 1 15 1",
        "c,-",
    ]


def test_order_and_ids_are_the_samples(tmp_path):
    (tmp_path / "sample.csv").write_text("ImageId,EncodedPixels\nc,0 1\nc,3 4\nb,\n")
    one = [each for each in predictions() if each["image_id"] == 2]
    write_submission(tmp_path / "s.csv", one, IMAGES, resolve_format("planes"), tmp_path / "sample.csv")
    assert (tmp_path / "s.csv").read_text().splitlines() == ["ImageId,EncodedPixels", "c,[]", "b,12 3"]


def test_order_of_predictions_does_not_matter(tmp_path):
    ties = [{**each, "score": 0.5} for each in predictions()]
    for name, order in (("one", ties), ("other", ties[::-1])):
        write_submission(tmp_path / name, order, IMAGES, resolve_format("airbus"))
    assert (tmp_path / "one").read_bytes() == (tmp_path / "other").read_bytes()
    # Of equal score, the instance whose first pixel comes first.
    assert (tmp_path / "one").read_text().splitlines()[1] == "a,1 1 5 1"


def test_images_that_the_dataset_lacks_get_empty_rows_and_those_not_asked_for_none(tmp_path):
    (tmp_path / "sample.csv").write_text("\ufeffImageId,EncodedPixels\nzebra,\na,\n", encoding="utf-8")
    corners = {image["id"]: block(image["height"], image["width"], (0, 0), (0, 0)) for image in IMAGES[:2]}
    found = [{"image_id": key, "score": 0.9, "segmentation": coco(mask)} for key, mask in corners.items()]
    form = resolve_format("dsb2018")
    counts = write_submission(tmp_path / "s.csv", found, IMAGES, form, tmp_path / "sample.csv")
    assert (counts["rows"], counts["without_image"], counts["not_asked_for"]) == (2, 1, 1)
    assert (tmp_path / "s.csv").read_text().splitlines()[1].startswith("zebra,")
    assert check_submission(tmp_path / "s.csv", form, IMAGES, tmp_path / "sample.csv")["ok"]


def test_instances_without_pixels_are_counted(tmp_path):
    nothing = {"image_id": 3, "score": 0.9, "segmentation": coco(block(4, 7, (4, 4), (0, 0)))}
    counts = write_submission(tmp_path / "s.csv", [nothing], IMAGES[2:], resolve_format("dsb2018"))
    assert counts == {"rows": 1, "images": 1, "instances": 0, "without_pixels": 1} | NONE_LEFT
    assert (tmp_path / "s.csv").read_text().splitlines()[1:] == ["c,"]


@pytest.mark.parametrize(
    ("prediction", "words"),
    [
        ({"image_id": 9, "score": 0.5, "segmentation": coco(block(4, 7, (0, 0), (0, 0)))}, "no row for image 9"),
        ({"image_id": 1, "score": 0.5}, "without a mask"),
        ({"image_id": 1, "score": 0.5, "segmentation": coco(block(7, 4, (0, 0), (0, 0)))}, r"\[7, 4\]"),
        ({"image_id": 1, "score": float("nan"), "segmentation": coco(block(4, 7, (3, 3), (0, 0)))}, "nan"),
        ({"image_id": 1, "score": 0.5, "segmentation": coco(block(4, 7, (2, 3), (5, 6)))}, "row 2, column 5"),
    ],
    ids=["unknown image", "no mask", "size", "score", "overlap"],
)
def test_wrong_predictions_leave_no_file(tmp_path, prediction, words):
    with pytest.raises(PodiumError, match=words):
        write_submission(tmp_path / "s.csv", [*predictions(), prediction], IMAGES, resolve_format("dsb2018"))
    assert list(tmp_path.iterdir()) == []


def box(*sides: float, image_id: int = 1, **more: object) -> dict:
    return {"image_id": image_id, "category_id": 1, "score": 0.5, "bbox": list(sides), **more}


def test_boxes_are_cut_off_at_the_image_and_left_out_where_nothing_remains(tmp_path):
    boxes = [box(-1, -2.5, 3, 4), box(6, 3.333333, 5, 5), box(7, 0, 2, 2), box(1, 1, 0.001, 1)]
    counts = write_submission(tmp_path / "s.csv", boxes, IMAGES[:1], resolve_format("global_wheat"))
    assert (counts["instances"], counts["without_pixels"]) == (2, 2)
    assert (tmp_path / "s.csv").read_text().splitlines()[1] == "a,0.5 0 0 2 1.5 0.5 6 3.33 1 0.67"


@pytest.mark.parametrize(
    ("name", "predictions", "words"),
    [
        ("global_wheat", [{"image_id": 1, "score": 0.5}], "without a box"),
        ("global_wheat", [box(0, 0, float("inf"), 1)], "a prediction's box is .*inf"),
        ("openimages_detection", [box(0, 0, 1, 1, category_id=9)], "no category has the id 9"),
        ("hpa", [box(0, 0, 1, 1)], "without a mask"),
        ("digit_recognizer", [box(0, 0, 1, 1)], "record b.*the image has no prediction"),
        ("dog_breed", [box(0, 0, 1, 1)], "1 categories have no probability, first 'dog'"),
        ("dog_breed", [box(0, 0, 1, 1), box(0, 0, 1, 1)], "a category is predicted twice"),
        ("histopathologic_cancer", [box(0, 0, 1, 1)], "no category is named '1'; names: cat, dog"),
    ],
)
def test_what_cannot_be_written_in_a_format(tmp_path, name, predictions, words):
    categories = [{"id": 1, "name": "cat"}, {"id": 2, "name": "dog"}]
    with pytest.raises(PodiumError, match=words):
        write_submission(tmp_path / "s.csv", predictions, IMAGES, resolve_format(name), categories=categories)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("sample", "words"),
    [
        ("id,predicted\na,\n", "the header is 'id,predicted', the format's is 'ImageId,EncodedPixels'"),
        ("ImageId,EncodedPixels\n", "no rows"),
        ("ImageId,EncodedPixels\nyak,\nzebra,\n", "none of the 2 ids .* 'yak'"),
        ("ImageId,EncodedPixels\na,,\n", "row 2.* 3 fields"),
    ],
)
def test_wrong_sample(tmp_path, sample, words):
    (tmp_path / "sample.csv").write_text(sample)
    with pytest.raises(PodiumError, match=words) as error:
        write_submission(tmp_path / "s.csv", [], IMAGES, resolve_format("dsb2018"), tmp_path / "sample.csv")
    assert error.value.file == tmp_path / "sample.csv"


@pytest.mark.parametrize("name", [name for name, form in named_formats().items() if form.needs == "masks"])
def test_perfect_predictions_pass_the_check_and_score_one(tmp_path, name):
    form, named = resolve_format(name), {"categories": [{"id": 1, "name": "thing"}]}
    truth = [{key: value for key, value in each.items() if key != "score"} for each in predictions()]
    write_submission(tmp_path / "solution.csv", truth, IMAGES, form, **named)
    write_submission(tmp_path / "s.csv", predictions(), IMAGES, form, tmp_path / "solution.csv", **named)
    report = check_submission(tmp_path / "s.csv", form, IMAGES, tmp_path / "solution.csv", **named)
    assert (report["ok"], report["problems"], report["images"]) == (True, [], 3)
    for metric in ("dsb2018", "airbus_f2", "dice"):
        score = score_submission(tmp_path / "s.csv", tmp_path / "solution.csv", form, IMAGES, metric, **named)
        assert score["score"] == 1.0
        assert score["images"] == {"a": 1.0, "b": 1.0, "c": 1.0}
