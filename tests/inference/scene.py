"""A scene of bright rectangles on black, and networks that are plain functions of brightness."""

import numpy as np
import torch
from PIL import Image
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
