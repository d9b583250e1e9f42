"""The page on errors: tables, curves, and the pictures of mistakes."""

import json
import warnings

import numpy as np
import pytest

from podium.data.dataset import load_dataset
from podium.evaluation.evaluate import evaluate
from podium.report.blocks import Table
from podium.report.detail import detail_blocks
from podium.report.detail_plots import MOST_LINES, confusion_plot, f1_plot, precision_recall_plot
from podium.report.mistakes import mistakes_gallery

from .finished import Finished
from .reading import pixels
from .reading_svg import texts


@pytest.fixture
def finished(tmp_path):
    """Images 6 and 12 of the test part have a wrong prediction of higher score than the right ones."""
    made = Finished(tmp_path, categories=("plane", "car"))
    ids = made.test_part
    found = made.found("instances", ids)
    found = [each | {"score": 0.95} if each["score"] == 0.8 else each for each in found]
    metrics, per_image = evaluate(made.coco, ids, found, masks=True, metrics=["dice"], score_threshold=0.5)
    folder = made.results / "instances/both"
    made.write(folder / "predictions.test.json", found)
    made.write(folder / "metrics.test.json", metrics | {"per_image": per_image})
    return made


def metrics_of(made) -> dict:
    return json.loads((made.results / "instances/both/metrics.test.json").read_text())


def test_the_tables_tell_what_was_measured(finished):
    metrics = metrics_of(finished)
    categories, errors = (block for block in detail_blocks({"test": metrics}, "x") if isinstance(block, Table))
    assert list(categories.columns) == [
        *("category", "split", "images", "objects"),
        *(f"{shape} {key}" for shape in ("box", "mask") for key in ("P", "R", "AP50", "AP")),
    ]
    # Even images are all of the first category; of eight predictions from 0.101 on six are right.
    assert list(categories.rows[0][:6]) == ["plane", "test", "6", "6", "0.750", "1.000"]
    assert list(categories.rows[1][:6]) == ["car", "test", "0", "0", "\u2013", "\u2013"]
    assert list(categories.rows[2][:6]) == ["all", "test", "6", "6", "0.750", "1.000"]
    assert "test box 0.101; test mask 0.101" in categories.caption
    assert [row[:2] for row in errors.rows] == [["box, test", "6"], ["mask, test", "6"]]
    assert dict(zip(errors.columns, errors.rows[0], strict=True))["on background"] == "2"


def test_of_a_part_without_objects_all_predictions_are_told(finished):
    bare = {**finished.coco, "annotations": []}
    found = finished.found("instances", finished.test_part)
    metrics, _ = evaluate(bare, finished.test_part, found, masks=False, metrics=[], score_threshold=0.5)
    *_, errors = (block for block in detail_blocks({"test": metrics}, "x") if isinstance(block, Table))
    assert "from that confidence on (all of them where there is no object), as TIDE" in errors.caption
    assert dict(zip(errors.columns, errors.rows[0], strict=True))["on background"] == str(len(found))


def test_the_pictures_show_mistake_and_truth_side_by_side(finished):
    dataset = load_dataset(finished.data / "dataset")
    (gallery,) = mistakes_gallery(finished.competition, dataset, finished.results, "instances", "both")
    assert [specimen.title for specimen in gallery.specimens] == ["image-6", "image-12"]
    for specimen in gallery.specimens:
        assert specimen.facts == "plane: on background, score 0.950"
        truth, found = (pixels(picture.source).astype(int) for picture in specimen.pictures)
        assert truth.shape == found.shape
        red = (found[..., 0] > 180) & (found[..., 1:].max(axis=2) < 120)
        # The wrong square is 12 of the 64 pixels that are shown, in the middle: its outline is there.
        rows, columns = np.nonzero(red)
        side = len(found)
        assert abs(rows.mean() - side / 2) < side / 16
        assert abs(columns.mean() - side / 2) < side / 16
        assert np.ptp(rows) == pytest.approx(12 / 64 * side, abs=side / 16)


def test_nothing_wrong_and_nothing_there(tmp_path):
    made = Finished(tmp_path)
    made.complete()
    dataset = load_dataset(made.data / "dataset")
    assert mistakes_gallery(made.competition, dataset, made.results, "instances", "both") == []
    (made.results / "instances/both/metrics.test.json").unlink()
    assert mistakes_gallery(made.competition, dataset, made.results, "instances", "both") == []
    assert detail_blocks({}, "x") == []


def test_curves_go_through_their_values():
    falling = (1 - np.linspace(0, 1, 101) ** 2).tolist()
    svg = precision_recall_plot([falling, None], ["plane", "never"])
    assert "plane" in texts(svg)
    assert "never" not in texts(svg)
    curves = {"confidence": np.linspace(0, 1, 101).tolist(), "F1": [falling, [0.5] * 101], "mean": None}
    assert {"plane", "car", "mean of categories", "best: 0.25"} <= set(texts(f1_plot(curves, 0.25, ["plane", "car"])))


def test_many_categories_are_not_a_hundred_names():
    names = [f"kind {number}" for number in range(MOST_LINES + 1)]
    svg = precision_recall_plot([[0.5] * 101] * len(names), names)
    assert {"mean of categories"} == {text for text in texts(svg) if "kind" in text or "mean" in text}


@pytest.mark.parametrize("name", ["$^$", "_hidden", "$x_1$", r"cost \$5$", "a\x00b\nc", "\u98db\u6a5f"])
def test_any_name_is_written_as_it_is(name):
    """A leading underscore has a space without width before it, what an SVG cannot hold is replaced."""
    shown = {"_hidden": "\u200b_hidden", "a\x00b\nc": "a\ufffdb c"}.get(name, name)
    curves = {"confidence": np.linspace(0, 1, 101).tolist(), "F1": [[0.5] * 101] * 2}
    with warnings.catch_warnings():
        # The page's font may lack a letter, the reader's has it.
        warnings.filterwarnings("ignore", "Glyph")
        drawn = [
            precision_recall_plot([[0.5] * 101] * 2, [name, "b"]),
            f1_plot(curves, 0.25, [name, "b"]),
            confusion_plot([[1, 0, 2], [1, 7, 1], [3, 2, 0]], [name, "b"]),
        ]
    for svg in drawn:
        assert {shown, "b"} <= set(texts(svg))


def test_confusions_are_numbers_in_their_places():
    svg = confusion_plot([[1234, 0, 2], [1, 7, 1], [3, 2, 0]], ["cat", "dog"])
    found = texts(svg)
    assert {"1\u202f234", "7", "cat", "dog", "background", "predicted", "true"} <= set(found)
    assert "0" not in found
