"""The mask head (He et al. 2017, arXiv:1703.06870)."""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits
from torchvision.ops import roi_align

POOLED = 14
"""Side of the features that the head takes; a mask has twice it."""


def mask_head(channels_in: int, channels: int) -> nn.Sequential:
    """Return four convolutions and one that doubles the side, initialised as Detectron2's."""
    layers: list[nn.Module] = []
    for width in (channels_in, channels, channels, channels):
        layers += [nn.Conv2d(width, channels, 3, padding=1), nn.ReLU()]
    layers += [nn.ConvTranspose2d(channels, channels, 2, stride=2), nn.ReLU()]
    for layer in layers[::2]:
        nn.init.kaiming_normal_(layer.weight, mode="fan_out", nonlinearity="relu")
        nn.init.zeros_(layer.bias)
    return nn.Sequential(*layers)


def mask_predictor(channels: int, num_classes: int) -> nn.Conv2d:
    """Return the last layer: a mask for each category."""
    layer = nn.Conv2d(channels, num_classes, 1)
    nn.init.normal_(layer.weight, std=0.001)
    nn.init.zeros_(layer.bias)
    return layer


def mask_loss(logits: Tensor, classes: Tensor, targets: Tensor) -> Tensor:
    """Return the loss of (m, categories, s, s) logits for objects of `classes` (from 0) with masks (m, s, s)."""
    if len(classes) == 0:
        return logits.sum() * 0
    own = logits[torch.arange(len(classes), device=logits.device), classes].float()
    return binary_cross_entropy_with_logits(own, targets)


@torch.no_grad()
def mask_targets(masks: Tensor, objects: Tensor, boxes: Tensor) -> Tensor:
    """Return what the head should find: float (m, s, s) of 0 and 1.

    Parameters
    ----------
    masks
        uint8 (k, h, w), of the image's objects.
    objects
        int64 (m,), whose mask each box should hold.
    boxes
        (m, 4), xyxy.
    """
    regions = torch.cat([objects[:, None].to(boxes.dtype), boxes], dim=1)
    found = roi_align(masks[:, None].float(), regions, 2 * POOLED, 1.0, sampling_ratio=0, aligned=True)
    return (found[:, 0] >= 0.5).float()
