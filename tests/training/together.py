"""What tests run in several processes: functions that a process begun afresh can import, and a program of them.

The program trains `Line` in two processes: python together.py FOLDER. It exits with 3 where it was interrupted.
"""

import json
import logging
import os
import signal
import sys
import time
from pathlib import Path

import torch
from torch import nn

from podium.config.solver import Solver
from podium.data.dataset import load_dataset
from podium.errors import PodiumError
from podium.training.loop import fit
from podium.training.processes import run, world
from podium.training.signals import Interrupted

LINE = {"base_lr": 0.05, "max_iter": 12, "ims_per_batch": 8, "eval_period": 5, "checkpoint_period": 100}
LINE |= {"ema_decay": 0.6, "heads_only_iters": 4, "clip_norm": 1.0, "keep": "last"}


class Line:
    """A little network that learns a line: nothing is sampled in an iteration; statistics are taken if asked for."""

    heads, monitor = ("2.",), "score"

    def __init__(self, pause: float = 0.0, validated: Path | None = None, norm: bool = False):
        torch.manual_seed(3)
        self.model = nn.Sequential(nn.Linear(4, 8), nn.Tanh(), nn.Linear(8, 1))
        if norm:
            self.model.append(nn.BatchNorm1d(1))
        self.samples, self.pause, self.validated = self, pause, validated

    def __len__(self):
        return 11

    def draw(self, index, rng):
        given = torch.from_numpy(rng.normal(size=4)).float() + index / 10
        return given, given.sum()[None]

    @staticmethod
    def collate(samples):
        given, wanted = zip(*samples, strict=True)
        return torch.stack(given), torch.stack(wanted)

    def losses(self, model, batch):
        time.sleep(self.pause)
        error = model(batch[0]) - batch[1]
        return {"loss_square": error.square().mean(), "loss_absolute": error.abs().mean()}

    def predict(self, model, rank, world):
        for item in range(rank, 5, world):
            time.sleep(self.pause)
            if self.validated:
                self.validated.touch()
            yield item, model(torch.full((1, 4), float(item))).item()

    def metrics(self, found):
        items, values = zip(*found, strict=True)
        assert items == (0, 1, 2, 3, 4)
        return {"score": -sum(abs(value - 4 * item) for item, value in found), "last": values[-1]}


class Rows:
    """A tracker that writes each row to a file."""

    def __init__(self, file: Path):
        self.file = file

    def log(self, row):
        with self.file.open("a") as file:
            file.write(json.dumps(row) + "\n")

    def close(self, finished):
        self.file.with_suffix(".finished" if finished else ".interrupted").touch()


def line(state_file: Path, settings: dict, norm: bool = False):
    """Train `Line`; return its weights and history."""
    weights, state = fit(Line(norm=norm), Solver.model_validate(LINE | settings), seed=0, state_file=state_file)
    return weights, state.history


def everything(folder: Path, accumulate: int, kinds: tuple[str, ...] = ("detector", "segmenter", "line")):
    """Train a model of each kind; return weights and history of each."""
    os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
    from tiny import MODELS, detection, segmentation

    from podium.training.detection import train_detector
    from podium.training.segmentation import train_segmenter

    data = load_dataset(folder / "dataset"), {"train": [1, 2, 3, 4], "val": [5, 6, 1]}
    changes = {"max_iter": 5, "ims_per_batch": 4, "accumulate": accumulate, "keep": "last"}
    results = {}
    for kind in kinds:
        file = folder / f"{kind}.pt"
        if kind == "line":
            results[kind] = line(file, {"accumulate": accumulate})
            continue
        if kind == "segmenter":
            checkpoint, history = train_segmenter(*data, segmentation(**changes), state_file=file, workers=2)
        else:
            settings = detection(MODELS[kind] | {"norm": "group", "freeze_at": 2}, heads_only_iters=2, **changes)
            checkpoint, history = train_detector(*data, settings, max_detections=100, state_file=file, workers=0)
        results[kind] = checkpoint.weights, history
    return results


def ranks():
    """Return what this process is, and what all of them say."""
    here = world()
    said = here.gathered((here.rank, os.getpid()))
    assert here.told(here.rank + 5) == 5
    assert here.highest(here.rank, -here.rank) == [here.size - 1, 0]
    return here.rank, here.size, said, here.means([[1.0, float(here.rank)]])


def fail(how: str, rank: int, pids: Path | None = None):
    """Fail in one of the processes while the others wait for it."""
    here = world()
    if pids:
        (pids / str(here.rank)).write_text(str(os.getpid()))
    here.highest(0)
    if here.rank == rank:
        if how == "podium":
            raise PodiumError("the image is broken", file="a.png", mend="fetch it again")
        if how == "code":
            raise ZeroDivisionError("one over zero")
        if how == "torch":
            raise torch.OutOfMemoryError("no memory is left")
        os.kill(os.getpid(), signal.SIGKILL)
    while True:
        here.highest(0)


def wait_in_vain():
    """Process 0 waits as for a GPU, where no error comes, while the other dies."""
    if world().rank == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    time.sleep(300)


def _train(folder: Path) -> None:
    (folder / f"pid{world().rank}").write_text(str(os.getpid()))
    trackers = [Rows(folder / "rows.jsonl")]
    solver = Solver.model_validate(LINE | {"accumulate": 2, "momentum": 0.8})
    task = Line(pause=0.05, validated=folder / "validated")
    weights, state = fit(task, solver, seed=0, state_file=folder / "state.pt", trackers=trackers, title="line")
    if world().rank == 0:
        torch.save({"weights": weights, "history": state.history}, folder / "out.pt")


if __name__ == "__main__":
    logging.basicConfig(level=logging.INFO, format="%(message)s")
    try:
        run(_train, 2, Path(sys.argv[1]))
    except Interrupted as error:
        print(error)
        sys.exit(3)
