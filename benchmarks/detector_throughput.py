"""Images per second of our detectors against Detectron2's own, and with against without loading of data.

    python benchmarks/detector_throughput.py --device cuda --precision bf16-mixed --batch 16

Same model, weights, images and machine, in one run: the contenders take turns, and the order of a turn is reversed
from one to the next, so that a machine that warms up or slows down favours none. Printed is the median over the turns,
and of the ratios of each turn the median and the range. Without Detectron2 ours are measured alone.

"Ours" is the torchvision backend with the step of podium.training.loop. "Detectron2" is its own GeneralizedRCNN and
optimiser, with the step of its tools/plain_train_net.py, which reads each loss, and autocast as in its AMPTrainer.
Images are decoded, resized and batched before; each step moves its batch to the device. Inference is what the models
return, before masks are pasted into images.

Loading is measured as it is in a long training: one loader gives all batches of all turns, and the clock of a turn
starts after the batches that its workers had prepared before it.
"""

import argparse
import os
import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from itertools import cycle, islice
from pathlib import Path
from typing import get_args

import torch
from PIL import Image
from torch import Tensor, nn
from torchvision.models.resnet import BasicBlock, Bottleneck

from podium.config.augmentation import Augmentation
from podium.config.detection import DetectionInput, Detector
from podium.config.zoo import Architecture, Backbone
from podium.data.dataset import Dataset
from podium.data.generated.competition import scene_at
from podium.data.masks import encode
from podium.models.detectors import build_detector
from podium.training.detection_samples import DetectionSamples
from podium.training.order import Batches, loaded

Batch = tuple[list[Tensor], list[dict[str, Tensor]]]
TYPES = {"32-true": None, "bf16-mixed": torch.bfloat16, "16-mixed": torch.float16}
NUM_CLASSES = 1


def main() -> None:
    asked = arguments()
    torch.manual_seed(0)
    print(machine(asked.device))
    with tempfile.TemporaryDirectory() as folder:
        dataset = drawn(Path(folder), asked.batch * asked.batches, asked.size, asked.mixed)
        samples = DetectionSamples(
            dataset,
            list(dataset.images),
            DetectionInput(min_size_train=(asked.size,), max_size_train=2 * asked.size, augmentation=Augmentation(())),
            masks=asked.architecture == "mask_rcnn",
        )
        model = stable(build_detector(settings(asked), NUM_CLASSES))
        ready = list(batches_of(samples, asked, asked.batches))
        ours = Ours(model, asked)
        contenders = {"ours": ours}
        try:
            contenders["Detectron2"] = Detectron2(model, asked)
        except ImportError as error:
            print(f"Detectron2 is not installed ({error}): ours alone")
        report("training", {name: each.training(ready) for name, each in contenders.items()}, asked)
        report("inference", {name: each.inference(ready) for name, each in contenders.items()}, asked)
        for name, each in contenders.items():
            print(f"  {name}: sum of the losses {each.loss:.6g}, detections in the last batch {each.found}")
        report_loading(samples, ours, asked)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu, cuda or cuda:1")
    parser.add_argument("--precision", choices=TYPES, default="32-true")
    parser.add_argument("--batch", type=int, default=2, help="images in a step")
    parser.add_argument("--size", type=int, default=800, help="shorter side of the images in pixels")
    parser.add_argument("--backbone", choices=get_args(Backbone), default="resnext101_32x8d")
    parser.add_argument("--architecture", choices=get_args(Architecture), default="faster_rcnn")
    parser.add_argument(
        "--channels-last", action=argparse.BooleanOptionalAction, default=True, help="ours, as the loop"
    )
    parser.add_argument("--compile", action="store_true", help="ours: the backbone and pyramid through torch.compile")
    parser.add_argument("--batches", type=int, default=5, help="different batches, all of which make a turn")
    parser.add_argument("--turns", type=int, default=5)
    parser.add_argument("--workers", type=int, default=os.cpu_count(), help="processes that load data")
    parser.add_argument("--loading-batches", type=int, help="batches in a turn of loading; by default 4 a worker")
    parser.add_argument("--mixed", action="store_true", help="half of the images portrait; else all are landscape")
    asked = parser.parse_args()
    if asked.loading_batches is None:
        asked.loading_batches = max(asked.batches, 4 * asked.workers)
    return asked


def machine(device: str) -> str:
    where = torch.cuda.get_device_name(device) if device.startswith("cuda") else f"{torch.get_num_threads()} threads"
    return f"{platform.processor() or platform.machine()}, {where}, torch {torch.__version__}"


def settings(asked: argparse.Namespace) -> Detector:
    return Detector(architecture=asked.architecture, backbone=asked.backbone, weights="none", pixels="bgr_std")


def drawn(folder: Path, count: int, size: int, mixed: bool) -> Dataset:
    """Write scenes of the generated competition as PNG files, 4:3 or also 3:4, and return the dataset."""
    (folder / "images").mkdir()
    images, annotations = {}, {}
    for place in range(count):
        # The generated competition's scenes are 4:3 at the places that end in 3, and 3:4 at those that end in 8.
        scene = scene_at(0, "train", 10 * place + (8 if mixed and place % 2 else 3), size)
        height, width = scene.image.shape[:2]
        Image.fromarray(scene.image).save(folder / "images" / f"{place}.png", compress_level=1)
        images[place] = {"id": place, "file_name": f"{place}.png", "width": width, "height": height, "key": str(place)}
        annotations[place] = []
        for mask in scene.masks:
            rows, columns = mask.any(1).nonzero()[0], mask.any(0).nonzero()[0]
            box = [columns[0], rows[0], columns[-1] - columns[0] + 1, rows[-1] - rows[0] + 1]
            entry = {"id": len(annotations[place]), "image_id": place, "category_id": 1, "iscrowd": 0}
            annotations[place].append(entry | {"bbox": [float(side) for side in box], "segmentation": encode(mask)})
    return Dataset(folder, images, annotations, [{"id": 1, "name": "plane"}], "")


def batches_of(
    samples: DetectionSamples, asked: argparse.Namespace, count: int, workers: int = 0, pinned: bool = False
) -> Iterator[Batch]:
    return loaded(samples, Batches(len(samples), asked.batch, seed=0, start=0, stop=count), joined, workers, pinned)


def joined(samples: list) -> Batch:
    """Join samples into a batch, without the images' seeds: both contenders draw from torch's own generator."""
    images, targets = zip(*samples, strict=True)
    return list(images), [{key: value for key, value in target.items() if key != "seed"} for target in targets]


def stable(model: nn.Module) -> nn.Module:
    """Damp each block of a random network, whose batch norms are frozen: its features would grow without bounds."""
    for block in model.backbone.body.modules():
        if isinstance(block, (BasicBlock, Bottleneck)):
            (block.bn3 if isinstance(block, Bottleneck) else block.bn2).weight.fill_(0.2)
    return model


class Ours:
    """The torchvision backend, trained as by podium.training.loop."""

    def __init__(self, model: nn.Module, asked: argparse.Namespace):
        self.model, self.device, self.precision = model.to(asked.device), asked.device, asked.precision
        if asked.channels_last:
            model.to(memory_format=torch.channels_last)
        if asked.compile:
            model.backbone.compile()
        self.optimiser = sgd(model)
        self.scaler = torch.amp.GradScaler(enabled=asked.precision == "16-mixed")

    def training(self, batches: list[Batch]) -> Callable[[], None]:
        return lambda: self.train(batches)

    def train(self, batches: list[Batch] | Iterator[Batch]) -> None:
        self.model.train()
        losses = torch.zeros((), device=self.device)
        for number, (images, targets) in enumerate(batches):
            images = [image.to(self.device, non_blocking=True) for image in images]
            targets = [{key: value.to(self.device) for key, value in target.items()} for target in targets]
            torch.manual_seed(number)
            with autocast(self.device, self.precision):
                loss = sum(self.model(images, targets).values())
            step(self.optimiser, self.scaler, loss)
            losses += loss.detach()
        self.loss = losses.item()  # the loop reads losses once in a while

    def inference(self, batches: list[Batch]) -> Callable[[], None]:
        def run() -> None:
            self.model.eval()
            with torch.no_grad(), autocast(self.device, self.precision):
                for images, _ in batches:
                    found = self.model([image.to(self.device) for image in images])
                    self.found = sum(len(each["boxes"]) for each in found)

        return run


class Detectron2:
    """Detectron2's model with equal weights, trained as by its tools/plain_train_net.py."""

    def __init__(self, model: nn.Module, asked: argparse.Namespace):
        from detectron2.config import CfgNode, get_cfg
        from detectron2.modeling import build_model
        from detectron2.solver import build_optimizer

        from podium.models.detectron2_config import detectron2_config
        from podium.models.detectron2_names import to_detectron2

        cfg = get_cfg()
        cfg.merge_from_other_cfg(CfgNode(detectron2_config(settings(asked), DetectionInput(), NUM_CLASSES)))
        cfg.MODEL.DEVICE, cfg.SOLVER.BASE_LR = asked.device, RATE
        self.model, self.device, self.precision = build_model(cfg), asked.device, asked.precision
        self.model.load_state_dict(to_detectron2(model.state_dict(), settings(asked).levels))
        self.optimiser = build_optimizer(cfg, self.model)
        self.scaler = torch.amp.GradScaler(enabled=asked.precision == "16-mixed")

    def training(self, batches: list[Batch]) -> Callable[[], None]:
        from detectron2.structures import BitMasks, Boxes, Instances
        from detectron2.utils.events import EventStorage

        def record(image: Tensor, target: dict[str, Tensor]) -> dict:
            objects = Instances(tuple(image.shape[1:]), gt_boxes=Boxes(target["boxes"]))
            objects.gt_classes = target["labels"] - 1
            if "masks" in target:
                objects.gt_masks = BitMasks(target["masks"])
            return {"image": image.flip(0), "instances": objects}

        records = [[record(*pair) for pair in zip(*batch, strict=True)] for batch in batches]

        def run() -> None:
            self.model.train()
            self.loss = 0.0
            with EventStorage() as storage:
                for number, inputs in enumerate(records):
                    storage.iter = number
                    torch.manual_seed(number)
                    with autocast(self.device, self.precision):
                        losses = self.model(inputs)
                        loss = sum(losses.values())
                    assert torch.isfinite(loss).all(), losses
                    numbers = {name: value.item() for name, value in losses.items()}
                    storage.put_scalars(total_loss=sum(numbers.values()), **numbers)
                    step(self.optimiser, self.scaler, loss)
                    storage.put_scalar("lr", self.optimiser.param_groups[0]["lr"], smoothing_hint=False)
                    self.loss += sum(numbers.values())

        return run

    def inference(self, batches: list[Batch]) -> Callable[[], None]:
        inputs = [[{"image": image.flip(0)} for image in images] for images, _ in batches]

        def run() -> None:
            self.model.eval()
            with torch.no_grad(), autocast(self.device, self.precision):
                for batch in inputs:
                    self.found = sum(len(each) for each in self.model.inference(batch, do_postprocess=False))

        return run


RATE = 1e-6
"""Learning rate: so small that the last turn has the work of the first."""


def sgd(model: nn.Module) -> torch.optim.Optimizer:
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    return torch.optim.SGD(trained, lr=RATE, momentum=0.9, weight_decay=1e-4)


def autocast(device: str, precision: str) -> AbstractContextManager:
    kind = TYPES[precision]
    return torch.autocast(torch.device(device).type, kind) if kind else nullcontext()


def step(optimiser: torch.optim.Optimizer, scaler: torch.amp.GradScaler, loss: Tensor) -> None:
    optimiser.zero_grad()
    scaler.scale(loss).backward()
    scaler.step(optimiser)
    scaler.update()


def report_loading(samples: DetectionSamples, ours: Ours, asked: argparse.Namespace) -> None:
    """Compare training on batches that workers load meanwhile with training on batches that are there."""
    pinned, count = asked.device.startswith("cuda"), asked.loading_batches
    ahead = 2 * asked.workers  # while the other has its turn, the workers prepare so many
    total = (asked.turns + 1) * (ahead + count)
    sources = {
        f"loaded by {asked.workers} workers": batches_of(samples, asked, total, asked.workers, pinned),
        "loaded before": cycle(list(batches_of(samples, asked, asked.batches, pinned=pinned))),
    }

    def training(batches: Iterator[Batch], count: int) -> Callable[[], None]:
        return lambda: ours.train(islice(batches, count))

    runs = {name: training(batches, count) for name, batches in sources.items()}
    before = {name: training(batches, ahead) for name, batches in sources.items()}
    report("training with data loading", runs, asked, count, before)


def report(
    title: str,
    runs: dict[str, Callable[[], None]],
    asked: argparse.Namespace,
    batches: int | None = None,
    before: dict[str, Callable[[], None]] | None = None,
) -> None:
    """Time the runs in turns and print images per second, and how the first compares with the second.

    A run is over `batches` batches, --batches by default; what is called `before` it is not timed.
    """
    images = asked.batch * (batches or asked.batches)
    speeds: dict[str, list[float]] = {name: [] for name in runs}
    for turn in range(-1, asked.turns):  # the first, which does not count, warms up
        for name in list(runs) if turn % 2 else list(runs)[::-1]:
            if before:
                before[name]()
            synchronise(asked.device)
            began = time.perf_counter()
            runs[name]()
            synchronise(asked.device)
            if turn >= 0:
                speeds[name].append(images / (time.perf_counter() - began))
    line = ", ".join(f"{name} {statistics.median(values):.3g}" for name, values in speeds.items())
    print(f"{title}, images per second: {line}", end="")
    if len(speeds) == 2:
        ratios = [first / second for first, second in zip(*speeds.values(), strict=True)]
        print(f"; ratio {statistics.median(ratios):.3f} ({min(ratios):.3f} to {max(ratios):.3f})", end="")
    print()


def synchronise(device: str) -> None:
    if device.startswith("cuda"):
        torch.cuda.synchronize(device)


if __name__ == "__main__":
    main()
