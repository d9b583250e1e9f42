"""The loop itself, with models so small that their course is known by hand, and signals of the system."""

import csv
import math
import os
import signal
from itertools import pairwise

import pytest
import torch
from torch import nn

from podium.config.solver import Solver
from podium.errors import PodiumError
from podium.training.history import write_history
from podium.training.loop import fit, kept_iteration
from podium.training.schedule import learning_rate
from podium.training.signals import Interrupted
from podium.training.state import load_state


class Slope:
    """One weight, whose gradient is `slope` in every iteration; metrics come from a function of the iterations done."""

    monitor = "value"

    def __init__(self, begin=0.0, slope=1.0, metric=lambda done: float(done)):
        self.model = nn.Linear(1, 1, bias=False)
        nn.init.constant_(self.model.weight, begin)
        self.samples, self.slope, self.metric = self, slope, metric
        self.trained = self.validated = 0

    def __len__(self):
        return 3

    def draw(self, index, rng):
        return torch.ones(1)

    def collate(self, samples):
        return torch.stack(samples)

    def losses(self, model, batch):
        self.trained += 1
        value = model(batch).mean()
        return {"loss_half": self.slope * value / 2, "loss_rest": self.slope * value / 2}

    def validate(self, model):
        assert not model.training
        self.validated += 1
        return {"value": self.metric(self.trained), "weight": model.weight.item()}


def solver(**settings):
    defaults = {"base_lr": 0.25, "momentum": 0.0, "weight_decay": 0.0, "max_iter": 6, "eval_period": 1}
    return Solver.model_validate(defaults | settings)


def weight(weights):
    return weights["weight"].item()


@pytest.mark.parametrize(
    "schedule",
    [
        {"schedule": "constant", "warmup_iters": 3, "warmup_factor": 0.1},
        {"schedule": "steps", "steps": [4, 7], "warmup_iters": 2},
        {"schedule": "cosine", "warmup_iters": 3},
        {"schedule": "one_cycle"},
    ],
    ids=lambda schedule: schedule["schedule"],
)
def test_the_rates_that_move_the_weights_are_the_schedules_and_the_historys(schedule, tmp_path):
    settings = solver(max_iter=10, checkpoint_period=4, keep="last", **schedule)
    _, state = fit(Slope(), settings, seed=0, state_file=tmp_path / "state.pt")
    weights = [0.0, *(row["val_weight"] for row in state.history)]
    # With a gradient of one, plain gradient descent lowers the weight by the rate.
    applied = [before - after for before, after in pairwise(weights)]
    assert [row["lr"] for row in state.history] == [learning_rate(settings, iteration) for iteration in range(10)]
    assert applied == pytest.approx([row["lr"] for row in state.history], abs=1e-6)


def test_rates_are_right_after_a_continuation(tmp_path):
    """Loading an optimiser's state replaces its groups: the rate must be set on the new ones."""
    settings = solver(max_iter=8, schedule="one_cycle", momentum=0.5, keep="last")

    def stop_at_five(done):
        if done == 5:
            os.kill(os.getpid(), signal.SIGTERM)
        return float(done)

    whole, _ = fit(Slope(), settings, seed=0, state_file=tmp_path / "whole.pt")
    with pytest.raises(Interrupted):
        fit(Slope(metric=stop_at_five), settings, seed=0, state_file=tmp_path / "state.pt")
    continued, state = fit(Slope(), settings, seed=0, state_file=tmp_path / "state.pt")
    assert weight(continued) == weight(whole)
    assert [row["iteration"] for row in state.history] == list(range(1, 9))


def test_history_has_a_row_an_iteration_with_the_parts_of_the_loss(tmp_path):
    _, state = fit(Slope(begin=2.0), solver(max_iter=5, eval_period=2), seed=0, state_file=tmp_path / "state.pt")
    # The weight is 2, 1.75, 1.5, 1.25, 1 before each iteration, and the loss is the weight.
    assert [row["loss"] for row in state.history] == [2.0, 1.75, 1.5, 1.25, 1.0]
    assert [row["loss_half"] for row in state.history] == [1.0, 0.875, 0.75, 0.625, 0.5]
    assert [row["iteration"] for row in state.history] == [1, 2, 3, 4, 5]
    assert [row.get("val_weight") for row in state.history] == [None, 1.5, None, 1.0, 0.75]

    write_history(tmp_path / "history.csv", state.history)
    with (tmp_path / "history.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == ["iteration", "lr", "loss", "loss_half", "loss_rest", "val_value", "val_weight"]
    assert [row["val_weight"] for row in rows] == ["", "1.5", "", "1.0", "0.75"]
    assert [float(row["loss"]) for row in rows] == [2.0, 1.75, 1.5, 1.25, 1.0]


def test_history_without_iterations_is_a_header(tmp_path):
    write_history(tmp_path / "history.csv", [])
    assert (tmp_path / "history.csv").read_text() == "iteration,lr,loss\n"


@pytest.mark.parametrize(("eval_period", "validations"), [(1, 7), (3, 3), (7, 1), (100, 1)])
def test_validated_every_period_and_at_the_end(eval_period, validations, tmp_path):
    task = Slope()
    fit(task, solver(max_iter=7, eval_period=eval_period), seed=0, state_file=tmp_path / "state.pt")
    assert task.validated == validations


def test_saved_every_checkpoint_period_and_at_the_end(tmp_path):
    file, saved = tmp_path / "state.pt", []

    def look(done):
        found = load_state(file)
        saved.append(found[0].iteration if found else None)
        return 0.0

    settings = solver(max_iter=8, checkpoint_period=3)
    fit(Slope(metric=look), settings, seed=0, state_file=file)
    # Looked at in each validation, which comes before the save of the same iteration.
    assert saved == [None, None, None, 3, 3, 3, 6, 6]
    assert load_state(file)[0].iteration == 8


def test_long_stretches_without_validation_or_save_lose_no_row(tmp_path):
    settings = solver(max_iter=53, eval_period=100, checkpoint_period=100)
    _, state = fit(Slope(), settings, seed=0, state_file=tmp_path / "state.pt")
    assert [row["iteration"] for row in state.history] == list(range(1, 54))
    assert [row["loss"] for row in state.history] == [-0.25 * iteration for iteration in range(53)]


METRICS = {1: 0.1, 2: 0.7, 3: 0.3, 4: 0.7, 5: 0.2, 6: None}


def test_the_best_weights_are_the_first_that_reached_the_highest_metric(tmp_path):
    best, state = fit(Slope(metric=METRICS.get), solver(keep="best"), seed=0, state_file=tmp_path / "best.pt")
    assert (weight(best), state.best.value, state.best.iteration) == (-0.5, 0.7, 2)
    assert kept_iteration(state, solver(keep="best")) == 2
    assert "val_value" not in state.history[5]

    last, state = fit(Slope(metric=METRICS.get), solver(keep="last"), seed=0, state_file=tmp_path / "last.pt")
    assert weight(last) == -1.5
    assert kept_iteration(state, solver(keep="last")) == 6


def test_without_any_defined_metric_the_latest_weights_are_the_best(tmp_path):
    best, state = fit(Slope(metric=lambda done: None), solver(), seed=0, state_file=tmp_path / "state.pt")
    assert (weight(best), state.best.iteration) == (-1.5, 6)


def test_a_measured_metric_beats_an_undefined_one(tmp_path):
    metrics = {1: None, 2: 0.0, 3: None, 4: None, 5: None, 6: None}
    best, _ = fit(Slope(metric=metrics.get), solver(), seed=0, state_file=tmp_path / "state.pt")
    assert weight(best) == -0.5


def test_a_finished_run_is_not_run_again(tmp_path):
    first, _ = fit(Slope(metric=METRICS.get), solver(), seed=0, state_file=tmp_path / "state.pt")
    again = Slope(metric=METRICS.get)
    second, state = fit(again, solver(), seed=0, state_file=tmp_path / "state.pt")
    assert again.trained == again.validated == 0
    assert weight(second) == weight(first)
    assert len(state.history) == 6


@pytest.mark.parametrize("keep", ["best", "last"])
def test_no_iterations_leave_the_initial_weights(keep, tmp_path):
    task = Slope(begin=0.625)
    weights, state = fit(task, solver(max_iter=0, keep=keep), seed=0, state_file=tmp_path / "state.pt")
    assert weight(weights) == 0.625
    assert state.history == []
    assert kept_iteration(state, solver(max_iter=0, keep=keep)) == 0
    assert task.trained == 0


@pytest.mark.parametrize(("slope", "step"), [(100.0, 0.5), (1.0, 0.25)])
def test_gradients_are_clipped_to_the_norm(slope, step, tmp_path):
    settings = solver(max_iter=1, clip_norm=2.0)
    weights, _ = fit(Slope(slope=slope), settings, seed=0, state_file=tmp_path / "state.pt")
    assert weight(weights) == pytest.approx(-step, rel=1e-5)


class Root(Slope):
    """The loss is the root of the weight: not a number below zero, and of an infinite gradient at zero."""

    def losses(self, model, batch):
        self.trained += 1
        return {"loss": model(batch).mean().sqrt()}


def test_a_loss_that_is_not_finite_stops_with_the_last_good_state(tmp_path):
    file = tmp_path / "state.pt"
    settings = solver(base_lr=0.5, max_iter=9, checkpoint_period=1, keep="last")
    # 1 - 0.5 / (2 sqrt 1) = 0.75; 0.75 - 0.5 / (2 sqrt 0.75) = 0.4613; then 0.0933, then -0.73: the fifth loss is none.
    with pytest.raises(PodiumError) as caught:
        fit(Root(begin=1.0), settings, seed=0, state_file=file)
    assert "the loss is not finite at iteration 5" in str(caught.value)
    assert caught.value.key == "solver.base_lr"
    assert "0.5" in caught.value.mend
    state, parts = load_state(file)
    assert state.iteration == 4
    assert [row["iteration"] for row in state.history] == [1, 2, 3, 4]
    assert all(math.isfinite(row["loss"]) for row in state.history)
    assert parts["model"]["weight"].item() == pytest.approx(-0.725, abs=0.01)

    # The state can be gone on with by a task that has a loss there.
    weights, state = fit(Slope(), settings, seed=0, state_file=file)
    assert weight(weights) == pytest.approx(parts["model"]["weight"].item() - 5 * 0.5)
    assert [row["iteration"] for row in state.history] == list(range(1, 10))


def test_weights_that_are_not_finite_are_never_saved_nor_kept(tmp_path):
    """A finite loss may have a gradient that is not: here the first loss is 0 and its gradient infinite."""
    file = tmp_path / "state.pt"
    with pytest.raises(PodiumError, match="weight is not finite after iteration 1"):
        fit(Root(begin=0.0), solver(max_iter=1, checkpoint_period=1), seed=0, state_file=file)
    assert not file.exists()


@pytest.mark.parametrize("name", ["SIGTERM", "SIGUSR1", "SIGINT"])
def test_a_signal_in_an_iteration_saves_after_it(name, tmp_path):
    class Signalled(Slope):
        def losses(self, model, batch):
            if self.trained == 3:
                os.kill(os.getpid(), getattr(signal, name))
            return super().losses(model, batch)

    before = signal.getsignal(getattr(signal, name))
    file = tmp_path / "state.pt"
    settings = solver(max_iter=30, eval_period=100, checkpoint_period=100)
    with pytest.raises(Interrupted, match=f"{name}: the state after 4 iterations is in .*state.pt"):
        fit(Signalled(), settings, seed=0, state_file=file)
    assert load_state(file)[0].iteration == 4
    assert signal.getsignal(getattr(signal, name)) is before


def test_a_signal_during_validation_is_obeyed_after_the_next_iteration_with_a_saved_state(tmp_path):
    def metric(done):
        if done == 4:
            os.kill(os.getpid(), signal.SIGTERM)
        return float(done)

    file = tmp_path / "state.pt"
    settings = solver(max_iter=30, eval_period=2, checkpoint_period=100)
    with pytest.raises(Interrupted, match="the state after 5 iterations"):
        fit(Slope(metric=metric), settings, seed=0, state_file=file)
    state, _ = load_state(file)
    assert state.iteration == 5
    assert state.best.iteration == 4


def test_a_signal_during_the_last_validation_does_not_spoil_a_finished_run(tmp_path):
    def metric(done):
        os.kill(os.getpid(), signal.SIGTERM)
        return 1.0

    settings = solver(max_iter=3, eval_period=100)
    weights, state = fit(Slope(metric=metric), settings, seed=0, state_file=tmp_path / "state.pt")
    assert weight(weights) == -0.75
    assert state.iteration == 3


@pytest.mark.parametrize(("precision", "kind"), [("bf16-mixed", torch.bfloat16), ("16-mixed", torch.float16)])
def test_mixed_precision_keeps_weights_of_32_bits(precision, kind, tmp_path):
    task, computed = Slope(begin=1.0, slope=0.25), []  # 16 bits hold it times 65536
    task.model.register_forward_hook(lambda module, inputs, output: computed.append(output.dtype))
    weights, _ = fit(task, solver(precision=precision), seed=0, state_file=tmp_path / "state.pt")
    assert set(computed) == {kind}
    assert weights["weight"].dtype == torch.float32
    assert weight(weights) == pytest.approx(1 - 6 * 0.25 * 0.25)


def test_the_scale_of_16_bits_is_part_of_the_state(tmp_path):
    """Gradients are scaled by a number that grows after 2000 good steps, counted in the state."""
    settings = solver(max_iter=4, precision="16-mixed")
    fit(Slope(slope=0.25), settings, seed=0, state_file=tmp_path / "state.pt")
    _, parts = load_state(tmp_path / "state.pt")
    assert parts["scaler"]["_growth_tracker"] == 4
    fit(Slope(slope=0.25), solver(max_iter=6, precision="16-mixed"), seed=0, state_file=tmp_path / "state.pt")
    _, parts = load_state(tmp_path / "state.pt")
    assert parts["scaler"]["_growth_tracker"] == 6
