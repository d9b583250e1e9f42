"""Training a segmenter on windows around true boxes: its samples, its losses, its validation."""

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import albumentations
import numpy as np
import torch
from segmentation_models_pytorch.losses import DiceLoss
from torch import Tensor, nn
from torch.nn.functional import binary_cross_entropy_with_logits

from podium.config.segmentation import Crops, SegmentationExperiment
from podium.data.dataset import Dataset
from podium.data.windows import Window, cut, cut_mask, scale, window_around
from podium.errors import PodiumError
from podium.evaluation.masks import mean_scores
from podium.inference.masks import PIXEL_MEAN, PIXEL_STD, as_input
from podium.inference.true_boxes import corners, objects_with_masks, true_box_masks
from podium.models.checkpoint import Checkpoint
from podium.models.segmenters import build_segmenter
from podium.training.augment import apply, build_transforms
from podium.training.train import train
from podium.training.watchers import Tracker


class SegmentationSamples:
    """Windows around objects with the object's mask, augmented.

    Every image is decoded once, when this is made: what the windows can show, with room for their jitter, is kept in
    memory as uint8 (about 1.5 times the area of the boxes' squares, four bytes a pixel), which loader workers share.
    """

    def __init__(self, dataset: Dataset, image_ids: list[int], settings: Crops):
        self.settings = settings
        self.pipeline = albumentations.Compose(build_transforms(settings.augmentation))
        self.objects = _Objects(found for image_id in image_ids for found in _cut_out(dataset, image_id, settings))
        if not self.objects:
            raise PodiumError(
                "no object with a mask in the training part",
                file=dataset.folder / "annotations.json",
                mend="masks are needed for segmentation: check quarantine.json, or remove the segmentation experiments",
            )

    def __len__(self) -> int:
        return len(self.objects)

    def draw(self, index: int, rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
        """Return a crop, uint8 (size, size, 3), and its mask, float32 (size, size) of 0 and 1."""
        pixels, box = self.objects[index]
        sides = np.tile(box[2:] - box[:2], 2)
        moved = box + rng.uniform(-self.settings.jitter, self.settings.jitter, 4) * sides
        window = window_around(moved, self.settings.context)
        crop, target = (scale(cut(part, window), self.settings.size) for part in (pixels[..., :3], pixels[..., 3]))
        drawn = apply(self.pipeline, rng, image=crop, mask=target)
        return drawn["image"], (drawn["mask"] >= 128).astype(np.float32)


class SegmentationTask:
    """A segmenter and what the training loop needs of it (podium.training.loop.Task)."""

    monitor = "mean_iou"
    # All that comes after an encoder: of segmentation-models-pytorch's networks, of ReportUNet.
    heads = ("decoder.", "segmentation_head.", "up.", "joined.", "head.")

    def __init__(
        self, model: nn.Module, dataset: Dataset, train: list[int], val: list[int], settings: SegmentationExperiment
    ):
        self.model, self.dataset, self.val, self.settings = model, dataset, val, settings
        self.samples = SegmentationSamples(dataset, train, settings.crops)
        self.dice = DiceLoss(mode="binary")

    @staticmethod
    def collate(samples: list) -> tuple[Tensor, Tensor]:
        crops, masks = zip(*samples, strict=True)
        return as_input(np.stack(crops)), torch.from_numpy(np.stack(masks))[:, None]

    def losses(self, model: nn.Module, batch: tuple[Tensor, Tensor]) -> dict[str, Tensor]:
        crops, masks = batch
        logits = model(crops)
        parts = {}
        if "bce" in self.settings.loss:
            parts["loss_bce"] = binary_cross_entropy_with_logits(logits, masks)
        if "dice" in self.settings.loss:
            parts["loss_dice"] = self.dice(logits, masks)
        return parts

    def predict(self, model: nn.Module, rank: int, world: int) -> Iterator[list[tuple]]:
        return true_box_masks(model, self.dataset, self.val[rank::world], self.settings.crops)

    def metrics(self, found: list[list[tuple]]) -> dict[str, float | None]:
        scores = mean_scores(pair for pairs in found for pair in pairs)
        return {"mean_iou": scores["iou"], "mean_dice": scores["dice"]}


class _Objects:
    """Pixels (RGB and mask, 0 or 255) and box (xyxy in their coordinates) of each object.

    All pixels are one tensor: such a thing loader workers share, where they would get copies of arrays.
    """

    def __init__(self, objects: Iterable[tuple[np.ndarray, np.ndarray]]):
        block, self.places = bytearray(), []
        for pixels, box in objects:
            self.places.append((len(block), pixels.shape, box))
            block += pixels.tobytes()
        self.block = torch.frombuffer(block or bytearray(1), dtype=torch.uint8)

    def __len__(self) -> int:
        return len(self.places)

    def __getitem__(self, number: int) -> tuple[np.ndarray, np.ndarray]:
        start, shape, box = self.places[number]
        return np.ndarray(shape, np.uint8, self.block.numpy(), start), box


def _cut_out(dataset: Dataset, image_id: int, settings: Crops) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    objects = objects_with_masks(dataset, image_id)
    image = dataset.read(image_id) if objects else None
    for entry in objects:
        box = corners(entry)
        # The jittered window is at most this much wider, and its centre moves by at most jitter times a side.
        room = window_around(box, settings.context * (1 + 2 * settings.jitter) + 2 * settings.jitter)
        room = Window(room.x - 1, room.y - 1, room.side + 2)
        mask = cut_mask(entry["segmentation"], room).astype(np.uint8) * 255
        yield np.dstack([cut(image, room), mask]), box - [room.x, room.y, room.x, room.y]


def segmentation_task(
    dataset: Dataset, split: dict[str, list[int]], settings: SegmentationExperiment
) -> SegmentationTask:
    """Return a segmenter with its starting weights, and all that its training needs."""
    torch.manual_seed(settings.seed)
    model = build_segmenter(settings.model)
    return SegmentationTask(model, dataset, split["train"], split["val"], settings)


def train_segmenter(
    dataset: Dataset,
    split: dict[str, list[int]],
    settings: SegmentationExperiment,
    *,
    state_file: Path,
    workers: int,
    trackers: Sequence[Tracker] = (),
) -> tuple[Checkpoint, list[dict[str, float]]]:
    """Train a segmenter on the objects of split["train"], validated on split["val"]; return it and its history."""
    return train(
        segmentation_task(dataset, split, settings),
        settings,
        title="segmenter",
        categories=dataset.category_names,
        normalisation={"mean": list(PIXEL_MEAN), "std": list(PIXEL_STD)},
        state_file=state_file,
        workers=workers,
        trackers=trackers,
    )
