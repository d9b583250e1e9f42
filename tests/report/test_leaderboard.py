import pytest

from podium.errors import PodiumError
from podium.report.leaderboard import leaderboard_section

DASH = "\u2013"


def row(number, validation="", cross_fitted="", public="", private=""):
    return {
        **{"time": "", "sha256": f"{number}{'f' * 63}", "experiment": f"run{number}", "ref": str(number)},
        **{"validation_score": validation, "cross_fitted_score": cross_fitted, "local_test_score": ""},
        **{"public_score": public, "private_score": private},
    }


# By hand. Public: deviations -0.15 -0.05 0.05 0.15 and -0.15 0.05 -0.05 0.15, Pearson 0.04 / 0.05 = 0.8; ranks the
# same. Private: 0.125 / sqrt(0.05 * 0.3875) = 0.898, ranks in order. Cross-fitted: two points are too few.
ROWS = [
    row(1, "0.1", "", "0.1", "0.1"),
    row(2, "0.2", "0.3", "0.3", "0.2"),
    row(3, "0.3", "", "0.2", "0.3"),
    row(4, "0.4", "0.2", "0.4", "0.9"),
    row(5, "0.9"),
    row(6, "", "", "0.95", "0.05"),
]


def tables(rows):
    return {block.caption.split()[0]: block.rows for block in leaderboard_section(rows).blocks if block.kind == "table"}


def test_correlations_are_those_worked_out_by_hand():
    assert tables(ROWS)["Correlation"] == [
        ["validation score", "public score", "4", "0.800", "0.800"],
        ["validation score", "private score", "4", "0.898", "1.000"],
        ["cross fitted score", "public score", "2", DASH, DASH],
        ["cross fitted score", "private score", "2", DASH, DASH],
    ]


def test_the_best_by_each_and_what_choosing_by_it_has_cost():
    """Costs count among uploads that have both scores: the fifth has none, the sixth no local one."""
    best = tables(ROWS)["The"]
    assert [each[:2] for each in best] == [
        ["validation score", "run5 5fffff"],
        ["cross fitted score", "run2 2fffff"],
        ["public score", "run6 6fffff"],
        ["private score", "run4 4fffff"],
    ]
    assert best[0][2:] == ["0.90000", DASH, DASH, DASH, "0.00000", "0.00000"]
    assert best[1][2:] == ["0.20000", "0.30000", "0.30000", "0.20000", "0.10000", "0.70000"]
    assert best[2][2:] == [DASH, DASH, "0.95000", "0.05000", "0.00000", "0.85000"]
    assert best[3][-2:] == ["0.55000", "0.00000"]


def test_what_is_missing_is_counted():
    (said,) = [block.text for block in leaderboard_section(ROWS).blocks if block.kind == "text"]
    assert "validation score: 1, cross fitted score: 4, public score: 1, private score: 1" in said
    complete = [row(number, f"0.{number}", f"0.{number}", f"0.{number}", f"0.{number}") for number in (1, 2, 3)]
    assert [block.kind for block in leaderboard_section(complete).blocks] == ["plot", "table", "table"]
    assert all(each[2:] == ["3", "1.000", "1.000"] for each in tables(complete)["Correlation"])


def test_every_point_has_its_name_in_the_plot():
    plot = next(block for block in leaderboard_section(ROWS).blocks if block.kind == "plot")
    # Against validation four uploads of two scores each, against the cross-fitted score two.
    assert [plot.svg.count(f">run{number}") for number in range(1, 7)] == [2, 4, 2, 4, 0, 0]


def test_equal_scores_have_no_correlation():
    rows = [row(number, "0.5", "", f"0.{number}") for number in (1, 2, 3)]
    assert tables(rows)["Correlation"][0][2:] == ["3", DASH, DASH]


def test_without_leaderboard_scores_there_is_no_such_part():
    assert leaderboard_section([row(1, "0.5", "0.4")]) is None
    assert leaderboard_section([]) is None


def test_a_public_score_alone_is_shown_without_a_plot():
    section = leaderboard_section([row(1, public="0.5")])
    assert [block.kind for block in section.blocks] == ["table", "table", "text"]


def test_a_cell_that_is_no_number():
    with pytest.raises(PodiumError, match=r"record ref 3, key public_score: '0,5' is no number"):
        leaderboard_section([row(3, "0.5", "", "0,5")])
