"""Samples to train a detector on: images with boxes and masks, resized, cropped and augmented."""

import albumentations
import numpy as np
import torch
from PIL import Image
from torch import Tensor

from podium.config.detection import DetectionInput
from podium.data.dataset import AnnotationEntry, Dataset
from podium.data.masks import Rle, box_of, decode_at
from podium.data.resize import resize, target_size
from podium.data.tiles import Tile, shifted, views_of
from podium.errors import PodiumError
from podium.inference.seen import as_tensor
from podium.training.augment import apply, build_transforms

# An object cut off by a crop or a tile counts while this part of its box is left.
_VISIBLE = 0.25


class DetectionSamples:
    """Images with boxes and, where they are asked for, masks; resized, cropped and augmented. Crowds are left out.

    With settings.tiles each tile of an image is a sample, which every time is cut from another place nearby.
    """

    def __init__(self, dataset: Dataset, image_ids: list[int], settings: DetectionInput, masks: bool = False):
        self.dataset, self.settings, self.masks = dataset, settings, masks
        self.views = [
            (image_id, tile)
            for image_id in image_ids
            for tile in views_of(*_size(dataset, image_id), settings.tiles)
            if not settings.filter_empty or self._objects(image_id, tile)[0]
        ]
        if not self.views:
            raise PodiumError("no image in the training part", file=dataset.folder / "annotations.json", key="splits")
        if masks:
            _require_masks(dataset, self.image_ids)
        side = settings.crop_train
        padding = [albumentations.PadIfNeeded(side, side, border_mode=0, fill=0)] if side else []
        self.pipeline = albumentations.Compose(
            [*padding, *build_transforms(settings.augmentation)],
            bbox_params=albumentations.BboxParams(
                "pascal_voc", label_fields=["places"], min_visibility=_VISIBLE, min_area=1.0, clip=True
            ),
        )

    def __len__(self) -> int:
        return len(self.views)

    @property
    def image_ids(self) -> list[int]:
        """The images that samples are taken from."""
        return list(dict.fromkeys(image_id for image_id, _ in self.views))

    def _objects(self, image_id: int, tile: Tile) -> tuple[list[AnnotationEntry], np.ndarray]:
        """Return the objects of which enough is seen in a tile, and their boxes there, xyxy, float64 (n, 4)."""
        objects = [entry for entry in self.dataset.annotations[image_id] if not entry["iscrowd"]]
        boxes = np.array([entry["bbox"] for entry in objects], dtype=np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        if (tile.height, tile.width) == _size(self.dataset, image_id):
            return objects, boxes
        return _seen(objects, boxes, tile)

    def _near(self, image_id: int, tile: Tile, rng: np.random.Generator) -> Tile:
        """Return a tile at a random place near this one; not one without objects where those are left out."""
        tiles = self.settings.tiles
        if tiles is None:
            return tile
        near = shifted(tile, *_size(self.dataset, image_id), tiles, rng)
        return near if not self.settings.filter_empty or self._objects(image_id, near)[0] else tile

    def _crop(self, height: int, width: int, rng: np.random.Generator) -> Tile:
        """Return the part of a resized image that is cut out: crop_train pixels at random along each longer side."""
        side = self.settings.crop_train
        if side is None or max(height, width) <= side:
            return Tile(0, 0, width, height)
        across, down = min(side, width), min(side, height)
        x, y = rng.integers(0, [width - across, height - down], endpoint=True)
        return Tile(int(x), int(y), across, down)

    def draw(self, index: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor | int]]:
        """Return an image, uint8 (3, h, w), and its target.

        The target has `boxes`, float32 (n, 4), xyxy in pixels, `labels`, int64 (n,), where they are asked for `masks`,
        uint8 (n, h, w), and a `seed` for what the model samples of the image.
        """
        image_id, tile = self.views[index]
        tile = self._near(image_id, tile, rng)
        image = tile.cut(self.dataset.read(image_id))
        min_size = int(rng.choice(self.settings.min_size_train))
        size = target_size(tile.height, tile.width, min_size, self.settings.max_size_train)
        image = resize(image, *size)
        objects, boxes = self._objects(image_id, tile)
        boxes *= np.tile(np.array(size[::-1]) / (tile.width, tile.height), 2)
        crop = self._crop(*size, rng)
        if crop[2:] != size[::-1]:
            image, (objects, boxes) = crop.cut(image), _seen(objects, boxes, crop)
        masks = [_resized(entry["segmentation"], tile, size, crop) for entry in objects] if self.masks else []
        more = {"masks": masks} if masks else {}
        # Boxes that are cut off disappear, masks do not: the places say which are left.
        drawn = apply(self.pipeline, rng, image=image, bboxes=boxes, places=np.arange(len(objects)), **more)
        left = [int(place) for place in drawn["places"]]
        labels = [objects[place]["category_id"] for place in left]
        target = {
            "boxes": torch.as_tensor(np.array(drawn["bboxes"]), dtype=torch.float32).reshape(-1, 4),
            "labels": torch.as_tensor(labels, dtype=torch.int64),
            "seed": int(rng.integers(2**63)),
        }
        if self.masks:
            kept = np.zeros((len(left), *drawn["image"].shape[:2]), dtype=np.uint8)
            for mask, place in zip(kept, left, strict=True):
                mask[:] = drawn["masks"][place]
            target["masks"] = torch.from_numpy(kept)
        return as_tensor(drawn["image"]), target


def _size(dataset: Dataset, image_id: int) -> tuple[int, int]:
    entry = dataset.images[image_id]
    return entry["height"], entry["width"]


def _require_masks(dataset: Dataset, image_ids: list[int]) -> None:
    for image_id in image_ids:
        for entry in dataset.annotations[image_id]:
            if not entry["iscrowd"] and not entry.get("segmentation"):
                raise PodiumError(
                    "an object without a mask: Mask R-CNN learns from masks",
                    file=dataset.folder / "annotations.json",
                    record=f"annotation {entry['id']}",
                    mend="take architecture: faster_rcnn, or leave such objects out",
                )


def _seen(objects: list[AnnotationEntry], boxes: np.ndarray, part: Tile) -> tuple[list[AnnotationEntry], np.ndarray]:
    """Return the objects of which enough is seen in a part of what `boxes` (n, 4), xyxy, lie in; boxes in the part."""
    clipped = np.clip(boxes - [part.x, part.y] * 2, 0, [part.width, part.height] * 2)
    areas, seen = ((each[:, 2:] - each[:, :2]).prod(axis=1) for each in (boxes, clipped))
    there = np.flatnonzero(seen >= _VISIBLE * areas)
    return [objects[place] for place in there], clipped[there]


def _resized(mask: Rle, tile: Tile, size: tuple[int, int], crop: Tile) -> np.ndarray:
    """Return what a mask looks like in a part, `crop`, of a tile that is resized to `size` (height, width).

    uint8 (crop.height, crop.width) of 0 and 1. Only the pixels around the object are resized.
    """
    shown = np.zeros((crop.height, crop.width), dtype=np.uint8)
    # All of x and y: `step` pixels of the tile become one.
    step = np.divide((tile.width, tile.height), size[::-1])
    corner, sides = np.split(np.array(box_of(mask)), 2)
    low = (corner - (tile.x, tile.y)) / step
    first = np.maximum(np.floor(low).astype(int) - 1, (crop.x, crop.y))
    last = np.minimum(np.ceil(low + sides / step).astype(int) + 1, (crop.x + crop.width, crop.y + crop.height))
    if (first >= last).any():
        return shown
    # As far as the filter reaches, so that the pixels are those that resizing all of the mask gives.
    reach = np.maximum(step, 1) + 1
    begin = np.maximum(np.floor(first * step - reach).astype(int), 0)
    end = np.minimum(np.ceil(last * step + reach).astype(int), (tile.width, tile.height))
    part = decode_at(mask, tile.x + begin[0], tile.y + begin[1], *(end - begin)[::-1])
    region = np.clip([first * step - begin, last * step - begin], 0, end - begin)
    pixels = Image.fromarray(part.astype(np.uint8) * 255).resize(
        tuple(last - first), Image.Resampling.BILINEAR, box=tuple(region.ravel())
    )
    x, y = first - (crop.x, crop.y)
    shown[y : y + pixels.height, x : x + pixels.width] = np.asarray(pixels) >= 128
    return shown
