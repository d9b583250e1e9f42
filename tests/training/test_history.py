"""history.csv."""

import csv

from podium.report.plots import read_history
from podium.training.history import write_history

ROWS = [
    {"iteration": 1, "lr": 0.1, "loss": 2.5},
    {"iteration": 2, "lr": 1 / 3, "loss": 1e-12, "val_AP": 0.25},
    {"iteration": 3, "lr": 0.1, "loss": 2.0, "val_AP50": 1.0},
]


def test_columns_are_those_of_all_rows_and_cells_without_a_value_are_empty(tmp_path):
    write_history(tmp_path / "history.csv", ROWS)
    with (tmp_path / "history.csv").open(newline="") as file:
        header, *cells = csv.reader(file)
    assert header == ["iteration", "lr", "loss", "val_AP", "val_AP50"]
    assert [row[3:] for row in cells] == [["", ""], ["0.25", ""], ["", "1.0"]]


def test_numbers_are_read_back_to_the_last_bit(tmp_path):
    write_history(tmp_path / "history.csv", ROWS)
    read = read_history(tmp_path / "history.csv")
    for name in ("iteration", "lr", "loss"):
        assert read[name].tolist() == [row[name] for row in ROWS]
