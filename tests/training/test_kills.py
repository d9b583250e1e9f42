"""Trainings that are signalled and killed, in processes of their own, with signals of the system."""

import csv
import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from podium.training.state import load_state

from .tiny import draw_dataset

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork"),
    pytest.mark.xdist_group("kills"),
]

KINDS = ["detector", "detectron2", "segmenter"]
# Two validations before the end, and the second is not at the end: best and last weights differ.
SOLVER = {"max_iter": 12, "eval_period": 5, "checkpoint_period": 1, "momentum": 0.8, "schedule": "one_cycle"}
DETECTOR = {"ema_decay": 0.7, "accumulate": 2, "heads_only_iters": 6}
MORE = {"detector": DETECTOR, "detectron2": DETECTOR, "segmenter": {}}


FILES = {"state": ".pt", "out": ".pt", "log": ""}


class Trainings:
    """Trainings on one dataset, run one after the other by tests/training/serve.py."""

    def __init__(self, folder: Path):
        self.folder = folder
        draw_dataset(folder / "dataset")
        self.server = subprocess.Popen(
            [sys.executable, Path(__file__).with_name("serve.py")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            bufsize=1,
        )

    def start(self, kind: str, name: str, workers: int = 0, **solver) -> int:
        """Begin a training, or go on with it; return its process id."""
        job = {"kind": kind, "dataset": str(self.folder / "dataset"), "workers": workers}
        job["solver"] = SOLVER | MORE[kind] | solver
        job |= {key: str(self.folder / f"{name}.{key}{suffix}") for key, suffix in FILES.items()}
        self.server.stdin.write(json.dumps(job) + "\n")
        return int(self.server.stdout.readline())

    def end(self) -> int:
        """Wait for the training to end; return its exit code."""
        self.server.stdin.write("\n")
        return int(self.server.stdout.readline())

    def run(self, kind: str, name: str, **settings) -> dict:
        self.start(kind, name, **settings)
        assert self.end() == 0
        return self.result(name)

    def result(self, name: str) -> dict:
        return torch.load(self.folder / f"{name}.out.pt", weights_only=True)

    def state(self, name: str) -> Path:
        return self.folder / f"{name}.state.pt"

    def log(self, name: str) -> str:
        file = self.folder / f"{name}.log"
        return file.read_text() if file.exists() else ""


@pytest.fixture(scope="module")
def trainings(tmp_path_factory):
    served = Trainings(tmp_path_factory.mktemp("kills"))
    yield served
    served.server.stdin.close()
    assert served.server.wait(60) == 0


@pytest.fixture(scope="module", params=KINDS)
def undisturbed(request, trainings):
    """A kind of training, and the result that it has when nothing happens to it."""
    if request.param == "detectron2":
        pytest.importorskip("detectron2", reason="Detectron2 is not installed")
    return request.param, trainings.run(request.param, f"{request.param}-undisturbed")


def wait_until(happens, seconds=60.0):
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.0005)


def assert_equal(found: dict, expected: dict) -> None:
    """Compare results to the last bit."""
    assert found["history"] == expected["history"]
    assert found["iteration"] == expected["iteration"]
    assert found["weights"].keys() == expected["weights"].keys()
    for name, weights in expected["weights"].items():
        assert torch.equal(found["weights"][name], weights), name


def test_killed_at_random_moments_and_in_the_middle_of_saves(trainings, undisturbed):
    kind, expected = undisturbed
    chance, name, killed, in_saves = random.Random(8), f"{kind}-killed", 0, 0

    def half_written():
        return list(trainings.folder.glob(f".{name}.state.*"))

    for attempt in range(14):
        child = trainings.start(kind, name)
        time.sleep(chance.uniform(0.0, 1.2))
        done = trainings.folder / f"{name}.out.pt"
        if attempt % 2:
            wait_until(lambda done=done: half_written() or done.exists())
        os.kill(child, signal.SIGKILL)
        killed += trainings.end() == -signal.SIGKILL
        in_saves += len(half_written())
        for half in half_written():
            half.unlink()
        if trainings.state(name).exists():
            load_state(trainings.state(name))
        if done.exists():
            # It had come to its end: the next kill hits a run of its own.
            assert_equal(trainings.result(name), expected)
            done.unlink()
            trainings.state(name).unlink()
    assert killed >= 10
    assert in_saves >= 3
    assert_equal(trainings.run(kind, name), expected)
    with (trainings.folder / f"{name}.out.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert [int(row["iteration"]) for row in rows] == list(range(1, 13))


@pytest.mark.parametrize("asked", [signal.SIGTERM, signal.SIGUSR1, signal.SIGINT])
def test_a_signal_saves_at_once_and_the_run_goes_on_from_there(trainings, undisturbed, asked):
    kind, expected = undisturbed
    name = f"{kind}-{asked.name}"
    # Nothing but the signal saves before the end.
    child = trainings.start(kind, name, checkpoint_period=100)
    wait_until(lambda: " 5/12 " in trainings.log(name))
    os.kill(child, asked)
    assert trainings.end() == 3
    state, _ = load_state(trainings.state(name))
    assert 5 <= state.iteration < 12
    assert state.history == expected["history"][: state.iteration]
    assert_equal(trainings.run(kind, name, checkpoint_period=100), expected)
    assert f"continuing after {state.iteration} iterations" in trainings.log(name)


def test_a_signal_to_all_processes_of_a_job_leaves_its_workers_alive_until_the_state_is_saved(trainings, undisturbed):
    """Slurm signals every process of a job step, the workers that prepare samples too."""
    kind, expected = undisturbed
    name = f"{kind}-group"
    child = trainings.start(kind, name, workers=2, checkpoint_period=100)
    wait_until(lambda: " 5/12 " in trainings.log(name))
    os.killpg(child, signal.SIGTERM)
    assert trainings.end() == 3
    state, _ = load_state(trainings.state(name))
    assert 5 <= state.iteration < 12
    assert_equal(trainings.run(kind, name, workers=1, checkpoint_period=100), expected)
