"""Features of boxes, from the level of the pyramid that suits their size."""

import torch
from torch import Tensor
from torchvision.ops import roi_align

# A box of this side, in pixels, is looked at on this level: ImageNet's images on the last-but-one stage (Lin et al.
# 2017, equation 1).
_CANONICAL_SIDE, _CANONICAL_LEVEL = 224, 4


def pool(features: list[Tensor], boxes: list[Tensor], lowest: int, side: int) -> Tensor:
    """Return (all boxes, channels, side, side).

    Parameters
    ----------
    features
        (n, channels, h, w) of the levels from `lowest` on; level l has stride 2^l.
    boxes
        (k, 4), xyxy in pixels, of each image.
    """
    together = torch.cat(boxes)
    images = torch.cat([each.new_full((len(each), 1), number) for number, each in enumerate(boxes)])
    regions = torch.cat([images, together], dim=1)
    sides = ((together[:, 2] - together[:, 0]) * (together[:, 3] - together[:, 1])).sqrt()
    levels = torch.floor(_CANONICAL_LEVEL + torch.log2(sides / _CANONICAL_SIDE + 1e-8))
    levels = levels.clamp(lowest, lowest + len(features) - 1).long() - lowest
    order = levels.argsort(stable=True)
    numbers = levels.bincount(minlength=len(features)).tolist()
    pooled = [
        # sampling_ratio 0 takes as many points as a cell has pixels; aligned has pixels' centres at halves.
        roi_align(feature, part, side, 2.0**-level, sampling_ratio=0, aligned=True)
        for level, (feature, part) in enumerate(zip(features, regions[order].split(numbers), strict=True), start=lowest)
    ]
    return torch.cat(pooled)[order.argsort()]
