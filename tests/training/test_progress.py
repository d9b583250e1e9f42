"""The lines that tell how a training goes."""

import logging
import re

import pytest

from podium.training.progress import Progress


@pytest.fixture
def lines(caplog, monkeypatch):
    """What is logged, where standard error is no terminal and the clock is the test's."""
    monkeypatch.setattr("sys.stderr.isatty", lambda: False, raising=False)
    clock = {"now": 100.0}
    monkeypatch.setattr("podium.training.progress.time.monotonic", lambda: clock["now"])
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
