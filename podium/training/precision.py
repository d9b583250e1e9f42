"""Lightning Fabric on one device, in full or mixed precision."""

import torch
from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision
from lightning_fabric.plugins.environments import LightningEnvironment

from podium.models.device import device


class _Autocast(MixedPrecision):
    """Mixed precision by autocast alone.

    Fabric's own also casts all that a model is given to 16 bits. Boxes in pixels would be off by up to four of them in
    bfloat16, and torchvision refuses them.
    """

    def convert_input(self, data: object) -> object:
        return data


def build_fabric(precision: str) -> Fabric:
    """Return Fabric on this process's GPU where there is one; `precision` is 32-true, bf16-mixed or 16-mixed.

    Fabric is told of one device whatever the number of processes (podium.training.world brings those together), and of
    a plain environment: under Slurm it would count the job's tasks, and refuse those that do not suit it.
    """
    kind = device().type
    plugins = [LightningEnvironment()]
    if precision != "32-true":
        plugins.append(_Autocast(precision, kind))
    devices = [torch.cuda.current_device()] if kind == "cuda" else 1
    return Fabric(accelerator=kind, devices=devices, plugins=plugins)
