"""Where models run."""

import torch


def device() -> torch.device:
    """Return the first CUDA GPU, or else the processor.

    Apple's GPUs are left out: they have no float64, and not all operations that the detectors need.
    """
    return torch.device("cuda" if torch.cuda.is_available() else "cpu")
