"""How many processes prepare samples."""

from podium.models.device import device


def loader_workers(threads: int) -> int:
    """Return all of a job's threads beside a GPU, none without: there the model needs them itself."""
    return threads if device().type == "cuda" else 0
