"""Weights averaged over the iterations, which are often better than the last ones."""

from torch import nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn


def averaged(model: nn.Module, decay: float | None) -> AveragedModel | None:
    """Return a copy of the model for the exponential moving average of its weights and statistics; None for none.

    The first update copies; each later one moves the copy by 1 - decay towards the model.
    """
    if decay is None:
        return None
    return AveragedModel(model, multi_avg_fn=get_ema_multi_avg_fn(decay), use_buffers=True)
