"""Our detectors compute what Detectron2's do.

Three kinds of proof: files that Detectron2 wrote (zoo_fixture/make.py), which need no Detectron2 here; both backends
with equal weights, where it is installed; and checkpoints of big models trained by it, in a folder that the environment
variable PODIUM_DETECTRON2_CHECKPOINTS names: for each NAME.yaml, a configuration of Detectron2's, the weights NAME.pkl
and NAME.pth, and images/*.png of any size.
"""

import json
import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

from podium.config.detection import DetectionExperiment, DetectionInput, Detector
from podium.config.solver import Solver
from podium.config.zoo import zoo
from podium.data.dataset import Dataset
from podium.data.masks import decode
from podium.data.resize import resize, target_size
from podium.inference.boxes import predict_boxes
from podium.inference.seen import as_tensor
from podium.models.checkpoint import Checkpoint, save_checkpoint
from podium.models.detectors import build_detector
from podium.models.detectron2_names import from_detectron2
from podium.models.export import export_detectron2
from podium.models.pickles import read_weights

FIXTURE = Path(__file__).parent / "zoo_fixture"

# On one machine. Measured: zero nearly everywhere, for it is the same operations of torch and torchvision. Losses can
# differ in their last bit (1.4e-7), because the images' are added in another order.
BOXES, SCORES, LOSSES, GRADIENTS = 1e-4, 1e-6, 5e-7, 7e-7


def fixture_settings() -> tuple[Detector, DetectionInput]:
    """Return our settings of the model that zoo_fixture/make.py describes in Detectron2's."""
    model = Detector(
        architecture="mask_rcnn",
        backbone="resnet18",
        weights="none",
        pixels="bgr_std",
        levels=(2, 3),
        fpn_channels=24,
        anchor_sizes=(32, 64),
        proposals_train=150,
        proposals_test=150,
        head_features=48,
        mask_channels=24,
    )
    return model, DetectionInput(min_size_test=208, max_size_test=320)


def pictures(folder: Path, names: list[str]) -> Dataset:
    """Return a dataset of PNG files without objects; ids are places in the list."""
    images = {}
    for place, name in enumerate(names):
        width, height = Image.open(folder / "images" / f"{name}.png").size
        images[place] = {"id": place, "file_name": f"{name}.png", "width": width, "height": height, "key": name}
    return Dataset(folder, images, {place: [] for place in images}, [{"id": 1, "name": "plane"}], "")


def test_a_zoo_file_gives_what_detectron2_found_with_it(tmp_path):
    """Tolerances are those between machines. Measured: 3e-5 pixels, 2e-6 of score, masks equal to the last pixel, also
    with other numbers of threads and without vector instructions."""
    settings, sizes = fixture_settings()
    model = build_detector(settings, num_classes=1).eval()
    model.load_state_dict(from_detectron2(read_weights(FIXTURE / "model.pkl")))
    expected = json.loads((FIXTURE / "expected.json").read_text())["images"]
    (tmp_path / "images").symlink_to(FIXTURE)
    dataset = pictures(tmp_path, list(expected))
    compared = 0
    for place, (name, truth) in enumerate(expected.items()):
        found = predict_boxes(model, dataset, [place], sizes)
        assert len(found) == len(truth["scores"]), name
        boxes = np.array([[x, y, x + w, y + h] for x, y, w, h in (each["bbox"] for each in found)])
        np.testing.assert_allclose(boxes, truth["boxes"], rtol=0, atol=0.01, err_msg=name)
        scores = [each["score"] for each in found]
        np.testing.assert_allclose(scores, truth["scores"], rtol=0, atol=1e-4, err_msg=name)
        assert [each["category_id"] - 1 for each in found] == truth["classes"]
        for ours, theirs in zip((each["segmentation"] for each in found), truth["masks"], strict=True):
            a, b = decode(ours), decode(theirs)
            assert (a != b).sum() <= 0.002 * (a | b).sum() + 1, name  # a pixel at the threshold may turn
        compared += len(found)
    assert compared >= 24


def small(**changes: object) -> Detector:
    """Return a narrow detector, with batch norms so that random weights neither explode nor vanish."""
    settings = {
        "backbone": "resnet18",
        "weights": "none",
        "norm": "batch",
        "freeze_at": 0,
        "levels": (2, 6),
        "anchor_sizes": (16, 24, 32, 64, 96),
        "fpn_channels": 16,
        "head_features": 24,
        "mask_channels": 16,
        "rpn_batch_size_per_image": 64,
        "proposals_train": 60,
        "proposals_test": 60,
        "batch_size_per_image": 32,
        "detections_per_image": 40,
    }
    return Detector(**(settings | changes))


KINDS = {
    "faster": small(),
    "mask": small(architecture="mask_rcnn", pixels="bgr"),
    "frozen": small(architecture="mask_rcnn", norm="frozen", freeze_at=2, pixels="bgr_std"),
    "group": small(norm="group", pixels="bgr_std"),
    "no level 6": small(levels=(3, 5), anchor_sizes=(16, 32, 64), aspect_ratios=(0.7, 1.5)),
    "stride in 1x1": small(backbone="resnet50", stride_in_1x1=True, freeze_at=1, score_threshold=0.2),
}

SIZES = [(97, 131), (128, 90), (65, 160), (111, 113), (143, 71)]


def samples(seed: int, num_classes: int, masks: bool) -> tuple[list[torch.Tensor], list[dict[str, torch.Tensor]]]:
    """Return images of odd sizes, one of them without objects, and their targets."""
    draw = torch.Generator().manual_seed(seed)
    images, targets = [], []
    for place, (height, width) in enumerate(SIZES):
        images.append(torch.randint(0, 256, (3, height, width), generator=draw, dtype=torch.uint8))
        count = 0 if place == 2 else 3
        corner = torch.rand(count, 2, generator=draw) * torch.tensor([width, height]) * 0.5
        side = (0.2 + 0.3 * torch.rand(count, 2, generator=draw)) * torch.tensor([width, height])
        target = {
            "boxes": torch.cat([corner, corner + side], dim=1),
            "labels": torch.randint(1, num_classes + 1, (count,), generator=draw),
        }
        if masks:
            target["masks"] = torch.zeros(count, height, width, dtype=torch.uint8)
            for mask, (x0, y0, x1, y1) in zip(target["masks"], target["boxes"].int().tolist(), strict=True):
                mask[y0 : y1 + 1, x0 : x1 + 1] = torch.ones(y1 - y0 + 1, x1 - x0 + 1).triu()
        targets.append(target)
    return images, targets


def both(settings: Detector, num_classes: int) -> tuple[nn.Module, nn.Module]:
    """Return the two backends' models with equal random weights."""
    torch.manual_seed(4)
    ours = build_detector(settings.model_copy(update={"backend": "torchvision"}), num_classes)
    theirs = build_detector(settings.model_copy(update={"backend": "detectron2"}), num_classes)
    with torch.no_grad():  # so that not all scores and boxes are nearly the same
        ours.roi_heads.box_predictor.cls_score.weight.normal_(std=0.5)
        ours.roi_heads.box_predictor.bbox_pred.weight.normal_(std=0.2)
    theirs.load_state_dict(ours.state_dict())
    return ours, theirs


def step(model: nn.Module, images: list, targets: list) -> tuple[dict[str, float], dict[str, torch.Tensor]]:
    """Return losses and gradients of a training step whose sampling is seeded."""
    model.train()
    model.zero_grad()
    torch.manual_seed(9)
    losses = model(images, targets)
    sum(losses.values()).backward()
    gradients = {name: p.grad for name, p in model.named_parameters() if p.requires_grad}
    return {name: loss.item() for name, loss in losses.items()}, gradients


def assert_same_step(ours: nn.Module, theirs: nn.Module, images: list, targets: list) -> None:
    our_losses, our_gradients = step(ours, images, targets)
    losses, gradients = step(theirs, images, targets)
    assert our_losses == pytest.approx(losses, rel=LOSSES)
    assert set(our_gradients) == set(gradients)
    for name, gradient in gradients.items():
        assert (our_gradients[name] - gradient).norm() <= GRADIENTS * gradient.norm(), name


@torch.no_grad()
def assert_same_detections(ours: nn.Module, theirs: nn.Module, images: list) -> int:
    """Compare two models' detections, image by image; return how many there are."""
    count = 0
    for a, b in zip(ours.eval()(images), theirs.eval()(images), strict=True):
        assert set(a) == set(b)
        assert len(a["boxes"]) == len(b["boxes"])
        assert torch.equal(a["labels"], b["labels"])
        torch.testing.assert_close(a["boxes"], b["boxes"], rtol=0, atol=BOXES)
        torch.testing.assert_close(a["scores"], b["scores"], rtol=0, atol=SCORES)
        if "mask_probabilities" in b:
            torch.testing.assert_close(a["mask_probabilities"], b["mask_probabilities"], rtol=0, atol=1e-6)
        count += len(a["boxes"])
    return count


@pytest.mark.parametrize("kind", KINDS)
def test_both_backends_compute_the_same(kind):
    pytest.importorskip("detectron2")
    settings = KINDS[kind]
    images, targets = samples(seed=1, num_classes=3, masks=settings.architecture == "mask_rcnn")
    ours, theirs = both(settings, num_classes=3)
    assert_same_step(ours, theirs, images, targets)
    # Statistics of batch norms moved alike, too.
    for name, value in theirs.state_dict().items():
        torch.testing.assert_close(ours.state_dict()[name], value, rtol=1e-6, atol=1e-7, msg=name)
    assert assert_same_detections(ours, theirs, images) >= 24


def test_a_batch_without_any_object(tmp_path):
    pytest.importorskip("detectron2")
    ours, theirs = both(KINDS["mask"], num_classes=2)
    images, targets = samples(seed=2, num_classes=2, masks=True)
    assert_same_step(ours, theirs, images[2:3], targets[2:3])


def test_mixed_precision_differs_by_its_rounding_alone():
    pytest.importorskip("detectron2")
    ours, theirs = both(KINDS["mask"], num_classes=3)
    images, targets = samples(seed=3, num_classes=3, masks=True)
    with torch.autocast("cpu", torch.bfloat16):
        (our_losses, _), (losses, _) = step(ours, images, targets), step(theirs, images, targets)
    assert our_losses == pytest.approx(losses, rel=0.1)


# ---------------------------------------------------------------- checkpoints of big models


@pytest.fixture(scope="module")
def checkpoints() -> Path:
    pytest.importorskip("detectron2")
    folder = os.environ.get("PODIUM_DETECTRON2_CHECKPOINTS")
    if not folder:
        pytest.skip("PODIUM_DETECTRON2_CHECKPOINTS names no folder of checkpoints made by Detectron2")
    return Path(folder)


def configuration(folder: Path, name: str, suffix: str):
    """Return Detectron2's configuration of a model, with its weights."""
    from detectron2.config import get_cfg

    cfg = get_cfg()
    cfg.merge_from_file(str(folder / f"{name}.yaml"))
    cfg.MODEL.DEVICE, cfg.MODEL.WEIGHTS, cfg.DATASETS.TEST = "cpu", str(folder / f"{name}{suffix}"), ()
    return cfg


BIG = {
    "x101_faster": "COCO-Detection/faster_rcnn_X_101_32x8d_FPN_3x",
    "r101_faster": "COCO-Detection/faster_rcnn_R_101_FPN_3x",
    "x101_mask": "COCO-InstanceSegmentation/mask_rcnn_X_101_32x8d_FPN_3x",
}


def loaded(name: str, weights: Path, num_classes: int) -> tuple[nn.Module, Detector]:
    """Return our model of a zoo model's architecture with weights of Detectron2's."""
    settings = Detector(weights="none", **zoo()[BIG[name]].settings)
    model = build_detector(settings, num_classes).eval()
    model.load_state_dict(from_detectron2(read_weights(weights)))
    return model, settings


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".pkl", ".pth"])
@pytest.mark.parametrize("name", BIG)
@torch.no_grad()
def test_detections_of_big_models(checkpoints, name, suffix):
    """From the file on disk to boxes and masks in the image's own pixels, each library its own way."""
    from detectron2.engine import DefaultPredictor

    cfg = configuration(checkpoints, name, suffix)
    predictor = DefaultPredictor(cfg)
    ours, _ = loaded(name, checkpoints / f"{name}{suffix}", cfg.MODEL.ROI_HEADS.NUM_CLASSES)
    names = sorted(path.stem for path in (checkpoints / "images").glob("*.png"))
    dataset = pictures(checkpoints, names)
    sizes = DetectionInput(min_size_test=cfg.INPUT.MIN_SIZE_TEST, max_size_test=cfg.INPUT.MAX_SIZE_TEST)
    assert len(names) >= 5
    count = 0
    for place in range(len(names)):
        expected = predictor(dataset.read(place)[:, :, ::-1])["instances"]
        found = predict_boxes(ours, dataset, [place], sizes)
        assert len(found) == len(expected)
        boxes = torch.tensor([[x, y, x + w, y + h] for x, y, w, h in (each["bbox"] for each in found)])
        torch.testing.assert_close(boxes.float(), expected.pred_boxes.tensor, rtol=0, atol=BOXES)
        scores = torch.tensor([each["score"] for each in found])
        torch.testing.assert_close(scores, expected.scores, rtol=0, atol=SCORES)
        assert [each["category_id"] - 1 for each in found] == expected.pred_classes.tolist()
        if expected.has("pred_masks"):
            for each, mask in zip(found, expected.pred_masks.numpy(), strict=True):
                assert np.array_equal(decode(each["segmentation"]), mask)
        count += len(found)
    assert count >= 24


@pytest.mark.slow
@pytest.mark.parametrize("name", BIG)
def test_a_training_step_of_big_models(checkpoints, name):
    num_classes = configuration(checkpoints, name, ".pkl").MODEL.ROI_HEADS.NUM_CLASSES
    ours, settings = loaded(name, checkpoints / f"{name}.pkl", num_classes)
    adapter = build_detector(settings.model_copy(update={"backend": "detectron2"}), num_classes)
    adapter.load_state_dict(ours.state_dict())
    _, targets = samples(seed=5, num_classes=num_classes, masks=settings.architecture == "mask_rcnn")
    first = sorted((checkpoints / "images").glob("*.png"))[0]
    images = [as_tensor(resize(np.asarray(Image.open(first)), *size)) for size in SIZES]
    assert_same_step(ours, adapter, images[:2], targets[:2])


@pytest.mark.slow
@pytest.mark.parametrize("name", BIG)
@torch.no_grad()
def test_big_models_go_back_to_detectron2(checkpoints, tmp_path, name):
    """Detectron2 builds the model of our export's configuration, loads its weights, and finds the same."""
    from detectron2.data.transforms import ResizeShortestEdge
    from detectron2.engine import DefaultPredictor

    cfg = configuration(checkpoints, name, ".pkl")
    ours, settings = loaded(name, checkpoints / f"{name}.pkl", cfg.MODEL.ROI_HEADS.NUM_CLASSES)
    experiment = DetectionExperiment(model=settings, solver=Solver(base_lr=0.001, max_iter=1))
    checkpoint = Checkpoint(ours.state_dict(), experiment.model_dump(mode="json"), ["a", "b", "c"], {}, 1)
    save_checkpoint(tmp_path / "model.pt", checkpoint)
    export_detectron2(tmp_path / "model.pt", weights=tmp_path / "back.pth", config=tmp_path / "back.yaml")
    before, again = DefaultPredictor(cfg), DefaultPredictor(configuration(tmp_path, "back", ".pth"))
    weights, expected = again.model.state_dict(), before.model.state_dict()
    assert list(weights) == list(expected)
    assert all(torch.equal(weights[key], expected[key]) for key in expected)
    image = np.asarray(Image.open(sorted((checkpoints / "images").glob("*.png"))[1]))
    image = resize(image, *target_size(*image.shape[:2], 200, 300))[:, :, ::-1]
    before.aug = again.aug = ResizeShortestEdge(0)  # the experiment has its own sizes
    a, b = (predictor(image)["instances"] for predictor in (again, before))
    assert torch.equal(a.pred_boxes.tensor, b.pred_boxes.tensor)
    assert torch.equal(a.scores, b.scores)
