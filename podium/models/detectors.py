"""Detectors by their configuration: one interface, two backends that compute the same function."""

from urllib.error import URLError

from torch import nn

from podium.config.detection import Detector
from podium.errors import PodiumError
from podium.models.detectron2 import build_detectron2
from podium.models.rcnn.detector import RCNN


def build_detector(settings: Detector, num_classes: int) -> nn.Module:
    """Return a detector with random weights, or ImageNet's in the backbone where the settings say so.

    It takes a list of images, uint8 or float (3, h, w), RGB from 0 to 255; in training also a list of targets with
    `boxes`, float (n, 4), xyxy in pixels, `labels`, int64 (n,), from 1 to num_classes, and for mask_rcnn `masks`, uint8
    (n, h, w). With a target's `seed`, an int, what the torchvision backend samples of the image is a function of it.

    In training it returns the losses under Detectron2's names, else one dict per image with `boxes`, `labels` and
    `scores`, best first, and for mask_rcnn `mask_probabilities`, float (n, 28, 28), each in the frame of its box.

    Raises
    ------
    PodiumError
        ImageNet's weights cannot be had, or the backend is not installed.
    """
    try:
        if settings.backend == "detectron2":
            return build_detectron2(settings, num_classes)
        return RCNN(settings, num_classes)
    except URLError as error:
        raise PodiumError(
            f"torchvision's ImageNet weights of {settings.backbone} could not be downloaded: {error.reason}",
            key="model.weights",
            mend="run once where there is a network, or set weights: none",
        ) from None
