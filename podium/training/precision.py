"""Lightning Fabric on one device, in full or mixed precision."""

from lightning_fabric import Fabric
from lightning_fabric.plugins import MixedPrecision


class _Autocast(MixedPrecision):
    """Mixed precision by autocast alone.

    Fabric's own also casts all that a model is given to 16 bits. Boxes in pixels would be off by up to four of them in
    bfloat16, and torchvision refuses them.
    """

    def convert_input(self, data: object) -> object:
        return data


def build_fabric(precision: str) -> Fabric:
    """Return Fabric on the GPU where there is one; `precision` is 32-true, bf16-mixed or 16-mixed."""
    fabric = Fabric(accelerator="auto", devices=1)
    if precision == "32-true":
        return fabric
    return Fabric(accelerator="auto", devices=1, plugins=[_Autocast(precision, fabric.device.type)])
