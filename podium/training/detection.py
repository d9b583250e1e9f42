"""Training a detector: its samples, its losses, its validation."""

from pathlib import Path

import albumentations
import numpy as np
import torch
from torch import Tensor, nn

from podium.config.detection import DetectionExperiment, DetectionInput
from podium.data.dataset import Dataset
from podium.data.resize import resize, target_size
from podium.errors import PodiumError
from podium.evaluation.coco import average_precision
from podium.inference.boxes import as_tensor, predict_boxes
from podium.models.checkpoint import Checkpoint
from podium.models.detectors import PIXEL_MEAN, PIXEL_STD, build_detector
from podium.training.augment import apply, build_transforms
from podium.training.loop import fit, kept_iteration

# An object cut off by a crop counts while this part of its box is left.
_VISIBLE = 0.25


class DetectionSamples:
    """Images with boxes, resized, cropped and augmented. Crowds are not trained on."""

    def __init__(self, dataset: Dataset, image_ids: list[int], settings: DetectionInput):
        if not image_ids:
            raise PodiumError("no image in the training part", file=dataset.folder / "annotations.json", key="splits")
        self.dataset, self.image_ids, self.settings = dataset, image_ids, settings
        crop, side = [], settings.crop_train
        if side:
            crop = [albumentations.RandomCrop(side, side, pad_if_needed=True, border_mode=0, fill=0)]
        self.pipeline = albumentations.Compose(
            [*crop, *build_transforms(settings.augmentation)],
            bbox_params=albumentations.BboxParams(
                "pascal_voc", label_fields=["labels"], min_visibility=_VISIBLE, min_area=1.0, clip=True
            ),
        )

    def __len__(self) -> int:
        return len(self.image_ids)

    def draw(self, index: int, rng: np.random.Generator) -> tuple[Tensor, dict[str, Tensor]]:
        """Return an image, float (3, h, w) in [0, 1], and its target: `boxes` (n, 4) xyxy in pixels, `labels` (n,)."""
        image_id = self.image_ids[index]
        image = self.dataset.read(image_id)
        before = image.shape[:2]
        min_size = int(rng.choice(self.settings.min_size_train))
        image = resize(image, *target_size(*before, min_size, self.settings.max_size_train))
        objects = [entry for entry in self.dataset.annotations[image_id] if not entry["iscrowd"]]
        boxes = np.array([entry["bbox"] for entry in objects], dtype=np.float64).reshape(-1, 4)
        boxes[:, 2:] += boxes[:, :2]
        boxes *= np.tile(np.array(image.shape[1::-1]) / before[::-1], 2)
        labels = np.array([entry["category_id"] for entry in objects], dtype=np.int64)
        drawn = apply(self.pipeline, rng, image=image, bboxes=boxes, labels=labels)
        target = {
            "boxes": torch.as_tensor(np.array(drawn["bboxes"]), dtype=torch.float32).reshape(-1, 4),
            "labels": torch.as_tensor(np.array(drawn["labels"]), dtype=torch.int64),
        }
        return as_tensor(drawn["image"]), target


class DetectionTask:
    """A detector and what the training loop needs of it (podium.training.loop.Task)."""

    monitor = "AP"

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
        self.samples = DetectionSamples(dataset, train, settings.input)

    def collate(self, samples: list) -> tuple[list[Tensor], list[dict[str, Tensor]]]:
        images, targets = zip(*samples, strict=True)
        return list(images), list(targets)

    def losses(self, model: nn.Module, batch: tuple[list[Tensor], list[dict[str, Tensor]]]) -> dict[str, Tensor]:
        images, targets = batch
        return model(images, targets)

    def validate(self, model: nn.Module) -> dict[str, float | None]:
        boxes = predict_boxes(model, self.dataset, self.val, self.settings.input)
        metrics, _ = average_precision(
            self.dataset.restricted(self.val), self.val, boxes, "bbox", max_detections=self.max_detections
        )
        return {name: metrics[name] for name in ("AP", "AP50", "AP75")}


def train_detector(
    dataset: Dataset,
    split: dict[str, list[int]],
    settings: DetectionExperiment,
    *,
    max_detections: int,
    state_file: Path,
    workers: int,
) -> tuple[Checkpoint, list[dict[str, float]]]:
    """Train a detector on split["train"], validated on split["val"]; return it and its history.

    Raises
    ------
    PodiumError
        num_classes is not the number of the dataset's categories, the starting weights do not fit, or the loss is not
        finite.
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
    task = DetectionTask(model, dataset, split["train"], split["val"], settings, max_detections)
    weights, state = fit(
        task, settings.solver, seed=settings.seed, state_file=state_file, workers=workers, title="detector"
    )
    checkpoint = Checkpoint(
        weights=weights,
        settings=settings.model_dump(mode="json"),
        categories=categories,
        normalisation={"mean": list(PIXEL_MEAN), "std": list(PIXEL_STD)},
        iteration=kept_iteration(state, settings.solver),
    )
    return checkpoint, state.history
