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
from podium.training.finite import Diverged
from podium.training.history import write_history
from podium.training.loop import fit, kept_iteration
from podium.training.order import seed_part
from podium.training.schedule import learning_rate
from podium.training.signals import Interrupted
from podium.training.state import load_state, save_state

from .one_weight import OneWeight


class Slope(OneWeight):
    """One weight, whose gradient is `slope` in every iteration; metrics come from a function of the iterations done."""

    heads = ("weight",)

    def __init__(self, begin=0.0, slope=1.0, metric=lambda done: float(done)):
        super().__init__(begin)
        self.slope, self.metric = slope, metric
        self.trained = self.validated = 0

    def losses(self, model, batch):
        self.trained += 1
        value = model(batch).mean()
        return {"loss_half": self.slope * value / 2, "loss_rest": self.slope * value / 2}

    def predict(self, model, rank, world):
        assert not model.training
        yield from super().predict(model, rank, world)

    def metrics(self, found):
        self.validated += 1
        return {"value": self.metric(self.trained), "weight": found[0]}


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
    # Looked at in each validation, before which is saved what is due then.
    assert saved == [None, None, 3, 3, 3, 6, 6, 8]
    assert load_state(file)[0].iteration == 8


def test_a_validation_that_dies_loses_nothing_and_is_done_first_when_the_run_goes_on(tmp_path):
    def die(done):
        if done == 6:
            raise MemoryError
        return METRICS[done]

    settings, file = solver(max_iter=6, checkpoint_period=6, eval_period=2), tmp_path / "state.pt"
    whole, expected = fit(Slope(metric=METRICS.get), settings, seed=0, state_file=tmp_path / "whole.pt")
    first, second = Told(), Told()
    with pytest.raises(MemoryError):
        fit(Slope(metric=die), settings, seed=0, state_file=file, trackers=[first])
    state, _ = load_state(file)
    assert (state.iteration, state.validated, state.best.iteration) == (6, 4, 2)
    task = Slope(metric=lambda done: METRICS[6])
    weights, state = fit(task, settings, seed=0, state_file=file, trackers=[second])
    assert (task.trained, task.validated, load_state(file)[0].validated) == (0, 1, 6)
    assert state.history == expected.history == first.rows + second.rows
    assert weight(weights) == weight(whole)


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


def test_the_time_of_all_runs_is_in_the_state(tmp_path):
    file = tmp_path / "state.pt"
    fit(Slope(), solver(max_iter=3), seed=0, state_file=file)
    state, parts = load_state(file)
    assert 0 < state.seconds < 60
    state.seconds = 3600.0
    save_state(file, state, **parts)
    fit(Slope(), solver(max_iter=6), seed=0, state_file=file)
    assert 3600 < load_state(file)[0].seconds < 3660


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


def test_a_gradient_that_overflows_in_16_bits_is_skipped_and_no_divergence(tmp_path):
    """The first scale, 65536, is halved at each overflow until 4 times it is a number of 16 bits."""
    settings = solver(max_iter=9, eval_period=9, precision="16-mixed")
    weights, state = fit(Slope(slope=4.0), settings, seed=0, state_file=tmp_path / "state.pt")
    skipped = sum(row["loss"] == 0 for row in state.history) - 1
    assert 1 <= skipped <= 4
    assert weight(weights) == pytest.approx(-0.25 * 4 * (9 - skipped))


class Drawing(Slope):
    """The loss of a part is a number drawn for it."""

    def losses(self, model, batch):
        return {"loss_drawn": model(batch).mean() * 0 + torch.rand(()) + len(batch)}


@pytest.mark.parametrize("accumulate", [1, 2, 3])
def test_each_part_draws_numbers_of_its_own_and_losses_are_means_over_the_parts(accumulate, tmp_path):
    settings = solver(max_iter=3, ims_per_batch=6, accumulate=accumulate)
    _, state = fit(Drawing(), settings, seed=4, state_file=tmp_path / "state.pt")
    for iteration, row in enumerate(state.history):
        drawn = []
        for part in range(accumulate):
            seed_part(4, iteration, part)
            drawn.append(torch.rand(()).item())
        assert len(set(drawn)) == accumulate
        assert row["loss"] == row["loss_drawn"] == pytest.approx(sum(drawn) / accumulate + 6 / accumulate)


def test_a_batch_in_parts_is_one_step_of_the_optimiser(tmp_path):
    task = Slope()
    settings = solver(max_iter=4, ims_per_batch=6, accumulate=3, eval_period=4)
    weights, state = fit(task, settings, seed=0, state_file=tmp_path / "state.pt")
    assert task.trained == 12
    assert weight(weights) == pytest.approx(-1.0)
    assert [row["loss"] for row in state.history] == pytest.approx([0.0, -0.25, -0.5, -0.75])


def test_a_batch_that_cannot_be_split(tmp_path):
    with pytest.raises(ValueError, match="a batch of 6 cannot be split into 4 equal parts"):
        solver(ims_per_batch=6, accumulate=4)
    with pytest.raises(ValueError, match="heads_only_iters 6 leaves no iteration for the rest: max_iter is 6"):
        solver(heads_only_iters=6)


def test_averaged_weights_are_validated_and_kept_in_place_of_the_last(tmp_path):
    settings = solver(max_iter=5, ema_decay=0.75, keep="last")
    weights, state = fit(Slope(), settings, seed=0, state_file=tmp_path / "state.pt")
    expected = [-0.25]
    for step in range(2, 6):
        expected.append(0.75 * expected[-1] + 0.25 * -0.25 * step)
    assert [row["val_weight"] for row in state.history] == pytest.approx(expected)
    assert weight(weights) == pytest.approx(expected[-1])
    # Training itself goes on with the raw ones.
    assert [row["loss"] for row in state.history] == [0.0, -0.25, -0.5, -0.75, -1.0]

    best, state = fit(Slope(metric=METRICS.get), solver(ema_decay=0.75), seed=0, state_file=tmp_path / "best.pt")
    assert (weight(best), state.best.iteration) == (pytest.approx(expected[1]), 2)


def test_an_average_never_holds_what_is_not_finite(tmp_path):
    settings = solver(base_lr=0.5, max_iter=9, checkpoint_period=1, ema_decay=0.5, keep="last")
    with pytest.raises(Diverged):
        fit(Root(begin=1.0), settings, seed=0, state_file=tmp_path / "state.pt")
    state, parts = load_state(tmp_path / "state.pt")
    assert state.iteration == 4
    assert math.isfinite(parts["average"]["module.weight"].item())


def test_a_divergence_is_found_in_its_iteration_and_tells_the_history_before_it(tmp_path):
    task = Root(begin=1.0)
    settings = solver(base_lr=0.5, max_iter=50, eval_period=50, checkpoint_period=50)
    with pytest.raises(Diverged) as caught:
        fit(task, settings, seed=0, state_file=tmp_path / "state.pt")
    assert task.trained == 5
    assert [row["iteration"] for row in caught.value.history] == [1, 2, 3, 4]
    assert [row["loss"] for row in caught.value.history] == pytest.approx([1, 0.8660, 0.6792, 0.3054], abs=1e-4)
    with pytest.raises(Diverged) as caught:
        fit(Root(begin=0.0), solver(), seed=0, state_file=tmp_path / "other.pt")
    assert caught.value.history == []


PATIENCE = [0.1, 0.7, 0.3, 0.7, 0.2, 0.9]


@pytest.mark.parametrize(("patience", "last"), [(1, 3), (2, 4), (3, 5), (4, 6)])
def test_training_ends_after_so_many_validations_without_a_better_one(patience, last, tmp_path):
    file = tmp_path / "state.pt"
    settings = solver(max_iter=12, eval_period=2, patience=patience, checkpoint_period=100)
    task = Slope(metric=lambda done: PATIENCE[done // 2 - 1])
    if patience == 4:
        # The best of all comes in time: the run goes on to its end.
        _, state = fit(task, settings, seed=0, state_file=file)
        assert (state.iteration, state.best.iteration) == (12, 12)
        return
    weights, state = fit(task, settings, seed=0, state_file=file)
    assert (state.iteration, len(state.history), state.best.iteration) == (2 * last, 2 * last, 4)
    assert state.history[-1]["val_value"] == PATIENCE[last - 1]
    assert weight(weights) == -1.0

    again = Slope(metric=lambda done: 100.0)
    weights, state = fit(again, settings, seed=0, state_file=file)
    assert again.trained == again.validated == 0
    assert (state.iteration, weight(weights)) == (2 * last, -1.0)


def test_a_metric_that_is_undefined_tries_no_patience(tmp_path):
    metrics = {2: 0.5, 3: None, 4: None, 5: 0.4}
    _, state = fit(Slope(metric=metrics.get), solver(max_iter=9, patience=1), seed=0, state_file=tmp_path / "state.pt")
    assert state.iteration == 5


def test_patience_gives_the_second_stage_its_chance(tmp_path):
    """The heads alone are at their best after 1 of 5 iterations; the rest is better than they after 8."""
    metrics = {1: 0.5, 8: 0.6}
    settings = solver(max_iter=20, patience=3, heads_only_iters=5)
    task = Ends(metric=lambda done: metrics.get(done, 0.4))
    _, state = fit(task, settings, seed=0, state_file=tmp_path / "state.pt")
    assert (state.best.iteration, state.iteration) == (8, 11)

    task = Ends(metric=lambda done: 0.5 if done == 1 else 0.4)
    _, state = fit(task, settings, seed=0, state_file=tmp_path / "other.pt")
    assert (state.best.iteration, state.iteration) == (1, 8)


class Ends(Slope):
    """With a parameter besides the heads'."""

    heads = ("1.",)

    def __init__(self, **settings):
        super().__init__(**settings)
        self.model = nn.Sequential(nn.Linear(1, 1), nn.Linear(1, 1))

    def predict(self, model, rank, world):
        yield model.module[1].weight.item()


class Staged:
    """A body with a batch norm and a frozen layer, and a head with a batch norm."""

    monitor, heads = "value", ("head.",)

    def __init__(self, stop_at=None):
        torch.manual_seed(1)
        body = nn.Sequential(nn.Linear(2, 3), nn.Tanh(), nn.BatchNorm1d(3), nn.Linear(3, 3), nn.Tanh())
        head = nn.Sequential(nn.BatchNorm1d(3), nn.Linear(3, 1))
        self.model = nn.Sequential()
        self.model.add_module("body", body)
        self.model.add_module("head", head)
        body[3].weight.requires_grad_(False)
        self.samples = self
        self.stop_at, self.done = stop_at, 0

    def __len__(self):
        return 5

    def draw(self, index, rng):
        return torch.from_numpy(rng.normal(size=2)).float()

    @staticmethod
    def collate(samples):
        return torch.stack(samples)

    def losses(self, model, batch):
        return {"loss_square": (model(batch) - 1).square().mean()}

    def predict(self, model, rank, world):
        self.done += 1
        if self.done == self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        yield {name: value.clone() for name, value in model.module.state_dict().items()}

    def metrics(self, found):
        self.seen = [*getattr(self, "seen", []), found[0]]
        return {"value": 0.0}


def changed(before, after):
    return {name for name in before if not torch.equal(before[name], after[name])}


STATISTICS = {"running_mean", "running_var", "num_batches_tracked"}


def test_the_heads_learn_alone_and_then_all_that_was_trainable(tmp_path):
    task = Staged()
    first = {name: value.clone() for name, value in task.model.state_dict().items()}
    settings = solver(max_iter=6, ims_per_batch=4, heads_only_iters=3, momentum=0.9, keep="last")
    fit(task, settings, seed=0, state_file=tmp_path / "state.pt")
    head = {"head.0.weight", "head.0.bias", "head.1.weight", "head.1.bias"} | {f"head.0.{name}" for name in STATISTICS}
    body = {"body.0.weight", "body.0.bias", "body.2.weight", "body.2.bias", "body.3.bias"}
    for seen in task.seen[:3]:
        assert changed(first, seen) == head
    assert changed(first, task.seen[3]) == head | body | {f"body.2.{name}" for name in STATISTICS}
    # Only the frozen layer was left as it was, and it is frozen still.
    assert {name for name, parameter in task.model.named_parameters() if not parameter.requires_grad} == {
        "body.3.weight"
    }
    assert torch.equal(task.model.body[2].num_batches_tracked, torch.tensor(3))


@pytest.mark.parametrize("stop_at", [1, 2, 3, 4])
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_a_run_goes_on_around_the_change_of_stages_as_if_nothing_had_happened(optimizer, stop_at, tmp_path):
    """Stopped after 2, 3, 4 and 5 iterations; after 3 the rest joins in."""
    settings = solver(
        max_iter=7, ims_per_batch=4, heads_only_iters=3, momentum=0.9, keep="last", ema_decay=0.5, accumulate=2
    ).model_copy(update={"optimizer": optimizer})
    whole, expected = fit(Staged(), settings, seed=0, state_file=tmp_path / "whole.pt")
    with pytest.raises(Interrupted, match=f"after {stop_at + 1} iterations"):
        fit(Staged(stop_at=stop_at + 1), settings, seed=0, state_file=tmp_path / "state.pt")
    found, state = fit(Staged(), settings, seed=0, state_file=tmp_path / "state.pt")
    assert state.history == expected.history
    assert not changed(whole, found)


def test_heads_that_the_model_does_not_have(tmp_path):
    task = Slope()
    task.heads = ("roi_heads.",)
    with pytest.raises(ValueError, match="nothing to train under roi_heads"):
        fit(task, solver(heads_only_iters=2), seed=0, state_file=tmp_path / "state.pt")


class Items(Slope):
    """Validated on five items; a signal comes at one of them."""

    def __init__(self, signalled=None, **settings):
        super().__init__(**settings)
        self.signalled, self.asked = signalled, []

    def predict(self, model, rank, world):
        for item in range(5):
            self.asked.append(item)
            if self.signalled == (self.trained, item):
                os.kill(os.getpid(), signal.SIGTERM)
            yield model.weight.item()


@pytest.mark.parametrize("moment", [(3, 0), (3, 2), (9, 4)])
def test_a_signal_in_a_validation_stops_it_and_it_is_done_first_when_the_run_goes_on(moment, tmp_path):
    settings = solver(max_iter=9, eval_period=3, checkpoint_period=100)
    _, expected = fit(Items(), settings, seed=0, state_file=tmp_path / "whole.pt")
    task, file = Items(signalled=moment), tmp_path / "state.pt"
    with pytest.raises(Interrupted, match=f"the state after {moment[0]} iterations"):
        fit(task, settings, seed=0, state_file=file)
    assert task.asked[-1] == moment[1]
    assert task.validated == moment[0] // 3 - 1
    state, _ = load_state(file)
    assert (state.iteration, state.validated) == (moment[0], moment[0] - 3)

    again = Items()
    again.trained = moment[0]
    _, state = fit(again, settings, seed=0, state_file=file)
    assert state.history == expected.history
    assert (state.best.value, state.best.iteration) == (expected.best.value, expected.best.iteration)
    assert again.validated == 3 - task.validated


class Told:
    def __init__(self):
        self.rows, self.closed = [], []

    def log(self, row):
        self.rows.append(dict(row))

    def close(self, finished):
        self.closed.append(finished)


def test_trackers_are_told_of_each_complete_row_once(tmp_path):
    settings, file = solver(max_iter=9, eval_period=3, checkpoint_period=100), tmp_path / "state.pt"
    first, second, third = Told(), Told(), Told()
    with pytest.raises(Interrupted):
        fit(Items(signalled=(6, 1)), settings, seed=0, state_file=file, trackers=[first])
    _, state = fit(Items(), settings, seed=0, state_file=file, trackers=[second])
    fit(Items(), settings, seed=0, state_file=file, trackers=[third])
    assert [row["iteration"] for row in first.rows] == [1, 2, 3, 4, 5]
    assert first.rows + second.rows == state.history
    assert third.rows == []
    assert [each.closed for each in (first, second, third)] == [[False], [True], [True]]


def test_another_schedule_than_the_solvers(tmp_path):
    weights, state = fit(
        *(Slope(), solver(max_iter=3, keep="last")),
        **{"seed": 0, "state_file": tmp_path / "state.pt", "rate": lambda solver, iteration: 2.0**iteration},
    )
    assert [row["lr"] for row in state.history] == [1, 2, 4]
    assert weight(weights) == -7
