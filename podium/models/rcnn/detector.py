"""Faster R-CNN and Mask R-CNN with a feature pyramid: the same functions as Detectron2's, of torchvision's parts."""

import torch
from torch import Tensor, nn

from podium.config.detection import Detector
from podium.models.rcnn import boxes as box
from podium.models.rcnn import masks as mask
from podium.models.rcnn.backbone import Pyramid, freeze, residual_network
from podium.models.rcnn.boxes import BoxHead, BoxPredictor, Examples
from podium.models.rcnn.matching import Chance
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

    def losses(
        self, features: list[Tensor], proposals: list[Tensor], targets: Targets, chance: Chance
    ) -> dict[str, Tensor]:
        """Return the losses of some of the proposals, sampled at random."""
        examples = [
            self.boxes.examples(found, target["boxes"], target["labels"], generator)
            for found, target, generator in zip(proposals, targets, chance, strict=True)
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
        boxes, classes = zip(*(each.positive for each in examples), strict=True)
        wanted = torch.cat(
            [
                mask.mask_targets(target["masks"], each.objects, where)
                for target, each, where in zip(targets, examples, boxes, strict=True)
            ]
        )
        return mask.mask_loss(self._masks(features, list(boxes)), torch.cat(classes), wanted)


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
        if not self.training:
            proposals, _ = self.rpn(features, sizes)
            return self.roi_heads.detections(features, proposals, sizes)
        chance = [_generator(target.get("seed"), features[0].device) for target in targets]
        proposals, losses = self.rpn(features, sizes, [target["boxes"] for target in targets], chance)
        return self.roi_heads.losses(features, proposals, targets, chance) | losses


def _generator(seed: int | None, device: torch.device) -> torch.Generator | None:
    return None if seed is None else torch.Generator(device).manual_seed(seed)
