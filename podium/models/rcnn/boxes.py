"""The box head: what is in a proposal, and where exactly."""

from typing import NamedTuple

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, smooth_l1_loss
from torchvision.models.detection.faster_rcnn import TwoMLPHead
from torchvision.ops import batched_nms, clip_boxes_to_image

from podium.config.detection import Detector
from podium.models.rcnn.coding import decode, encode
from podium.models.rcnn.matching import match, sample

POOLED = 7
"""Side of the features that the head takes."""

_IOU, _POSITIVE_FRACTION = 0.5, 0.25
_WEIGHTS = (10.0, 10.0, 5.0, 5.0)


class Examples(NamedTuple):
    """Proposals of one image that are trained on; positive ones first.

    Attributes
    ----------
    boxes
        (m, 4), xyxy.
    classes
        int64 (m,), categories from 0; background is the number of categories.
    objects
        int64 (positive examples,), index of the object that each is of.
    """

    boxes: Tensor
    classes: Tensor
    objects: Tensor

    @property
    def positive(self) -> tuple[Tensor, Tensor]:
        """Boxes and classes of the positive examples."""
        return self.boxes[: len(self.objects)], self.classes[: len(self.objects)]


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

    @torch.no_grad()
    def examples(
        self, proposals: Tensor, boxes: Tensor, labels: Tensor, generator: torch.Generator | None = None
    ) -> Examples:
        """Sample from proposals and true boxes; `labels` count from 1."""
        candidates = torch.cat([proposals, boxes])
        objects, matched = match(boxes, candidates, _IOU, _IOU, best_too=False)
        number = self.settings.batch_size_per_image
        positive, negative = sample(matched == 1, matched == 0, number, _POSITIVE_FRACTION, generator)
        background = torch.full_like(negative, self.num_classes)
        classes = torch.cat([labels[objects[positive]] - 1, background])
        return Examples(candidates[torch.cat([positive, negative])], classes, objects[positive])

    def losses(
        self, logits: Tensor, deltas: Tensor, examples: list[Examples], truth: list[Tensor]
    ) -> dict[str, Tensor]:
        """Return loss_cls and loss_box_reg; `truth` are the true boxes of each image."""
        numbers = [len(each.classes) for each in examples]
        sources, classes = (torch.cat(parts) for parts in zip(*(each.positive for each in examples), strict=True))
        targets = torch.cat([boxes[each.objects] for each, boxes in zip(examples, truth, strict=True)])
        positive = torch.cat(
            [part[: len(each.objects)] for part, each in zip(deltas.split(numbers), examples, strict=True)]
        )
        places = torch.arange(len(classes), device=classes.device)
        corrections = positive.view(-1, self.num_classes, 4)[places, classes]
        codes, beta = encode(targets, sources, _WEIGHTS), self.settings.smooth_l1_beta
        location = smooth_l1_loss(corrections, codes, reduction="sum", beta=beta)
        wanted = torch.cat([each.classes for each in examples])
        return {
            # The mean over no examples is not a number.
            "loss_cls": cross_entropy(logits, wanted) if len(wanted) else logits.sum() * 0,
            "loss_box_reg": location / max(len(wanted), 1),
        }

    def detections(self, logits: Tensor, deltas: Tensor, boxes: Tensor, size: tuple[int, int]) -> dict[str, Tensor]:
        """Return `boxes`, `labels` (from 1) and `scores` of one image, best first."""
        settings = self.settings
        scores = logits.softmax(dim=1)[:, :-1]
        places, classes = torch.where(scores > settings.score_threshold)
        scores = scores[places, classes]
        corrections = deltas.view(-1, self.num_classes, 4)[places, classes]
        found = clip_boxes_to_image(decode(corrections, boxes[places], _WEIGHTS), size)
        (finite,) = torch.where(found.isfinite().all(dim=1))
        kept = batched_nms(found[finite], scores[finite], classes[finite], settings.nms_threshold)
        kept = finite[kept[: settings.detections_per_image]]
        return {"boxes": found[kept], "labels": classes[kept] + 1, "scores": scores[kept]}
