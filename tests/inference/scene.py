"""A scene of bright rectangles on black, and networks that are plain functions of brightness."""

import cv2
import numpy as np
import torch
from PIL import Image
from scipy import ndimage
from torch import nn

from podium.data.dataset import Dataset
from podium.data.masks import encode
from podium.inference.masks import PIXEL_MEAN, PIXEL_STD


class Brightness(nn.Module):
    """A segmenter: a pixel belongs to the object where it is brighter than half; steep, so that it nearly is a step."""

    def __init__(self):
        super().__init__()
        self.steepness = nn.Parameter(torch.tensor(60.0))

    def forward(self, images):
        red = images[:, :1] * PIXEL_STD[0] + PIXEL_MEAN[0]
        return self.steepness * (red - 0.5)


class BoundingBox(nn.Module):
    """A detector: the box around all pixels brighter than half, with the image's mean as score."""

    def __init__(self):
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(0.5))

    def forward(self, images):
        found = []
        for image in images:
            rows, columns = torch.nonzero(image[0] > 255 * self.threshold, as_tuple=True)
            box = [columns.min(), rows.min(), columns.max() + 1, rows.max() + 1] if len(rows) else None
            boxes = torch.tensor([box] if box else []).float().reshape(-1, 4)
            count = len(boxes)
            scores = (image / 255).mean().expand(count)
            found.append({"boxes": boxes, "labels": torch.full((count,), 2), "scores": scores})
        return found


class Blobs(nn.Module):
    """A detector of everything bright that hangs together, with its exact box and mask, also of parts at a border.

    The label is 1 where red is below 255, else 2; the score grows with the object.
    """

    def __init__(self):
        super().__init__()
        self.threshold = nn.Parameter(torch.tensor(0.5))

    def forward(self, images):
        return [self.found(image[0].numpy()) for image in images]

    def found(self, red):
        marked, _ = ndimage.label(red > 255 * self.threshold.item())
        boxes, labels, scores, masks = [], [], [], []
        for number, (rows, columns) in enumerate(ndimage.find_objects(marked), start=1):
            own = (marked[rows, columns] == number).astype(np.float32)
            boxes.append([columns.start, rows.start, columns.stop, rows.stop])
            labels.append(1 + int(red[rows, columns].max() == 255))
            scores.append(own.sum() / (own.sum() + 1000))
            masks.append(cv2.resize(own, (28, 28), interpolation=cv2.INTER_LINEAR))
        return {
            "boxes": torch.tensor(boxes).reshape(-1, 4).float(),
            "labels": torch.tensor(labels).long(),
            "scores": torch.tensor(scores),
            "mask_probabilities": torch.from_numpy(np.array(masks, dtype=np.float32).reshape(-1, 28, 28)),
        }


def paint(rectangles, height, width):
    """Return an image, uint8 (height, width, 3), white in the rectangles [x, y, w, h]."""
    image = np.zeros((height, width, 3), dtype=np.uint8)
    for x, y, w, h in rectangles:
        image[y : y + h, x : x + w] = 255
    return image


def dataset(folder, images, objects=None):
    """Write images, uint8 (h, w, 3) by id; `objects` are rectangles by image id, which get exact masks."""
    (folder / "images").mkdir(parents=True, exist_ok=True)
    entries, annotations = {}, {}
    for image_id, image in images.items():
        Image.fromarray(image).save(folder / "images" / f"{image_id}.png")
        height, width = image.shape[:2]
        entries[image_id] = {
            **{"id": image_id, "file_name": f"{image_id}.png", "width": width, "height": height},
            **{"key": str(image_id), "subset": "train", "digest": ""},
        }
        annotations[image_id] = [
            {"id": number, "image_id": image_id, "category_id": 1, "bbox": list(map(float, box)), "iscrowd": 0}
            | {"area": float(box[2] * box[3]), "segmentation": encode(paint([box], height, width)[..., 0])}
            for number, box in enumerate((objects or {}).get(image_id, []))
        ]
    return Dataset(folder, entries, annotations, [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}], "")
