"""The rates are those of Detectron2 and of torch, and those that a training applies and a drawing shows."""

import json
import math
import os
import signal
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import nn

from podium.config.solver import Solver
from podium.report.plots import schedule_plot
from podium.training.loop import fit
from podium.training.schedule import learning_rate, learning_rates
from podium.training.signals import Interrupted
from tests.report.reading_svg import line

from .one_weight import OneWeight

# Made by Detectron2's build_lr_scheduler (version 0.6 and the repository of 2026-06 give the same bits) from these
# settings, stepped through with an optimiser of torch.
GOLDEN = json.loads(Path(__file__).with_name("detectron2_rates.json").read_text(encoding="utf-8"))

# The order of operations is Detectron2's and torch's: what is left is what another machine's cosine differs by.
EXACT = {"rel": 1e-12, "abs": 0.0}


def rates(**settings):
    return learning_rates(Solver.model_validate({"base_lr": 0.02} | settings))


@pytest.mark.parametrize("name", GOLDEN)
def test_rates_are_those_that_detectron2_computed(name):
    case = GOLDEN[name]
    assert len(case["rates"]) == case["solver"]["max_iter"]
    assert learning_rates(Solver.model_validate(case["solver"])) == pytest.approx(case["rates"], **EXACT)


@st.composite
def solvers(draw):
    """Settings that Detectron2 takes: it refuses a step at max_iter, and runs no longer than it has rates for."""
    max_iter = draw(st.integers(4, 80))
    schedule = draw(st.sampled_from(["constant", "steps", "cosine"]))
    free = st.integers(1, 2 * max_iter).filter(lambda step: step != max_iter)
    steps = sorted(draw(st.sets(free, max_size=3))) if schedule == "steps" else []
    return Solver(
        base_lr=draw(st.floats(1e-6, 1.0)),
        schedule=schedule,
        steps=steps,
        gamma=draw(st.sampled_from([0.1, 0.3, 0.5, 1.0])),
        max_iter=max_iter,
        warmup_iters=draw(st.integers(0, 3 * max_iter)),
        warmup_factor=draw(st.sampled_from([0.0, 0.001, 0.25, 1.0])),
    )


@given(solvers())
def test_rates_are_those_of_the_detectron2_that_is_installed(solver):
    build = pytest.importorskip("detectron2.solver.build", reason="Detectron2 is not installed")
    config = pytest.importorskip("detectron2.config").get_cfg()
    names = {"constant": "WarmupMultiStepLR", "steps": "WarmupMultiStepLR", "cosine": "WarmupCosineLR"}
    config.SOLVER.LR_SCHEDULER_NAME = names[solver.schedule]
    config.SOLVER.BASE_LR, config.SOLVER.MAX_ITER = solver.base_lr, solver.max_iter
    config.SOLVER.STEPS, config.SOLVER.GAMMA = solver.steps, solver.gamma
    config.SOLVER.WARMUP_ITERS, config.SOLVER.WARMUP_FACTOR = solver.warmup_iters, solver.warmup_factor
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=solver.base_lr)
    scheduler = build.build_lr_scheduler(config, optimiser)
    assert learning_rates(solver) == pytest.approx(applied(optimiser, scheduler, solver.max_iter), **EXACT)


def applied(optimiser, scheduler, max_iter):
    """Return the rate of each iteration, as a loop with a scheduler of torch's kind applies it."""
    found = []
    for iteration in range(max_iter):
        found.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if iteration < max_iter - 1:
            scheduler.step()
    return found


@pytest.mark.parametrize("max_iter", [1, 2, 3, 4, 7, 10, 100, 333, 2000])
@pytest.mark.parametrize("base_lr", [0.02, 3e-4])
def test_one_cycle_is_torchs(max_iter, base_lr):
    optimiser = torch.optim.SGD([nn.Parameter(torch.zeros(1))], lr=1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=base_lr, total_steps=max_iter, cycle_momentum=False)
    found = rates(schedule="one_cycle", max_iter=max_iter, base_lr=base_lr)
    assert found == pytest.approx(applied(optimiser, cycle, max_iter), **EXACT)


def test_constant_after_its_warm_up():
    assert rates(schedule="constant", max_iter=1) == [0.02]
    assert rates(schedule="constant", max_iter=3) == [0.02] * 3
    warmed = rates(schedule="constant", max_iter=6, warmup_iters=4, warmup_factor=0.5)
    assert warmed == pytest.approx([0.01, 0.0125, 0.015, 0.0175, 0.02, 0.02])


def test_no_iterations_have_no_rates():
    assert rates(max_iter=0) == []


def test_a_worked_example_of_steps():
    """Ten iterations, two of warm-up from a tenth, steps at 5 and 8."""
    found = rates(schedule="steps", steps=[5, 8], max_iter=10, warmup_iters=2, warmup_factor=0.1)
    assert found == pytest.approx([0.002, 0.011, 0.02, 0.02, 0.02, 0.002, 0.002, 0.002, 0.0002, 0.0002])


def test_worked_examples_of_the_surprises():
    """A warm-up of 1000 in a run of 4 climbs by quarters; a step within it lowers where it climbs to."""
    assert rates(max_iter=4, warmup_iters=1000, warmup_factor=0.0) == pytest.approx([0, 0.005, 0.01, 0.015])
    found = rates(schedule="steps", steps=[2, 9], max_iter=6, warmup_iters=4, warmup_factor=0.0)
    assert found == pytest.approx([0, 0.0005, 0.001, 0.0015, 0.002, 0.002])
    found = rates(schedule="cosine", max_iter=4, warmup_iters=2, warmup_factor=0.5)
    assert found == pytest.approx([0.01, 0.01, 0.01, 0.01 * (1 - math.sqrt(0.5))])


SCHEDULES = {
    "constant": {"schedule": "constant"},
    "constant after warm-up": {"schedule": "constant", "warmup_iters": 7},
    "steps": {"schedule": "steps", "steps": [15, 30], "warmup_iters": 6},
    "a step within the warm-up": {"schedule": "steps", "steps": [5, 30], "warmup_iters": 12},
    "steps beyond the run": {"schedule": "steps", "steps": [20, 300], "warmup_iters": 4},
    "a squeezed warm-up": {"schedule": "steps", "steps": [300], "warmup_iters": 1000},
    "cosine": {"schedule": "cosine", "warmup_iters": 9},
    "one cycle": {"schedule": "one_cycle"},
}


class Slope(OneWeight):
    """One weight with a gradient of one: plain gradient descent lowers it by each iteration's rate."""

    def __init__(self, stop_at=None):
        super().__init__()
        self.stop_at = stop_at

    def losses(self, model, batch):
        return {"loss_weight": model(batch).mean()}

    def metrics(self, found):
        if self.stop_at is not None and found[0] <= -self.stop_at:
            os.kill(os.getpid(), signal.SIGTERM)
        return {"value": found[0]}


@pytest.mark.parametrize("kind", SCHEDULES)
def test_the_drawn_curve_is_the_rates_that_are_applied(kind, tmp_path):
    """Iteration by iteration: in the history, in what the weight moves by, and in the drawing's line."""
    settings = {"base_lr": 0.25, "max_iter": 41, "momentum": 0.0, "weight_decay": 0.0, "eval_period": 1}
    solver = Solver.model_validate(settings | SCHEDULES[kind])
    planned = learning_rates(solver)
    total = sum(planned)
    with pytest.raises(Interrupted):  # half way, so that a continuation is in it
        fit(Slope(stop_at=total / 2), solver, seed=0, state_file=tmp_path / "state.pt")
    _, state = fit(Slope(), solver, seed=0, state_file=tmp_path / "state.pt")

    assert [row["lr"] for row in state.history] == planned
    weights = np.array([0.0, *(row["val_value"] for row in state.history)])
    assert -np.diff(weights) == pytest.approx(planned, abs=1e-6)

    iterations, drawn = line(schedule_plot(planned, []), "rates")
    assert iterations == pytest.approx(np.arange(1, 42), abs=0.005)
    # The drawing has hundredths of a point, of which its axis is more than a hundred high.
    assert drawn == pytest.approx(np.array(planned), abs=max(planned) * 1e-4)


def test_the_rate_is_a_function_of_the_iteration_alone():
    solver = Solver.model_validate({"base_lr": 0.02, "max_iter": 50} | SCHEDULES["cosine"])
    forwards = [learning_rate(solver, iteration) for iteration in range(50)]
    assert [learning_rate(solver, iteration) for iteration in reversed(range(50))] == forwards[::-1]
