"""The learning rate as a pure function of the iteration.

Constant, stepwise and cosine rates with linear warm-up are computed as Detectron2 does, operation by operation:
WarmupMultiStepLR and WarmupCosineLR of its solver/build.py, made of the schedulers in fvcore/common/param_scheduler.py.
What its settings mean is kept with all its surprises; podium.training.schedule_advice tells of them.
"""

import math
from bisect import bisect_right

from podium.config.solver import Solver

# fvcore's ParamScheduler.WHERE_EPSILON: by it a part of the run counts as done a little before it is.
_EPSILON = 1e-6

# torch.optim.lr_scheduler.OneCycleLR's defaults: the share of the run that rises, base_lr over the first rate,
# the first rate over the last.
ONE_CYCLE_RISE, ONE_CYCLE_START, ONE_CYCLE_END = 0.3, 25.0, 1e4


def learning_rate(solver: Solver, iteration: int) -> float:
    """Return the rate that iteration `iteration` (from 0 to max_iter - 1) is run with.

    Warm-up is linear, from warmup_factor times the schedule's first rate to the rate that the schedule itself has where
    warm-up ends: a step that lies before it has its effect already, and a cosine has fallen by then. A warm-up longer
    than the run is squeezed into it. Steps at max_iter or later are never reached. `one_cycle` equals torch's
    OneCycleLR with its defaults and cosine annealing.
    """
    if solver.schedule == "one_cycle":
        return _one_cycle(solver, iteration)
    done, warmup = iteration / solver.max_iter, warmup_part(solver)
    if done + _EPSILON > warmup:
        return solver.base_lr * _after_warmup(solver, done)
    start, end, part = solver.warmup_factor * _after_warmup(solver, 0.0), _after_warmup(solver, warmup), done / warmup
    return solver.base_lr * (end * part + start * (1 - part))


def warmup_part(solver: Solver) -> float:
    """Return the part of the run that warms up, from 0 to 1."""
    return min(solver.warmup_iters / solver.max_iter, 1.0)


def learning_rates(solver: Solver) -> list[float]:
    """Return the rates of all iterations."""
    return [learning_rate(solver, iteration) for iteration in range(solver.max_iter)]


def reached_steps(solver: Solver) -> list[int]:
    """Return the steps that lie within the run."""
    return [step for step in solver.steps if step < solver.max_iter]


def _after_warmup(solver: Solver, done: float) -> float:
    """Return the factor of base_lr where a part `done` of the run is over, warm-up left aside."""
    if solver.schedule == "steps":
        return solver.gamma ** bisect_right(reached_steps(solver), int((done + _EPSILON) * solver.max_iter))
    if solver.schedule == "cosine":
        return 0.5 * (1 + math.cos(math.pi * done))
    return 1.0


def _one_cycle(solver: Solver, iteration: int) -> float:
    first = solver.base_lr / ONE_CYCLE_START
    top, last = ONE_CYCLE_RISE * solver.max_iter - 1, solver.max_iter - 1
    if iteration <= top:
        return _cosine_between(first, solver.base_lr, iteration / top)
    return _cosine_between(solver.base_lr, first / ONE_CYCLE_END, (iteration - top) / (last - top))


def _cosine_between(start: float, end: float, part: float) -> float:
    return end + (start - end) / 2.0 * (1 + math.cos(math.pi * part))
