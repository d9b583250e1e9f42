"""How many processes prepare samples."""

import torch


def loader_workers(threads: int) -> int:
    """Return all of a job's threads beside a GPU, none without: there the model needs them itself."""
    return threads if torch.cuda.is_available() else 0
