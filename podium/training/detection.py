"""Training a detector: its samples, its losses, its validation."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import albumentations
import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn

from podium.config.detection import DetectionExperiment, DetectionInput
from podium.data.dataset import AnnotationEntry, Dataset
from podium.data.masks import Rle, decode_at
from podium.data.resize import resize, target_size
from podium.data.tiles import Tile, shifted, views_of
from podium.errors import PodiumError
from podium.evaluation.coco import average_precision
from podium.inference.boxes import boxes_by_image
from podium.inference.seen import as_tensor
from podium.models.checkpoint import Checkpoint
from podium.models.detectors import build_detector
from podium.models.rcnn.pixels import STATISTICS
from podium.models.starting_weights import start_from
from podium.training.augment import apply, build_transforms
from podium.training.train import train
from podium.training.watchers import Tracker

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
        crop, side = [], settings.crop_train
        if side:
            crop = [albumentations.RandomCrop(side, side, pad_if_needed=True, border_mode=0, fill=0)]
        self.pipeline = albumentations.Compose(
            [*crop, *build_transforms(settings.augmentation)],
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
        areas = boxes[:, 2] * boxes[:, 3]
        boxes[:, 2:] += boxes[:, :2]
        if (tile.height, tile.width) == _size(self.dataset, image_id):
            return objects, boxes
        boxes = np.clip(boxes - [tile.x, tile.y] * 2, 0, [tile.width, tile.height] * 2)
        there = np.flatnonzero((boxes[:, 2:] - boxes[:, :2]).prod(axis=1) >= _VISIBLE * areas)
        return [objects[place] for place in there], boxes[there]

    def _near(self, image_id: int, tile: Tile, rng: np.random.Generator) -> Tile:
        """Return a tile at a random place near this one; not one without objects where those are left out."""
        tiles = self.settings.tiles
        if tiles is None:
            return tile
        near = shifted(tile, *_size(self.dataset, image_id), tiles, rng)
        return near if not self.settings.filter_empty or self._objects(image_id, near)[0] else tile

    def draw(self, index: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor | int]]:
        """Return an image, uint8 (3, h, w), and its target.

        The target has `boxes`, float32 (n, 4), xyxy in pixels, `labels`, int64 (n,), where they are asked for `masks`,
        uint8 (n, h, w), and a `seed` for what the model samples of the image.
        """
        image_id, tile = self.views[index]
        tile = self._near(image_id, tile, rng)
        image = tile.cut(self.dataset.read(image_id))
        before = image.shape[:2]
        min_size = int(rng.choice(self.settings.min_size_train))
        image = resize(image, *target_size(*before, min_size, self.settings.max_size_train))
        objects, boxes = self._objects(image_id, tile)
        boxes *= np.tile(np.array(image.shape[1::-1]) / before[::-1], 2)
        masks = [_resized(entry["segmentation"], tile, *image.shape[:2]) for entry in objects] if self.masks else []
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


def _resized(mask: Rle, tile: Tile, height: int, width: int) -> np.ndarray:
    """Return what a tile shows of a mask, resized, as uint8 (height, width) of 0 and 1."""
    seen = decode_at(mask, tile.x, tile.y, tile.height, tile.width)
    pixels = Image.fromarray(seen.astype(np.uint8) * 255).resize((width, height), Image.Resampling.BILINEAR)
    return (np.asarray(pixels) >= 128).astype(np.uint8)


class DetectionTask:
    """A detector and what the training loop needs of it (podium.training.loop.Task)."""

    heads = ("roi_heads.",)

    def __init__(
        self,
        model: nn.Module,
        dataset: Dataset,
        train: list[int],
        val: list[int],
        settings: DetectionExperiment,
        max_detections: int,
    ):
        self.model, self.dataset, self.val, self.settings = model, dataset, val, settings
        self.max_detections = max_detections
        has_masks = settings.model.architecture == "mask_rcnn"
        self.monitor = "mask_AP" if has_masks else "AP"
        self.samples = DetectionSamples(dataset, train, settings.input, masks=has_masks)

    @staticmethod
    def collate(samples: list) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
        images, targets = zip(*samples, strict=True)
        return list(images), list(targets)

    def losses(self, model: nn.Module, batch: tuple[list[Tensor], list[dict[str, Tensor]]]) -> dict[str, Tensor]:
        images, targets = batch
        return model(images, targets)

    def predict(self, model: nn.Module, rank: int, world: int) -> Iterator[list[dict]]:
        return boxes_by_image(model, self.dataset, self.val[rank::world], self.settings.input)

    def metrics(self, found: list[list[dict]]) -> dict[str, float | None]:
        results = [result for image in found for result in image]
        dataset, limit = self.dataset.restricted(self.val), self.max_detections
        metrics, _ = average_precision(dataset, self.val, results, "bbox", max_detections=limit)
        scores = {name: metrics[name] for name in ("AP", "AP50", "AP75")}
        if self.samples.masks:
            metrics, _ = average_precision(dataset, self.val, results, "segm", max_detections=limit)
            scores |= {f"mask_{name}": metrics[name] for name in ("AP", "AP50", "AP75")}
        return scores


def detection_task(
    dataset: Dataset,
    split: dict[str, list[int]],
    settings: DetectionExperiment,
    max_detections: int,
    weights: Path | None = None,
) -> DetectionTask:
    """Return a detector with its starting weights, and all that its training needs.

    Raises
    ------
    PodiumError
        num_classes is not the number of the dataset's categories, or the starting weights do not fit.
    """
    categories = dataset.category_names
    if settings.model.num_classes not in (None, len(categories)):
        raise PodiumError(
            f"num_classes is {settings.model.num_classes}, but the dataset has {len(categories)} categories: "
            f"{', '.join(categories)}",
            key="detection.model.num_classes",
            mend="leave num_classes out: it is taken from the dataset",
        )
    torch.manual_seed(settings.seed)
    model = build_detector(settings.model, len(categories))
    if weights:
        start_from(model, settings.model, categories, weights)
    return DetectionTask(model, dataset, split["train"], split["val"], settings, max_detections)


def train_detector(
    dataset: Dataset,
    split: dict[str, list[int]],
    settings: DetectionExperiment,
    *,
    max_detections: int,
    state_file: Path,
    workers: int,
    weights: Path | None = None,
    trackers: Sequence[Tracker] = (),
) -> tuple[Checkpoint, list[dict[str, float]]]:
    """Train a detector on split["train"], validated on split["val"]; return it and its history.

    `weights` is the file that settings.model.weights stands for, where it is one.

    Raises
    ------
    PodiumError
        As detection_task; or the loss is not finite.
    """
    return train(
        detection_task(dataset, split, settings, max_detections, weights),
        settings,
        title="detector",
        categories=dataset.category_names,
        normalisation=STATISTICS[settings.model.pixels]._asdict(),
        state_file=state_file,
        workers=workers,
        trackers=trackers,
    )
