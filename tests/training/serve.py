"""A process that runs trainings in forked children, so that each can be killed without importing torch anew.

A job is a line of JSON on standard input, answered by the child's process id. An empty line after it is answered, when
the child has ended, by its exit code (negative: the signal that killed it; 3: interrupted with its state saved). Before
that the process id stays the child's own.
"""

import contextlib
import json
import logging
import os
import sys
import traceback
from pathlib import Path

os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"

import tiny
import torch

from podium.data.dataset import load_dataset
from podium.files import whole
from podium.training.detection import train_detector
from podium.training.history import write_history
from podium.training.segmentation import train_segmenter
from podium.training.signals import Interrupted

with contextlib.suppress(ImportError):
    import detectron2.modeling  # noqa: F401  as torch, once for all children

SPLIT = {"train": [1, 2, 3, 4], "val": [5, 6]}
AUGMENTATION = [{"HorizontalFlip": {"p": 0.5}}, {"RandomBrightnessContrast": {"p": 0.5}}]


def train(job: dict) -> None:
    os.setpgid(0, 0)
    torch.set_num_threads(1)
    logging.basicConfig(level=logging.INFO, filename=job["log"], format="%(message)s")
    dataset = load_dataset(job["dataset"])
    where = {"state_file": Path(job["state"]), "workers": job["workers"]}
    if job["kind"] in tiny.MODELS:
        settings = tiny.detection(tiny.MODELS[job["kind"]], sizes={"augmentation": AUGMENTATION}, **job["solver"])
        checkpoint, history = train_detector(dataset, SPLIT, settings, max_detections=100, **where)
    else:
        settings = tiny.segmentation(crops={"augmentation": AUGMENTATION}, **job["solver"])
        checkpoint, history = train_segmenter(dataset, SPLIT, settings, **where)
    write_history(Path(job["out"]).with_suffix(".csv"), history)
    with whole(job["out"]) as temporary:
        torch.save({"weights": checkpoint.weights, "iteration": checkpoint.iteration, "history": history}, temporary)


def main() -> None:
    for line in sys.stdin:
        child = os.fork()
        if child == 0:
            code = 0
            try:
                train(json.loads(line))
            except Interrupted:
                code = 3
            except BaseException:
                traceback.print_exc()
                code = 1
            finally:
                logging.shutdown()
                os._exit(code)
        print(child, flush=True)
        sys.stdin.readline()
        _, status = os.waitpid(child, 0)
        print(os.waitstatus_to_exitcode(status), flush=True)


if __name__ == "__main__":
    main()
