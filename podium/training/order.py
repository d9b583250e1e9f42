"""Which sample is drawn where: a pure function of (seed, iteration, position).

Nothing here remembers anything, so the number of loader workers and interruptions of a run change nothing.
"""

from collections.abc import Callable, Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import cv2
import numpy as np
import torch
from torch.utils.data import DataLoader, Dataset

from podium.start_method import process_context
from podium.training.signals import held_back


class Place(NamedTuple):
    """A sample's place in the run: in which iteration, at which position of its batch, which of the data."""

    iteration: int
    position: int
    index: int


class Samples(Protocol):
    """Training data from which randomly augmented samples are drawn; loader workers get a pickled copy."""

    def __len__(self) -> int: ...

    def draw(self, index: int, rng: np.random.Generator) -> object:
        """Return sample `index`, augmented by random numbers from `rng` and from nowhere else."""


@dataclass(frozen=True)
class Batches:
    """The batches of iterations start to stop - 1: permutation after permutation of `length` samples.

    Each batch is split into `parts` equal runs of places, of which those numbered in `own` are given, one after the
    other: a process's share of a batch, in the parts in which it is run. The places do not depend on how it is split.
    """

    length: int
    ims_per_batch: int
    seed: int
    start: int
    stop: int
    parts: int = 1
    own: range = range(1)

    def __len__(self) -> int:
        return (self.stop - self.start) * len(self.own)

    def __iter__(self) -> Iterator[list[Place]]:
        epoch, order = -1, np.empty(0, dtype=np.int64)
        for iteration in range(self.start, self.stop):
            batch = []
            for position in range(self.ims_per_batch):
                turn, place = divmod(iteration * self.ims_per_batch + position, self.length)
                if turn != epoch:
                    epoch, order = turn, np.random.default_rng([self.seed, 1, turn]).permutation(self.length)
                batch.append(Place(iteration, position, int(order[place])))
            size = self.ims_per_batch // self.parts
            for part in self.own:
                yield batch[part * size : (part + 1) * size]


def seed_part(seed: int, iteration: int, part: int) -> None:
    """Seed torch on all devices for what is drawn inside a part of an iteration's batch, counted over all processes.

    Drawn are what dropout leaves out and what Detectron2's models learn from; ours sample by a seed for each image.
    """
    torch.manual_seed(int(np.random.SeedSequence([seed, 2, iteration, part]).generate_state(1, np.uint64)[0]))


def loaded(
    samples: Samples, batches: Batches, collate: Callable[[list], object], workers: int, pinned: bool = False
) -> Iterator[object]:
    """Return an iterator over the given batches.

    Parameters
    ----------
    collate
        A function of a module: workers get it, and `samples`, pickled.
    workers
        Processes that prepare batches; 0: this one.
    pinned
        Whether batches lie in memory from which a GPU takes them while it computes.
    """
    context = None
    if workers:
        context = process_context()
        # What the samples need is imported once, by the server, and not by each worker.
        context.set_forkserver_preload([type(samples).__module__])
    # A scheduler signals all processes of a job. The training stops its workers itself, once its state is saved; one
    # that died first would break it off.
    with held_back() if workers else nullcontext():
        return iter(
            DataLoader(
                _Drawn(samples, batches.seed),
                batch_sampler=batches,
                collate_fn=collate,
                num_workers=workers,
                worker_init_fn=_begin_worker,
                multiprocessing_context=context,
                pin_memory=pinned,
            )
        )


class _Drawn(Dataset):
    def __init__(self, samples: Samples, seed: int):
        self.samples, self.seed = samples, seed

    def __getitem__(self, place: Place) -> object:
        rng = np.random.default_rng([self.seed, 3, place.iteration, place.position])
        return self.samples.draw(place.index, rng)


def _begin_worker(worker: int) -> None:
    cv2.setNumThreads(0)
