"""How many processes a training is given."""

from podium.models.device import device


def loader_workers(threads: int) -> int:
    """Return all of a job's threads beside a GPU, none without: there the model needs them itself."""
    return threads if device().type == "cuda" else 0


def training_processes(gpus: int) -> int:
    """Return a process for each GPU that a job asked for, one where there are no GPUs."""
    return max(gpus, 1) if device().type == "cuda" else 1
