"""The region proposal network (Ren et al. 2015, arXiv:1506.01497), computed as Detectron2 does."""

import torch
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits, smooth_l1_loss
from torchvision.models.detection.rpn import RPNHead
from torchvision.ops import batched_nms, clip_boxes_to_image

from podium.config.detection import Detector
from podium.models.rcnn.anchors import Anchors
from podium.models.rcnn.coding import decode, encode
from podium.models.rcnn.matching import Chance, match, sample

# Values that Detectron2 has as defaults and that are no keys of ours.
_LOW_IOU, _HIGH_IOU, _POSITIVE_FRACTION, _NMS_IOU = 0.3, 0.7, 0.5, 0.7
_WEIGHTS = (1.0, 1.0, 1.0, 1.0)

Size = tuple[int, int]
Losses = dict[str, Tensor]


class ProposalNetwork(nn.Module):
    """Boxes that may hold an object of whatever category, from the features of a pyramid."""

    def __init__(self, settings: Detector):
        super().__init__()
        low, high = settings.levels
        strides = [2**level for level in range(low, high + 1)]
        self.anchors = Anchors(settings.anchor_sizes, settings.aspect_ratios, strides)
        self.head = RPNHead(settings.fpn_channels, len(settings.aspect_ratios))
        self.settings = settings

    def forward(
        self, features: list[Tensor], sizes: list[Size], truth: list[Tensor] | None = None, chance: Chance = ()
    ) -> tuple[list[Tensor], Losses]:
        """Return the proposals of each image, and the losses where the objects are given.

        Parameters
        ----------
        features
            (n, channels, h, w) of each level.
        sizes
            Height and width of each image, before it was padded.
        truth
            Boxes of the objects of each image, (k, 4).
        chance
            Where each image's random numbers come from, in training.

        Returns
        -------
        (proposals, losses)
            Float (m, 4), xyxy in pixels, inside the image, best first; loss_rpn_cls and loss_rpn_loc.
        """
        anchors = self.anchors(features)
        logits, deltas = self.head(features)
        # 16 bits would not hold a coordinate.
        logits = [_positions_first(level, 1).float().squeeze(2) for level in logits]
        deltas = [_positions_first(level, 4).float() for level in deltas]
        losses = {}
        if truth is not None:
            losses = self._losses(torch.cat(anchors), torch.cat(logits, dim=1), torch.cat(deltas, dim=1), truth, chance)
        with torch.no_grad():
            return self._best(anchors, logits, deltas, sizes), losses

    def _losses(self, anchors: Tensor, logits: Tensor, deltas: Tensor, truth: list[Tensor], chance: Chance) -> Losses:
        """Return the losses of (anchors, 4), logits (n, anchors) and deltas (n, anchors, 4)."""
        number = self.settings.rpn_batch_size_per_image
        used, wanted, corrections, sources, targets = [], [], [], [], []
        for image_logits, image_deltas, boxes, generator in zip(logits, deltas, truth, chance, strict=True):
            with torch.no_grad():
                objects, labels = match(boxes, anchors, _LOW_IOU, _HIGH_IOU, best_too=True)
                positive, negative = sample(labels == 1, labels == 0, number, _POSITIVE_FRACTION, generator)
            used += [image_logits[positive], image_logits[negative]]
            wanted += [used[-2].new_ones(len(positive)), used[-1].new_zeros(len(negative))]
            corrections.append(image_deltas[positive])
            sources.append(anchors[positive])
            targets.append(boxes[objects[positive]])
        classification = binary_cross_entropy_with_logits(torch.cat(used), torch.cat(wanted), reduction="sum")
        codes = encode(torch.cat(targets), torch.cat(sources), _WEIGHTS)
        location = smooth_l1_loss(torch.cat(corrections), codes, reduction="sum", beta=self.settings.smooth_l1_beta)
        # By the number that is asked for, not by the number that is there.
        normaliser = number * len(truth)
        return {"loss_rpn_cls": classification / normaliser, "loss_rpn_loc": location / normaliser}

    def _best(
        self, anchors: list[Tensor], logits: list[Tensor], deltas: list[Tensor], sizes: list[Size]
    ) -> list[Tensor]:
        settings = self.settings
        # Detectron2's two numbers, PRE_NMS_TOPK and POST_NMS_TOPK, for pyramids: 2000 and 1000 in training, else 1000.
        before, after = (
            (2 * settings.proposals_train, settings.proposals_train)
            if self.training
            else (settings.proposals_test, settings.proposals_test)
        )
        sources, corrections, scores, levels = [], [], [], []
        for level, (level_anchors, level_logits, level_deltas) in enumerate(zip(anchors, logits, deltas, strict=True)):
            best, places = level_logits.topk(min(before, level_logits.shape[1]), dim=1)
            sources.append(level_anchors[places])
            corrections.append(level_deltas.gather(1, places[..., None].expand(-1, -1, 4)))
            scores.append(best)
            levels.append(torch.full_like(places, level))
        boxes = decode(torch.cat(corrections, dim=1), torch.cat(sources, dim=1), _WEIGHTS)
        whole = zip(boxes, torch.cat(scores, dim=1), torch.cat(levels, dim=1), sizes, strict=True)
        return [self._suppressed(*image, after) for image in whole]

    @staticmethod
    def _suppressed(boxes: Tensor, scores: Tensor, levels: Tensor, size: Size, number: int) -> Tensor:
        boxes = clip_boxes_to_image(boxes, size)
        # Boxes that are not finite compare as false: a diverged model has no proposals, and its losses say so.
        there = ((boxes[:, 2:] > boxes[:, :2]).all(dim=1) & scores.isfinite()).nonzero().squeeze(1)
        kept = batched_nms(boxes[there], scores[there], levels[there], _NMS_IOU)[:number]
        return boxes[there[kept]]


def _positions_first(level: Tensor, values: int) -> Tensor:
    """Return (n, h * w * shapes, values) of a head's (n, shapes * values, h, w)."""
    n, _, height, width = level.shape
    return level.view(n, -1, values, height, width).permute(0, 3, 4, 1, 2).reshape(n, -1, values)
