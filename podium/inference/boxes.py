"""What a detector finds in images of a dataset, as COCO results."""

from collections.abc import Iterable, Iterator

import numpy as np
import torch
from torch import Tensor, nn

from podium.config.detection import DetectionInput
from podium.data.dataset import Dataset
from podium.data.masks import encode_at
from podium.data.resize import resize, target_size
from podium.inference.ahead import ahead
from podium.inference.paste import paste

# Mask R-CNN's own, in Detectron2 too.
_MASK_THRESHOLD = 0.5

# Beside a GPU, threads that decode and resize the next images.
_THREADS = 4


def as_tensor(image: np.ndarray) -> Tensor:
    """Return a uint8 (h, w, 3) image as a tensor (3, h, w)."""
    return torch.from_numpy(np.ascontiguousarray(image.transpose(2, 0, 1)))


def predict_boxes(model: nn.Module, dataset: Dataset, image_ids: Iterable[int], settings: DetectionInput) -> list[dict]:
    """Return COCO results: image_id, category_id, bbox [x, y, w, h] in the image's own pixels, score.

    A Mask R-CNN's have a `segmentation` (RLE), too.

    Parameters
    ----------
    model
        A detector in evaluation mode (podium.models.detectors.build_detector).
    settings
        min_size_test and max_size_test, to which images are resized before and boxes scaled back after.
    """
    return [result for found in boxes_by_image(model, dataset, image_ids, settings) for result in found]


def boxes_by_image(
    model: nn.Module, dataset: Dataset, image_ids: Iterable[int], settings: DetectionInput
) -> Iterator[list[dict]]:
    """Yield the results of each image, as `predict_boxes` returns them.

    Images go through the model one by one: padded to a common size, their features at the edges would depend on the
    others.
    """
    device = next(model.parameters()).device

    def read(image_id: int) -> tuple[int, np.ndarray, Tensor]:
        image = dataset.read(image_id)
        size = target_size(*image.shape[:2], settings.min_size_test, settings.max_size_test)
        return image_id, np.array(image.shape[1::-1]), as_tensor(resize(image, *size))

    for image_id, size, image in ahead(read, image_ids, _THREADS if device.type == "cuda" else 0):
        with torch.no_grad():
            (found,) = model([image.to(device)])
        yield _results(image_id, size, np.array(image.shape[:0:-1]), {key: part.cpu() for key, part in found.items()})


def _results(image_id: int, size: np.ndarray, seen: np.ndarray, found: dict[str, Tensor]) -> list[dict]:
    """Return COCO results of an image of size (width, height), which the model was shown with another."""
    width, height = size.tolist()
    boxes = found["boxes"] * torch.from_numpy(np.tile(size / seen, 2))
    there = (boxes[:, 2:] > boxes[:, :2]).all(dim=1)
    boxes, found = boxes[there], {key: part[there] for key, part in found.items()}
    results = []
    for box, label, score in zip(boxes, found["labels"].tolist(), found["scores"].tolist(), strict=True):
        x0, y0, x1, y1 = box.tolist()
        bbox = [x0, y0, x1 - x0, y1 - y0]
        results.append({"image_id": image_id, "category_id": label, "bbox": bbox, "score": score})
    if "mask_probabilities" in found:
        for result, box, mask in zip(results, boxes.float(), found["mask_probabilities"], strict=True):
            inside, x, y = paste(mask, box, height, width)
            result["segmentation"] = encode_at((inside >= _MASK_THRESHOLD).numpy(), x, y, height, width)
    return results
