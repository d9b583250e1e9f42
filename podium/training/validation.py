"""A validation in the midst of a training, shared by its processes, and given up when a stop is asked for."""

from typing import TYPE_CHECKING

import torch
from torch import nn

from podium.training.signals import StopRequest
from podium.training.world import World

if TYPE_CHECKING:
    from podium.training.loop import Task

_NOTHING = object()


def validate(task: "Task", model: nn.Module, world: World, stop: StopRequest) -> dict[str, float | None] | None:
    """Return the task's metrics of the model, or None where a stop was asked for before the last item was done.

    The metrics are computed from the items in their own order, so that the number of processes changes nothing.
    """
    model.eval()
    world.share_buffers(model)
    found, items, more = [], iter(task.predict(model, world.rank, world.size)), 1
    while more:
        with torch.no_grad():
            item = next(items, _NOTHING)
        if item is not _NOTHING:
            found.append(item)
        more, asked = world.highest(int(item is not _NOTHING), stop.number)
        if more and asked:
            return None
    every = world.gathered(found)
    return world.told(task.metrics(_in_turn(every)) if every is not None else None)


def _in_turn(shares: list[list]) -> list:
    """Return the items in their order, of which share r has every len(shares)-th, beginning with number r."""
    return [shares[place % len(shares)][place // len(shares)] for place in range(sum(map(len, shares)))]
