"""Losses and weights that are no numbers: a training stops, for it cannot come back from there."""

import math

import torch
from torch import Tensor, nn

from podium.errors import PodiumError
from podium.training.world import World


class Diverged(PodiumError):
    """A loss or a weight is not finite.

    Attributes
    ----------
    history
        The rows before the fault.
    """

    def __init__(self, problem: str, *, history: list[dict[str, float]] | tuple = (), **where: object):
        super().__init__(problem, **where)
        self.history = list(history)


def read_losses(
    rows: list[dict[str, float | Tensor]], world: World, before: list[dict[str, float]]
) -> list[dict[str, float]]:
    """Return rows of numbers, means over the processes, for rows with tensors on the device.

    Diverged at the first loss that is not finite; `before` are the rows that were read already.
    """
    names = [name for name, value in rows[0].items() if isinstance(value, Tensor)]
    read_off = torch.stack([torch.stack([row[name].float() for name in names]) for row in rows]).tolist()
    found = [
        row | dict(zip(names, numbers, strict=True)) for row, numbers in zip(rows, world.means(read_off), strict=True)
    ]
    for place, row in enumerate(found):
        if not math.isfinite(row["loss"]):
            parts = ", ".join(f"{key} {value}" for key, value in row.items() if key.startswith("loss"))
            raise Diverged(
                f"the loss is not finite at iteration {row['iteration']} ({parts})",
                history=before + found[:place],
                **_advice(row),
            )
    return found


def check_weights(model: nn.Module, history: list[dict[str, float]]) -> None:
    """Stop where a finite loss had a gradient that was not: such weights must be neither saved nor kept."""
    for name, parameter in model.named_parameters():
        if not parameter.detach().isfinite().all():
            row = history[-1]
            raise Diverged(
                f"{name} is not finite after iteration {row['iteration']}", history=history[:-1], **_advice(row)
            )


def _advice(row: dict[str, float]) -> dict[str, str]:
    return {
        "key": "solver.base_lr",
        "mend": f"lower the learning rate (it was {row['lr']:.3g}), lengthen warmup_iters or set clip_norm",
    }
