"""From a mask in the frame of its box to a mask in the image."""

import torch
from torch import Tensor
from torch.nn.functional import grid_sample


def paste(probabilities: Tensor, box: Tensor, height: int, width: int) -> tuple[Tensor, int, int]:
    """Return where an object lies: probabilities in the part of the image around its box.

    Parameters
    ----------
    probabilities
        Float (s, s) in [0, 1], which fill the box from edge to edge.
    box
        Float (4,), xyxy in pixels of an image of (height, width).

    Returns
    -------
    (probabilities, x, y)
        Float (rows, columns), and the column and row in the image of the upper left pixel. It is empty for a box
        outside the image.

    Notes
    -----
    Interpolated at the centres of pixels, as Detectron2's paste_masks_in_image: half a mask's pixel outside the box the
    values fall to zero.
    """
    x0, y0, x1, y1 = box.tolist()
    left, top = (max(int(edge // 1) - 1, 0) for edge in (x0, y0))
    right, bottom = min(int(-(-x1 // 1)) + 1, width), min(int(-(-y1 // 1)) + 1, height)
    if right <= left or bottom <= top:
        return probabilities.new_zeros(0, 0), left, top
    x = (torch.arange(left, right, dtype=torch.float32, device=box.device) + 0.5 - box[0]) / (box[2] - box[0]) * 2 - 1
    y = (torch.arange(top, bottom, dtype=torch.float32, device=box.device) + 0.5 - box[1]) / (box[3] - box[1]) * 2 - 1
    grid = torch.stack(torch.meshgrid(x, y, indexing="xy"), dim=-1)
    return grid_sample(probabilities[None, None], grid[None], align_corners=False)[0, 0], left, top
