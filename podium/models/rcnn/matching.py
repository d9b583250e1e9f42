"""Which boxes are examples of which objects, and which of them are used in an iteration."""

from collections.abc import Sequence

import torch
from torch import Tensor
from torchvision.ops import box_iou

IGNORED = -1

Chance = Sequence[torch.Generator | None]
"""Where the random numbers of each image come from; None: from torch's own generator."""


def match(truth: Tensor, boxes: Tensor, low: float, high: float, best_too: bool) -> tuple[Tensor, Tensor]:
    """Match boxes with objects by IoU.

    Parameters
    ----------
    truth, boxes
        Float (m, 4) and (n, 4), xyxy.
    low, high
        From `high` on a box matches, under `low` it is background; between the two it is ignored.
    best_too
        An object's best boxes match it whatever their IoU, if there is any.

    Returns
    -------
    (objects, labels)
        int64 (n,): index of the object with the largest IoU; 1, 0 or IGNORED.
    """
    if len(truth) == 0 or len(boxes) == 0:
        nothing = torch.zeros(len(boxes), dtype=torch.int64, device=boxes.device)
        return nothing, nothing
    iou = box_iou(truth, boxes)
    values, objects = iou.max(dim=0)
    labels = torch.full_like(objects, IGNORED)
    labels[values < low] = 0
    labels[values >= high] = 1
    if best_too:
        best = iou.max(dim=1, keepdim=True).values
        labels[((iou == best) & (best > 0)).any(dim=0)] = 1
    return objects, labels


def sample(
    positive: Tensor,
    negative: Tensor,
    number: int,
    positive_fraction: float,
    generator: torch.Generator | None = None,
) -> tuple[Tensor, Tensor]:
    """Return indices of a random sample of two masks (n,): at most `number`, of these at most a fraction positive.

    Random numbers are drawn in Detectron2's order, so that equal seeds give equal samples.
    """
    positive, negative = (mask.nonzero().squeeze(1) for mask in (positive, negative))
    positives = min(len(positive), int(number * positive_fraction))
    negatives = min(len(negative), number - positives)
    first = torch.randperm(len(positive), generator=generator, device=positive.device)[:positives]
    second = torch.randperm(len(negative), generator=generator, device=negative.device)[:negatives]
    return positive[first], negative[second]
