"""Boxes of a detector for images of a dataset, as COCO results."""

from collections.abc import Iterable

import numpy as np
import torch
from torch import Tensor, nn

from podium.config.detection import DetectionInput
from podium.data.dataset import Dataset
from podium.data.resize import resize, target_size


def as_tensor(image: np.ndarray) -> Tensor:
    """Return a uint8 (h, w, 3) image as float (3, h, w) in [0, 1]."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1))).float() / 255


@torch.no_grad()
def predict_boxes(model: nn.Module, dataset: Dataset, image_ids: Iterable[int], settings: DetectionInput) -> list[dict]:
    """Return COCO results: image_id, category_id, bbox [x, y, w, h] in the image's own pixels, score.

    Parameters
    ----------
    model
        A detector in evaluation mode (podium.models.detectors.build_detector).
    settings
        min_size_test and max_size_test, to which images are resized before and boxes scaled back after.
    """
    device = next(model.parameters()).device
    results = []
    for image_id in image_ids:
        image = dataset.read(image_id)
        height, width = image.shape[:2]
        resized = resize(image, *target_size(height, width, settings.min_size_test, settings.max_size_test))
        found = model([as_tensor(resized).to(device)])[0]
        boxes = found["boxes"].cpu().double().numpy()
        boxes *= np.tile([width / resized.shape[1], height / resized.shape[0]], 2)
        for box, label, score in zip(boxes, found["labels"].tolist(), found["scores"].tolist(), strict=True):
            x0, y0, x1, y1 = box.tolist()
            results.append(
                {"image_id": image_id, "category_id": label, "bbox": [x0, y0, x1 - x0, y1 - y0], "score": score}
            )
    return results
