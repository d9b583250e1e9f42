"""What is said about schedules whose rates Detectron2 computed, and about those that are as they seem: nothing."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from podium.config.solver import Solver
from podium.training.schedule import learning_rates
from podium.training.schedule_advice import advice

GOLDEN = json.loads(Path(__file__).with_name("detectron2_rates.json").read_text(encoding="utf-8"))

NEVER_FALLS = "The rate never falls, for no step is reached: the run ends at {}."

# The numbers are the highest and the last of the rates in the file.
SAID = {
    "constant": [],
    "constant after warm-up": ["The warm-up of 9 iterations takes 38% of the run of 24."],
    "steps": [],
    "steps of a half from a quarter": [],
    "a warm-up longer than the run": [
        "The warm-up of 100 iterations is longer than the run of 30: the rate climbs to the end, and the highest rate "
        "reached is 0.0193 instead of base_lr 0.02.",
        NEVER_FALLS.format(0.0193),
    ],
    "a warm-up as long as the run": [
        "The warm-up of 17 iterations is as long as the run of 17: the rate climbs to the end, and the highest rate "
        "reached is 0.0188 instead of base_lr 0.02."
    ],
    "a warm-up longer than a run with steps": [
        "The warm-up of 1000 iterations is longer than the run of 30: the rate climbs to the end, and the highest rate "
        "reached is 0.000194 instead of base_lr 0.02.",
        "The steps at 10, 20 lie within the warm-up of 1000 iterations: it climbs towards 0.0002 instead of base_lr "
        "0.02.",
    ],
    "a step inside the warm-up": [
        "The warm-up of 12 iterations takes 40% of the run of 30.",
        "The step at 6 lies within the warm-up of 12 iterations: it climbs towards 0.002 instead of base_lr 0.02.",
    ],
    "a step where the warm-up ends": [
        "The warm-up of 12 iterations takes 40% of the run of 30.",
        "The step at 12 lies within the warm-up of 12 iterations: it climbs towards 0.002 instead of base_lr 0.02.",
    ],
    "steps beyond the run": ["The steps at 31, 400 are never reached: the run ends after 30 iterations."],
    "cosine": [],
    "cosine after warm-up": [
        "The warm-up of 13 iterations takes 43% of the run of 30.",
        "The cosine falls while the warm-up lasts: after its 13 iterations the rate is 0.0121, the highest of the run, "
        "instead of base_lr 0.02.",
    ],
    "cosine within a longer warm-up": [
        "The warm-up of 50 iterations is longer than the run of 19: the rate falls to the end, and the highest rate "
        "reached is 2e-05 instead of base_lr 0.02."
    ],
}


@pytest.mark.parametrize("name", GOLDEN)
def test_each_surprise_is_told_with_its_numbers(name):
    assert advice(Solver.model_validate(GOLDEN[name]["solver"])) == SAID[name]


@pytest.mark.parametrize("name", [name for name, said in SAID.items() if "instead of base_lr" in " ".join(said)])
def test_the_numbers_told_are_those_of_the_rates(name):
    """The highest rate is at most what the sentences name, and near it: a warm-up climbs towards it and steps."""
    rates = GOLDEN[name]["rates"]
    said = " ".join(SAID[name])
    named = [f"reached is {max(rates):.3g} ", f"towards {max(rates):.3g} ", f"is {max(rates):.3g}, "]
    assert any(words in said for words in named)


def said(**settings):
    return advice(Solver.model_validate({"base_lr": 0.02} | settings))


def test_a_short_run_with_detectron2s_defaults():
    """MAX_ITER 300 alone: warm-up of 1000 iterations, and a step at 30000."""
    told = said(schedule="steps", steps=[30000], max_iter=300, warmup_iters=1000)
    assert told == [
        "The warm-up of 1000 iterations is longer than the run of 300: the rate climbs to the end, and the highest "
        "rate reached is 0.0199 instead of base_lr 0.02.",
        "The step at 30000 is never reached: the run ends after 300 iterations.",
        NEVER_FALLS.format(0.0199),
    ]


@pytest.mark.parametrize(
    "settings",
    [
        {"schedule": "steps", "steps": [210000, 250000], "max_iter": 270000, "warmup_iters": 1000},
        {"schedule": "cosine", "max_iter": 90000, "warmup_iters": 1000},
        {"schedule": "one_cycle", "max_iter": 680},
        {"schedule": "constant", "max_iter": 300, "warmup_iters": 100},
        {"schedule": "constant", "max_iter": 300, "warmup_iters": 900, "warmup_factor": 1.0},
        {"schedule": "steps", "steps": [5], "max_iter": 0, "warmup_iters": 10},
    ],
    ids=lambda settings: f"{settings['schedule']} {settings['max_iter']}",
)
def test_usual_schedules_need_no_words(settings):
    assert said(**settings) == []


def test_steps_that_are_not_there():
    assert said(schedule="steps", max_iter=300) == [NEVER_FALLS.format(0.02)]


def test_a_run_too_short_for_one_cycle():
    told = said(schedule="one_cycle", max_iter=2)
    assert told == [f"With max_iter 2 the highest rate reached is {max(one_cycle(2)):.3g} instead of base_lr 0.02."]
    assert said(schedule="one_cycle", max_iter=333) == []


def one_cycle(max_iter):
    return learning_rates(Solver(base_lr=0.02, schedule="one_cycle", max_iter=max_iter))


def test_it_needs_no_torch():
    code = "import sys, podium.training.schedule_advice; print('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "False\n"
