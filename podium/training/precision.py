"""Lightning Fabric on one device, in full or mixed precision."""

from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision

from podium.models.device import device


class _Autocast(MixedPrecision):
    """Mixed precision by autocast alone.

    Fabric's own also casts all that a model is given to 16 bits. Boxes in pixels would be off by up to four of them in
    bfloat16, and torchvision refuses them.
    """

    def convert_input(self, data: object) -> object:
        return data


def build_fabric(precision: str) -> Fabric:
    """Return Fabric on the GPU where there is one; `precision` is 32-true, bf16-mixed or 16-mixed."""
    kind = device().type
    plugins = [] if precision == "32-true" else [_Autocast(precision, kind)]
    return Fabric(accelerator=kind, devices=1, plugins=plugins)
