"""Training a detector: its losses, its validation."""

from collections.abc import Iterator, Sequence
from pathlib import Path

import torch
from torch import Tensor, nn

from podium.config.detection import DetectionExperiment
from podium.data.dataset import Dataset
from podium.errors import PodiumError
from podium.evaluation.coco import average_precision
from podium.inference.boxes import boxes_by_image
from podium.models.checkpoint import Checkpoint
from podium.models.detectors import build_detector
from podium.models.rcnn.pixels import STATISTICS
from podium.models.starting_weights import start_from
from podium.training.detection_samples import DetectionSamples
from podium.training.train import train
from podium.training.watchers import Tracker


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
