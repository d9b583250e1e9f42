"""Range tests of losses whose course is known by hand, and of the smallest real models."""

import math
import os
import signal

import numpy as np
import pytest
import torch

from podium.config.solver import Solver
from podium.training.detection import detection_task
from podium.training.range_test import HIGH, ITERATIONS, LOW, Suggestion, in_words, range_test, rising_rate, smoothed
from podium.training.segmentation import segmentation_task
from podium.training.signals import Interrupted

from .one_weight import OneWeight
from .tiny import detection, draw_dataset, segmentation

SOLVER = Solver(
    base_lr=0.02,
    momentum=0.0,
    weight_decay=0.0,
    max_iter=5,
    schedule="steps",
    steps=[2],
    heads_only_iters=3,
    ema_decay=0.5,
    patience=1,
    eval_period=1,
)
RATES = LOW * (HIGH / LOW) ** (np.arange(ITERATIONS) / (ITERATIONS - 1))


class Bowl(OneWeight):
    """The loss is 1 + curvature w² / 2, from w = 1: gradient descent multiplies w by 1 - rate times curvature."""

    heads = ("weight",)

    def __init__(self, curvature, stop_at=None):
        super().__init__(begin=1.0)
        self.curvature, self.stop_at, self.seen = curvature, stop_at, 0

    def losses(self, model, batch):
        self.seen += 1
        if self.seen == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return {"loss_bowl": 1 + self.curvature * model(batch).square().mean() / 2}

    def predict(self, model, rank, world):
        raise AssertionError("a range test validates nothing")

    metrics = predict


def course(curvature):
    """Return the losses of all iterations, computed by hand."""
    weight, found = 1.0, []
    for rate in RATES:
        found.append(1 + curvature * weight**2 / 2)
        weight *= 1 - rate * curvature
    return np.array(found)


def test_the_rate_rises_by_one_factor_from_low_to_high():
    solver = SOLVER.model_copy(update={"max_iter": ITERATIONS})
    found = [rising_rate(solver, iteration) for iteration in range(ITERATIONS)]
    assert found == pytest.approx(RATES, rel=1e-12)
    assert (found[0], found[-1]) == (1e-6, 1.0)
    factors = np.array(found[1:]) / found[:-1]
    assert factors == pytest.approx(np.full(99, factors[0]))


def test_the_losses_are_those_of_the_rising_rate_until_they_diverge(tmp_path):
    """Of curvature 50: beyond a rate of 2 / 50 the weight grows."""
    rows, suggestion = range_test(Bowl(50.0), SOLVER, seed=0, state_file=tmp_path / "state.pt")
    expected = course(50.0)
    assert [row["iteration"] for row in rows] == list(range(1, len(rows) + 1))
    assert [row["lr"] for row in rows] == pytest.approx(RATES[: len(rows)])
    assert [row["loss"] for row in rows] == pytest.approx(expected[: len(rows)], rel=1e-3)
    assert [row["smoothed"] for row in rows] == pytest.approx(smoothed(expected[: len(rows)]), rel=1e-3)
    # Ended where the smoothed loss first was four times its lowest.
    curves = [smoothed(expected[:end]) for end in range(1, ITERATIONS + 1)]
    ends = [end for end, curve in enumerate(curves, start=1) if curve[-1] > 4 * curve.min()]
    assert len(rows) == ends[0] < ITERATIONS
    assert rows[-1]["lr"] > 2 / 50

    # By hand: the loss falls fastest before the rate of 1 / 50, at which one step leads to the lowest loss, 1.
    fastest = RATES[np.argmin(np.diff(expected[: len(rows)]))]
    assert fastest < 1 / 50
    assert abs(math.log10(suggestion.steepest / fastest)) < 0.2
    assert expected[np.argmin(np.abs(RATES - suggestion.lowest))] == pytest.approx(1.0)
    assert suggestion.lowest > suggestion.steepest
    assert suggestion.tenth == pytest.approx(suggestion.lowest / 10)


def test_a_loss_that_is_not_finite_ends_the_test_and_not_the_job(tmp_path):
    class Wall(Bowl):
        def losses(self, model, batch):
            return {"loss": super().losses(model, batch)["loss_bowl"] / (1.0 if self.seen < 61 else 0.0)}

    rows, suggestion = range_test(Wall(50.0), SOLVER, seed=0, state_file=tmp_path / "state.pt")
    assert [row["iteration"] for row in rows] == list(range(1, 61))
    assert suggestion is not None
    assert all(math.isfinite(row["loss"]) for row in rows)


def test_a_loss_that_never_falls_gives_no_suggestion(tmp_path):
    rows, suggestion = range_test(Bowl(1e-3), SOLVER, seed=0, state_file=tmp_path / "state.pt")
    assert len(rows) == ITERATIONS
    assert suggestion is None
    assert in_words(rows, suggestion, 0.02) == [
        "The loss falls at no rate clearly enough for a suggestion; base_lr is 0.02."
    ]


@pytest.mark.parametrize("stop_at", [5, 20, 37, 66])
def test_an_interrupted_test_goes_on_and_finds_the_same(stop_at, tmp_path):
    whole = range_test(Bowl(50.0), SOLVER, seed=0, state_file=tmp_path / "whole.pt")
    with pytest.raises(Interrupted):
        range_test(Bowl(50.0, stop_at=stop_at), SOLVER, seed=0, state_file=tmp_path / "state.pt")
    assert range_test(Bowl(50.0), SOLVER, seed=0, state_file=tmp_path / "state.pt") == whole


def test_smoothing_keeps_constants_and_hardly_sees_an_outlier():
    assert smoothed([2.0] * 30) == pytest.approx(np.full(30, 2.0))
    once = smoothed([2.0] * 15 + [8.0] + [2.0] * 14)
    # The weight of the middle of a Gaussian of three iterations, by its density: 1 / (3 sqrt(2 pi)) = 0.133.
    assert once.max() == pytest.approx(2.0 * 4**0.133, rel=1e-3)
    assert len(smoothed([])) == 0
    assert smoothed([0.0, 0.0]) == pytest.approx([0.0, 0.0])


@pytest.mark.parametrize(
    ("base_lr", "judged"),
    [
        (0.02, "base_lr is 0.02, which agrees with them."),
        (0.0005, "base_lr is 0.0005, 20.0 times lower than both: training may take longer than it must."),
        (0.5, "base_lr is 0.5, 10.0 times higher than both: training may diverge or need a warm-up."),
    ],
)
def test_what_is_found_is_told_beside_base_lr(base_lr, judged):
    rows = [{"lr": rate} for rate in RATES]
    told = in_words(rows, Suggestion(steepest=0.05, lowest=0.1), base_lr)
    assert told == [
        "The loss falls most steeply at a learning rate of 0.05; it is lowest at 0.1, a tenth of which is 0.01.",
        judged,
    ]
    assert in_words(rows[:-9], None, base_lr)[0] == "The loss diverges at a learning rate of 0.28."


def test_real_models_are_tested_by_their_own_tasks(tmp_path, monkeypatch):
    monkeypatch.setattr("podium.training.range_test.ITERATIONS", 6)
    dataset = draw_dataset(tmp_path / "dataset")
    split = {"train": [1, 2, 3, 4], "val": [5, 6]}
    for name, task, settings in (
        ("detector", detection_task(dataset, split, detection(), 100), detection()),
        ("segmenter", segmentation_task(dataset, split, segmentation()), segmentation()),
    ):
        before = {key: value.clone() for key, value in task.model.state_dict().items()}
        rows, _ = range_test(task, settings.solver, seed=0, state_file=tmp_path / f"{name}.pt")
        assert [row["lr"] for row in rows] == pytest.approx(LOW * 10 ** (6 / 5 * np.arange(len(rows))))
        assert len(rows) >= 5 and all(row["loss"] > 0 for row in rows)
        assert any(not torch.equal(before[key], value) for key, value in task.model.state_dict().items())
