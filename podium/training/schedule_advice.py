"""What a schedule does that its settings may not have been meant to, in plain words."""

from podium.config.solver import Solver
from podium.training.schedule import learning_rate, learning_rates, reached_steps

# A run whose highest rate is within this part of base_lr reaches it, as far as anybody would notice.
_NEAR = 0.01

# A warm-up that takes more of the run than this is seldom meant.
_LONG_WARMUP = 1 / 3


def advice(solver: Solver) -> list[str]:
    """Return a sentence with numbers for each surprise in the rates of a training; none where all is as it seems.

    None of them is an error: a configuration of Detectron2's means exactly this, most often by a default that was
    forgotten (its WARMUP_ITERS is 1000, its STEPS is 30000), and so reports go wrong.
    """
    if not solver.max_iter:
        return []
    rates = learning_rates(solver)
    return [*_on_warmup(solver, rates), *_on_steps(solver, rates), *_on_the_highest_rate(solver, rates)]


def _on_warmup(solver: Solver, rates: list[float]) -> list[str]:
    warmup, length = solver.warmup_iters, solver.max_iter
    if max(rates) == min(rates) == solver.base_lr:
        return []
    if warmup >= length:
        compared = f"{'longer than' if warmup > length else 'as long as'} the run of {length}"
        course = "climbs" if rates[-1] > rates[0] else "falls"
        course = f"the rate {course} to the end, and {_highest(solver, rates)}"
        return [f"The warm-up of {warmup} iterations is {compared}: {course}."]
    if warmup > _LONG_WARMUP * length:
        return [f"The warm-up of {warmup} iterations takes {warmup / length:.0%} of the run of {length}."]
    return []


def _on_steps(solver: Solver, rates: list[float]) -> list[str]:
    if solver.schedule != "steps":
        return []
    reached = reached_steps(solver)
    beyond = [step for step in solver.steps if step not in reached]
    warmup = min(solver.warmup_iters, solver.max_iter)
    inside = [step for step in reached if step <= warmup]
    found = []
    if inside:
        end = solver.base_lr * solver.gamma ** len(inside)
        lie = "lies" if len(inside) == 1 else "lie"
        found.append(
            f"{_steps(inside)} {lie} within the warm-up of {solver.warmup_iters} iterations: it climbs towards "
            f"{end:.3g} instead of base_lr {solver.base_lr:.3g}."
        )
    if beyond:
        are = "is" if len(beyond) == 1 else "are"
        found.append(f"{_steps(beyond)} {are} never reached: the run ends after {solver.max_iter} iterations.")
    if not reached:
        found.append(f"The rate never falls, for no step is reached: the run ends at {rates[-1]:.3g}.")
    return found


def _on_the_highest_rate(solver: Solver, rates: list[float]) -> list[str]:
    """Tell of a highest rate that is not base_lr, where nothing above has told of it."""
    told = solver.warmup_iters >= solver.max_iter or any(step <= solver.warmup_iters for step in reached_steps(solver))
    if told or max(rates) >= (1 - _NEAR) * solver.base_lr:
        return []
    if solver.schedule == "cosine":
        end = learning_rate(solver, solver.warmup_iters)
        return [
            f"The cosine falls while the warm-up lasts: after its {solver.warmup_iters} iterations the rate is "
            f"{end:.3g}, the highest of the run, instead of base_lr {solver.base_lr:.3g}."
        ]
    return [f"With max_iter {solver.max_iter} {_highest(solver, rates)}."]


def _highest(solver: Solver, rates: list[float]) -> str:
    return f"the highest rate reached is {max(rates):.3g} instead of base_lr {solver.base_lr:.3g}"


def _steps(steps: list[int]) -> str:
    return f"The step at {steps[0]}" if len(steps) == 1 else f"The steps at {', '.join(map(str, steps))}"
