"""Faster R-CNN and Mask R-CNN with a feature pyramid: the same functions as Detectron2's, of torchvision's parts."""

import torch
from torch import Tensor, nn

from podium.config.detection import Detector
from podium.models.rcnn import boxes as box
from podium.models.rcnn import masks as mask
from podium.models.rcnn.backbone import Pyramid, freeze, residual_network
from podium.models.rcnn.boxes import BoxHead, BoxPredictor, Examples
from podium.models.rcnn.pixels import Batch
from podium.models.rcnn.pooling import pool
from podium.models.rcnn.proposals import ProposalNetwork, Size

Targets = list[dict[str, Tensor]]


class RegionHeads(nn.Module):
    """What is found in proposals: category, box and, for Mask R-CNN, mask."""

    def __init__(self, settings: Detector, num_classes: int):
        super().__init__()
        self.lowest, self.levels = settings.levels[0], min(settings.levels[1], 5) - settings.levels[0] + 1
        self.box_head = box.box_head(settings)
        self.box_predictor = BoxPredictor(settings.head_features, num_classes)
        self.boxes = BoxHead(settings, num_classes)
        self.has_masks = settings.architecture == "mask_rcnn"
        if self.has_masks:
            self.mask_head = mask.mask_head(settings.fpn_channels, settings.mask_channels)
            self.mask_predictor = mask.mask_predictor(settings.mask_channels, num_classes)

    def losses(self, features: list[Tensor], proposals: list[Tensor], targets: Targets) -> dict[str, Tensor]:
        """Return the losses of some of the proposals, sampled at random."""
        examples = [
            self.boxes.examples(found, target["boxes"], target["labels"])
            for found, target in zip(proposals, targets, strict=True)
        ]
        logits, deltas = self._in_boxes(features, [each.boxes for each in examples])
        losses = self.boxes.losses(logits, deltas, examples, [target["boxes"] for target in targets])
        if self.has_masks:
            losses["loss_mask"] = self._mask_loss(features, examples, targets)
        return losses

    def detections(self, features: list[Tensor], proposals: list[Tensor], sizes: list[Size]) -> Targets:
        """Return the detections of each image (podium.models.detectors)."""
        numbers = [len(found) for found in proposals]
        logits, deltas = (part.split(numbers) for part in self._in_boxes(features, proposals))
        results = [self.boxes.detections(*image) for image in zip(logits, deltas, proposals, sizes, strict=True)]
        if self.has_masks:
            masks = self._masks(features, [found["boxes"] for found in results])
            masks = masks.split([len(found["boxes"]) for found in results])
            for found, each in zip(results, masks, strict=True):
                own = each[torch.arange(len(each), device=each.device), found["labels"] - 1]
                found["mask_probabilities"] = own.float().sigmoid()
        return results

    def _in_boxes(self, features: list[Tensor], boxes: list[Tensor]) -> tuple[Tensor, Tensor]:
        return self.box_predictor(self.box_head(pool(features[: self.levels], boxes, self.lowest, box.POOLED)))

    def _masks(self, features: list[Tensor], boxes: list[Tensor]) -> Tensor:
        pooled = pool(features[: self.levels], boxes, self.lowest, mask.POOLED)
        return self.mask_predictor(self.mask_head(pooled))

    def _mask_loss(self, features: list[Tensor], examples: list[Examples], targets: Targets) -> Tensor:
        positive = [each.classes < self.boxes.num_classes for each in examples]
        boxes = [each.boxes[here] for each, here in zip(examples, positive, strict=True)]
        classes = torch.cat([each.classes[here] for each, here in zip(examples, positive, strict=True)])
        wanted = torch.cat(
            [
                mask.mask_targets(target["masks"], each.objects[here], where)
                for target, each, here, where in zip(targets, examples, positive, boxes, strict=True)
            ]
        )
        return mask.mask_loss(self._masks(features, boxes), classes, wanted)


class RCNN(nn.Module):
    """The whole detector; `podium.models.detectors.build_detector` says what goes in and out."""

    def __init__(self, settings: Detector, num_classes: int):
        super().__init__()
        network = residual_network(
            settings.backbone, settings.norm, settings.stride_in_1x1, settings.weights == "imagenet"
        )
        self.batch = Batch(settings.pixels)
        self.backbone = Pyramid(network, settings.levels, settings.fpn_channels)
        freeze(self.backbone.body, settings.freeze_at)
        self.rpn = ProposalNetwork(settings)
        self.roi_heads = RegionHeads(settings, num_classes)

    def forward(self, images: list[Tensor], targets: Targets | None = None) -> dict[str, Tensor] | Targets:
        sizes = [(image.shape[1], image.shape[2]) for image in images]
        features = self.backbone(self.batch(images))
        truth = [target["boxes"] for target in targets] if self.training else None
        proposals, losses = self.rpn(features, sizes, truth)
        if self.training:
            return self.roi_heads.losses(features, proposals, targets) | losses
        return self.roi_heads.detections(features, proposals, sizes)
