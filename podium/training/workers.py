"""How many processes a training is given."""

import os

from podium.models.device import device


def loader_workers(threads: int) -> int:
    """Return all of a job's threads beside a GPU, none without: there the model needs them itself."""
    return threads if device().type == "cuda" else 0


def training_processes(gpus: int) -> int:
    """Return a process for each GPU that a job asked for, one where there are no GPUs.

    With PODIUM_WITHOUT_GPUS=1 in the environment there are as many processes without GPUs, too: slower than one, and as
    they would be with them. Clusters are tried that way.
    """
    if device().type == "cuda" or os.environ.get("PODIUM_WITHOUT_GPUS") == "1":
        return max(gpus, 1)
    return 1
