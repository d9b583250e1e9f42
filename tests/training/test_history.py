"""history.csv, and the lines that tell how a training goes."""

import csv
import logging
import re

import pytest

from podium.report.plots import read_history
from podium.training.history import Progress, write_history

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


@pytest.fixture
def lines(caplog, monkeypatch):
    """What is logged, where standard error is no terminal and the clock is the test's."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    clock = {"now": 100.0}
    monkeypatch.setattr("podium.training.history.time.monotonic", lambda: clock["now"])
    caplog.set_level(logging.INFO)
    return caplog, clock


def row(iteration, **more):
    return {"iteration": iteration, "lr": 0.01, "loss": 1.5} | more


def test_a_plain_line_now_and_then_with_rate_and_time_left(lines):
    log, clock = lines
    progress = Progress(40, 1000, "detector", period=20.0)
    for iteration in range(41, 66):
        clock["now"] += 1.5
        progress.show(row(iteration))
    progress.close()
    # Fourteen iterations of 1.5 s are the first to take 20 s; 946 are left then.
    assert [record.message for record in log.records] == ["detector 54/1000 lr 0.01 loss 1.5 | 1.50 s/it, 0:23:39 left"]


def test_every_validation_has_its_line(lines):
    log, _ = lines
    progress = Progress(0, 10, "segmenter")
    for iteration in range(1, 11):
        progress.show(row(iteration, **({"val_mean_iou": iteration / 10} if iteration % 5 == 0 else {})))
    assert [re.sub(r" \|.*", "", record.message) for record in log.records] == [
        "segmenter 5/10 lr 0.01 loss 1.5 val_mean_iou 0.5",
        "segmenter 10/10 lr 0.01 loss 1.5 val_mean_iou 1",
    ]
