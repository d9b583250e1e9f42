"""The processes that train one model together, and what they tell each other."""

from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
import torch.distributed as dist
from torch import nn
from torch.nn.parallel import DistributedDataParallel


@dataclass(frozen=True)
class World:
    """This process's place among `size`, counted from 0. A process alone is told what it says itself.

    Each method must be called by all processes at the same point of the run. Numbers and Python objects go by `group`,
    from processor to processor, so that no GPU is waited for.
    """

    rank: int = 0
    size: int = 1
    group: dist.ProcessGroup | None = None

    def highest(self, *numbers: int) -> list[int]:
        """Return for each number the highest that a process gave."""
        if self.size == 1:
            return list(numbers)
        tensor = torch.tensor(numbers)
        dist.all_reduce(tensor, dist.ReduceOp.MAX, group=self.group)
        return tensor.tolist()

    def means(self, rows: list[list[float]]) -> list[list[float]]:
        """Return the means over the processes, each of which gives as many rows of as many numbers."""
        if self.size == 1:
            return rows
        tensor = torch.tensor(rows, dtype=torch.float64)
        dist.all_reduce(tensor, group=self.group)
        return (tensor / self.size).tolist()

    def gathered(self, value: object) -> list | None:
        """Return the values of all processes, in their order, to process 0, and None to the others."""
        if self.size == 1:
            return [value]
        values = [None] * self.size if self.rank == 0 else None
        dist.gather_object(value, values, dst=0, group=self.group)
        return values

    def told(self, value: object) -> object:
        """Return process 0's value."""
        if self.size == 1:
            return value
        values = [value]
        dist.broadcast_object_list(values, src=0, group=self.group)
        return values[0]

    def share_buffers(self, model: nn.Module) -> None:
        """Give all processes process 0's buffers: running statistics differ, for each sees samples of its own."""
        if self.size > 1:
            for buffer in model.buffers():
                dist.broadcast(buffer, src=0)

    def learner(self, model: nn.Module) -> nn.Module:
        """Return what the batches are given to: the model, with weights and gradients the same in all processes.

        Every parameter that is trainable now must have a part in every loss, as in Detectron2 (a loss of no objects is
        a sum times zero); to be called anew when other parameters become trainable.
        """
        return model if self.size == 1 else DistributedDataParallel(model)


def gathering(learner: nn.Module, on: bool) -> AbstractContextManager:
    """Within this context gradients are only added up; the next ones outside of it are averaged, with what there is."""
    return learner.no_sync() if on and isinstance(learner, DistributedDataParallel) else nullcontext()
