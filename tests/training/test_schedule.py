import math
from bisect import bisect_right

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from podium.config.solver import Solver
from podium.training.schedule import learning_rate


def rates(**settings):
    solver = Solver.model_validate({"base_lr": 0.02} | settings)
    return [learning_rate(solver, iteration) for iteration in range(solver.max_iter)]


def detectron2(iteration, base_lr, max_iter, warmup_iters, warmup_factor, after):
    """Detectron2's WarmupParamScheduler around `after`, a function of the part of the run that is done.

    solver/lr_scheduler.py builds CompositeParamScheduler([LinearParamScheduler, after], lengths [w, 1 - w],
    scaling ["rescaled", "fixed"]) of fvcore, stepped with where = iteration / max_iter.
    """
    where, length = iteration / max_iter, min(warmup_iters / max_iter, 1.0)
    if where < length:
        start, end = warmup_factor * after(0.0), after(length)
        return base_lr * (start + (end - start) * (where / length))
    return base_lr * after(where)


@st.composite
def runs(draw):
    max_iter = draw(st.integers(1, 60))
    warmup = draw(st.integers(0, max_iter - 1))
    free = range(max(warmup, 1), max_iter)
    steps = sorted(draw(st.sets(st.sampled_from(free), max_size=3))) if free else []
    return max_iter, warmup, draw(st.sampled_from([0.0, 0.001, 0.25, 1.0])), steps


@given(runs())
def test_steps_are_detectron2s(run):
    max_iter, warmup, factor, steps = run
    found = rates(schedule="steps", steps=steps, max_iter=max_iter, warmup_iters=warmup, warmup_factor=factor)

    def after(where):
        # MultiStepParamScheduler: fvcore adds an epsilon to where.
        return 0.1 ** bisect_right(steps, int((where + 1e-6) * max_iter))

    expected = [detectron2(i, 0.02, max_iter, warmup, factor, after) for i in range(max_iter)]
    assert found == pytest.approx(expected, rel=1e-9)


@given(runs())
def test_cosine_is_detectron2s(run):
    max_iter, warmup, factor, _ = run
    found = rates(schedule="cosine", max_iter=max_iter, warmup_iters=warmup, warmup_factor=factor)
    expected = [
        detectron2(i, 0.02, max_iter, warmup, factor, lambda where: 0.5 * (1 + math.cos(math.pi * where)))
        for i in range(max_iter)
    ]
    assert found == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("max_iter", [1, 2, 3, 4, 7, 10, 100, 333])
def test_one_cycle_is_torchs(max_iter):
    optimiser = torch.optim.SGD([torch.nn.Parameter(torch.zeros(1))], lr=1.0)
    cycle = torch.optim.lr_scheduler.OneCycleLR(optimiser, max_lr=0.02, total_steps=max_iter, cycle_momentum=False)
    expected = []
    for iteration in range(max_iter):
        expected.append(optimiser.param_groups[0]["lr"])
        optimiser.step()
        if iteration < max_iter - 1:
            cycle.step()
    assert rates(schedule="one_cycle", max_iter=max_iter) == pytest.approx(expected, rel=1e-9)


def test_constant_after_its_warm_up():
    assert rates(schedule="constant", max_iter=1) == [0.02]
    assert rates(schedule="constant", max_iter=3) == [0.02] * 3
    warmed = rates(schedule="constant", max_iter=6, warmup_iters=4, warmup_factor=0.5)
    assert warmed == pytest.approx([0.01, 0.0125, 0.015, 0.0175, 0.02, 0.02])


def test_a_worked_example_of_steps():
    """Ten iterations, two of warm-up from a tenth, steps at 5 and 8."""
    found = rates(schedule="steps", steps=[5, 8], max_iter=10, warmup_iters=2, warmup_factor=0.1)
    assert found == pytest.approx([0.002, 0.011, 0.02, 0.02, 0.02, 0.002, 0.002, 0.002, 0.0002, 0.0002])
