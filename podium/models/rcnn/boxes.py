"""The box head: what is in a proposal, and where exactly."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss
from torchvision.models.detection._utils import BoxCoder
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.ops import batched_nms, clip_boxes_to_image

from podium.config.detection import Detector
from podium.models.rcnn.matching import match, sample

POOLED = 7
"""Side of the features that the head takes."""

_IOU, _POSITIVE_FRACTION = 0.5, 0.25


class Examples(NamedTuple):
    """Proposals of one image that are trained on; positive ones first.

    Attributes
    ----------
    boxes
        (m, 4), xyxy.
    classes
        int64 (m,), categories from 0; background is the number of categories.
    objects
        int64 (m,), index of the object that a positive example is of.
    """

    boxes: Tensor
    classes: Tensor
    objects: Tensor


class BoxPredictor(nn.Module):
    """Two linear layers: logits of the categories and of background, which is last, and corrections of the box."""

    def __init__(self, features: int, num_classes: int):
        super().__init__()
        self.cls_score = nn.Linear(features, num_classes + 1)
        self.bbox_pred = nn.Linear(features, 4 * num_classes)
        for layer, std in ((self.cls_score, 0.01), (self.bbox_pred, 0.001)):
            nn.init.normal_(layer.weight, std=std)
            nn.init.zeros_(layer.bias)

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        return self.cls_score(features).float(), self.bbox_pred(features).float()


def box_head(settings: Detector) -> TwoMLPHead:
    """Return the layers between pooled features and the predictor, initialised as Detectron2's."""
    head = TwoMLPHead(settings.fpn_channels * POOLED**2, settings.head_features)
    for layer in (head.fc6, head.fc7):
        nn.init.kaiming_uniform_(layer.weight, a=1)
        nn.init.zeros_(layer.bias)
    return head


class BoxHead:
    """What is computed around the layers: examples, losses, detections. It has no weights."""

    def __init__(self, settings: Detector, num_classes: int):
        self.settings, self.num_classes = settings, num_classes
        self.coder = BoxCoder((10.0, 10.0, 5.0, 5.0))

    @torch.no_grad()
    def examples(self, proposals: Tensor, boxes: Tensor, labels: Tensor) -> Examples:
        """Sample from proposals and true boxes; `labels` count from 1."""
        candidates = torch.cat([proposals, boxes])
        objects, matched = match(boxes, candidates, _IOU, _IOU, best_too=False)
        positive, negative = sample(matched == 1, matched == 0, self.settings.batch_size_per_image, _POSITIVE_FRACTION)
        classes = torch.full_like(torch.cat([positive, negative]), self.num_classes)
        classes[: len(positive)] = labels[objects[positive]] - 1
        chosen = torch.cat([positive, negative])
        return Examples(candidates[chosen], classes, objects[chosen])

    def losses(
        self, logits: Tensor, deltas: Tensor, examples: list[Examples], truth: list[Tensor]
    ) -> dict[str, Tensor]:
        """Return loss_cls and loss_box_reg; `truth` are the true boxes of each image."""
        classes = torch.cat([each.classes for each in examples])
        (positive,) = torch.where(classes < self.num_classes)
        wanted = torch.cat(
            [boxes[_objects(each, self.num_classes)] for each, boxes in zip(examples, truth, strict=True)]
        )
        sources = torch.cat([each.boxes for each in examples])[positive]
        corrections = deltas.view(-1, self.num_classes, 4)[positive, classes[positive]]
        targets, beta = self.coder.encode_single(wanted, sources), self.settings.smooth_l1_beta
        location = smooth_l1_loss(corrections, targets, reduction="sum", beta=beta)
        return {"loss_cls": cross_entropy(logits, classes), "loss_box_reg": location / max(len(classes), 1)}

    def detections(self, logits: Tensor, deltas: Tensor, boxes: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        """Return `boxes`, `labels` (from 1) and `scores` of one image, best first."""
        settings = self.settings
        scores = logits.softmax(dim=1)[:, :-1]
        places, classes = torch.where(scores > settings.score_threshold)
        scores = scores[places, classes]
        corrections = deltas.view(-1, self.num_classes, 4)[places, classes]
        found = clip_boxes_to_image(self.coder.decode_single(corrections, boxes[places]), size)
        finite = found.isfinite().all(dim=1)
        found, scores, classes = found[finite], scores[finite], classes[finite]
        kept = batched_nms(found, scores, classes, settings.nms_threshold)[: settings.detections_per_image]
        return {"boxes": found[kept], "labels": classes[kept] + 1, "scores": scores[kept]}


def _objects(examples: Examples, background: int) -> Tensor:
    return examples.objects[examples.classes < background]
