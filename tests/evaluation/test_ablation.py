import numpy as np
import pytest

from podium.config.ablations import Point
from podium.evaluation.ablation import ablation_tables, in_column
from podium.evaluation.totals import mean

# Scores of ten images by experiment.
SCORES = {"a": np.linspace(0, 0.9, 10), "b": np.linspace(0, 0.9, 10) + 0.02, "c": np.full(10, 0.7)}
POINTS = [
    Point(label="rate 1", values={"solver.base_lr": 1.0}, experiments={0: "a", 1: "b"}),
    Point(label="rate 2", values={"solver.base_lr": 2.0}, experiments={0: "c"}),
]


@pytest.fixture(scope="module")
def tables():
    metrics = {
        name: {"box": {"AP": scores.mean(), "AP50": 0.5}, "mask": None, "scores": {"dsb2018": {"mean": None}}}
        for name, scores in SCORES.items()
    }
    totals = {name: mean(scores) for name, scores in SCORES.items()}
    seconds = {"a": 60.0, "b": 120.0, "c": None}
    return ablation_tables(POINTS, POINTS[0], "box_ap", totals, metrics, seconds, 10, 400)


def test_a_row_for_each_point_with_mean_and_spread_over_its_seeds(tables):
    rows = tables[0].to_dict("records")
    assert [row["point"] for row in rows] == ["rate 1", "rate 2"]
    assert [row["solver.base_lr"] for row in rows] == [1.0, 2.0]
    assert [row["seeds"] for row in rows] == [2, 1]
    assert rows[0]["box_ap"] == pytest.approx(0.46)
    assert rows[0]["box_ap_sd"] == pytest.approx(0.02 / np.sqrt(2))
    assert np.isnan(rows[1]["box_ap_sd"])
    assert rows[0]["box_AP"] == pytest.approx(0.46), "the files' own"
    assert (rows[0]["box_AP50"], rows[0]["box_AP50_sd"]) == (0.5, 0.0)
    assert np.isnan(rows[0]["dsb2018"])
    assert rows[0]["seconds"] == 90
    assert np.isnan(rows[1]["seconds"])


def test_points_are_compared_to_the_reference(tables):
    first, second = tables[0].to_dict("records")
    assert (first["reference"], second["reference"]) == (True, False)
    assert np.isnan([first[key] for key in ("difference", "difference_low", "share_above")]).all()
    assert second["difference"] == pytest.approx(0.7 - 0.46)
    assert second["difference_low"] < 0.24 < second["difference_high"]
    # Standard error of ten equidistant scores' mean, about normal.
    error = SCORES["a"].std() / np.sqrt(10)
    assert second["difference_high"] - second["difference_low"] == pytest.approx(2 * 1.96 * error, rel=0.15)
    assert second["share_above"] > 0.97


def test_a_row_for_each_trained_experiment(tables):
    rows = tables[1][["point", "seed", "experiment"]].to_numpy().tolist()
    assert rows == [["rate 1", 0, "a"], ["rate 1", 1, "b"], ["rate 2", 0, "c"]]
    assert tables[1]["box_ap"].tolist() == pytest.approx([0.45, 0.47, 0.7])


def test_what_varies_is_numbers_or_texts():
    assert in_column([1, 2.5]) == [1, 2.5]
    assert in_column([None, 0.999]) == ["None", "0.999"]
    assert in_column([float("nan"), 0.999]) == ["None", "0.999"]
    assert in_column([True, False]) == ["True", "False"]
    assert in_column(["None", 1e-05]) == ["None", "1e-05"]


def test_none_is_in_the_tables():
    points = [point.model_copy(update={"values": {"k": v}}) for point, v in zip(POINTS, (None, 0.9), strict=True)]
    metrics = {name: {"box": {"AP": 0.1}, "mask": None, "scores": {}} for name in SCORES}
    totals = {name: mean(scores) for name, scores in SCORES.items()}
    tables = ablation_tables(points, points[0], "box_ap", totals, metrics, dict.fromkeys(SCORES), 10, 20)
    assert [table["k"].tolist() for table in tables] == [["None", "0.9"], ["None", "None", "0.9"]]


@pytest.mark.parametrize("metric", ["box_ap", "voc2010"])
def test_points_are_compared_by_their_totals_not_by_the_files_numbers(metric):
    """The files' are of all categories, the totals of those that no point drops: here they say the contrary."""
    of_all = {"a": 0.9, "b": 0.9, "c": 0.3}
    metrics = {
        name: {"box": {"AP": value}, "mask": None, "scores": {each: {"mean": value} for each in ("box_ap", "voc2010")}}
        for name, value in of_all.items()
    }
    totals = {name: mean(scores) for name, scores in SCORES.items()}
    by_point, by_seed = ablation_tables(
        *(POINTS, POINTS[0], metric, totals, metrics, dict.fromkeys(SCORES), 10, 100),
    )
    assert by_point[metric].tolist() == pytest.approx([0.46, 0.7])
    assert by_point["box_AP"].tolist() == pytest.approx([0.9, 0.3])
    assert by_point["difference"][1] == pytest.approx(0.24)
    assert by_point["difference_low"][1] < 0.24 < by_point["difference_high"][1]
    assert by_seed[metric].tolist() == pytest.approx([0.45, 0.47, 0.7])
