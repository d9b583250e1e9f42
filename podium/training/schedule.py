"""The learning rate as a pure function of the iteration."""

import math

from podium.config.solver import Solver

# torch.optim.lr_scheduler.OneCycleLR's defaults: the share of the run that rises, base_lr over the first rate,
# the first rate over the last.
ONE_CYCLE_RISE, ONE_CYCLE_START, ONE_CYCLE_END = 0.3, 25.0, 1e4


def learning_rate(solver: Solver, iteration: int) -> float:
    """Return the rate that iteration `iteration` (from 0 to max_iter - 1) is run with.

    Warm-up is Detectron2's: linear from warmup_factor times the schedule's first rate to the rate that the schedule
    has at the end of warm-up. `one_cycle` equals torch's OneCycleLR with its defaults and cosine annealing.
    """
    if iteration < solver.warmup_iters:
        start = solver.warmup_factor * _after_warmup(solver, 0)
        end = _after_warmup(solver, solver.warmup_iters)
        return start + (end - start) * iteration / solver.warmup_iters
    return _after_warmup(solver, iteration)


def _after_warmup(solver: Solver, iteration: int) -> float:
    rate = solver.base_lr
    if solver.schedule == "steps":
        return rate * solver.gamma ** sum(step <= iteration for step in solver.steps)
    if solver.schedule == "cosine":
        return rate * 0.5 * (1 + math.cos(math.pi * iteration / solver.max_iter))
    if solver.schedule == "one_cycle":
        top = ONE_CYCLE_RISE * solver.max_iter - 1
        first = rate / ONE_CYCLE_START
        if iteration < top:
            return _cosine_between(first, rate, iteration / top)
        return _cosine_between(rate, first / ONE_CYCLE_END, (iteration - top) / (solver.max_iter - 1 - top))
    return rate


def _cosine_between(start: float, end: float, part: float) -> float:
    return end + (start - end) * 0.5 * (1 + math.cos(math.pi * part))
