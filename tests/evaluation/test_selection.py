import numpy as np
import pytest

from podium.errors import PodiumError
from podium.evaluation.selection import select
from podium.evaluation.totals import mean


def chosen(**scores: list[float]) -> dict:
    totals = {name: mean(values) for name, values in scores.items()}
    return select("detection", "box_ap", totals, len(next(iter(scores.values()))), 200)


def test_the_highest_wins_and_the_record_says_why():
    record = chosen(low=[0.1, 0.3], high=[0.6, 0.4], middle=[0.3, 0.3])
    assert (record["station"], record["experiment"], record["metric"]) == ("detection", "high", "box_ap")
    assert record["value"] == pytest.approx(0.5)
    assert [each["experiment"] for each in record["candidates"]] == ["high", "middle", "low"]
    assert [each["value"] for each in record["candidates"]] == pytest.approx([0.5, 0.3, 0.2])
    assert record["ties"] == []
    assert record["rule"] == "the highest box_ap on validation among 3 candidates, of equal ones the first"
    # In every resample the best is better: by 0.1 to 0.5 than the worst.
    worst = record["candidates"][-1]
    assert (worst["low"], worst["high"], worst["above"]) == (pytest.approx(-0.5), pytest.approx(-0.1), 0.0)


def test_of_equal_ones_the_first_wins_and_the_others_are_told():
    record = chosen(first=[0.5, 0.5], second=[0.4, 0.6], third=[0.1, 0.1])
    assert (record["experiment"], record["ties"]) == ("first", ["second"])


def test_what_is_not_defined_never_wins():
    nan = float("nan")
    record = chosen(broken=[nan, nan], whole=[0.0, 0.0])
    assert record["experiment"] == "whole"
    assert record["candidates"][1] == {"experiment": "broken", "value": None, "low": None, "high": None, "above": None}
    with pytest.raises(PodiumError, match="box_ap is not defined for any of 1 candidates on the 2 validation images"):
        chosen(broken=[nan, nan])


def test_one_candidate_is_a_choice():
    assert chosen(only=[0.2])["candidates"] == [{"experiment": "only", "value": np.float64(0.2)}]
