import time

import pytest
import torch

from podium.config.detection import DetectionExperiment, Detector
from podium.errors import PodiumError
from podium.models.checkpoint import Checkpoint, save_checkpoint
from podium.models.detectors import build_detector
from podium.models.load_detector import load_detector
from podium.models.rcnn import boxes as boxes_module
from podium.models.rcnn import coding, proposals
from podium.models.rcnn.pixels import STATISTICS
from tests.training.tiny import DETECTOR

LEVELS = {(2, 4): (12, 20, 32), (2, 6): (12, 20, 32, 48, 64), (3, 5): (16, 32, 64), (5, 5): (40,), (5, 6): (40, 60)}


def settings(**changes) -> Detector:
    return Detector.model_validate(DETECTOR | changes)


def build(num_classes=2, seed=0, **changes):
    torch.manual_seed(seed)
    return build_detector(settings(**changes), num_classes)


def images(*sizes):
    torch.manual_seed(1)
    return [torch.randint(0, 256, (3, *size), dtype=torch.uint8) for size in sizes]


def targets(masks=False):
    """Two objects in an image of 64 x 64, none in one of 50 x 90."""
    boxes = torch.tensor([[4.0, 6.0, 30.0, 40.0], [20.0, 20.0, 60.0, 50.0]])
    full = {"boxes": boxes, "labels": torch.tensor([1, 2])}
    empty = {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)}
    if masks:
        full["masks"], empty["masks"] = (
            torch.zeros(2, 64, 64, dtype=torch.uint8),
            torch.zeros(0, 50, 90, dtype=torch.uint8),
        )
        for mask, (x0, y0, x1, y1) in zip(full["masks"], boxes.int().tolist(), strict=True):
            mask[y0:y1, x0:x1] = 1
    return [full, empty]


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("norm", ["batch", "frozen", "group"])
@pytest.mark.parametrize("architecture", ["faster_rcnn", "mask_rcnn"])
def test_losses_in_training_and_detections_else(levels, norm, architecture):
    masks = architecture == "mask_rcnn"
    model = build(
        levels=levels,
        anchor_sizes=LEVELS[levels],
        norm=norm,
        architecture=architecture,
        score_threshold=0.0,
        detections_per_image=9,
    )
    losses = model(images((64, 64), (50, 90)), targets(masks))
    assert set(losses) == {
        "loss_cls",
        "loss_box_reg",
        "loss_rpn_cls",
        "loss_rpn_loc",
        *(["loss_mask"] if masks else []),
    }
    assert all(loss.ndim == 0 and loss.isfinite() for loss in losses.values())
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())

    model.eval()
    with torch.no_grad():
        found = model(images((64, 64), (50, 90)))
    for detections, (height, width) in zip(found, [(64, 64), (50, 90)], strict=True):
        boxes, labels, scores = detections["boxes"], detections["labels"], detections["scores"]
        assert 0 < len(boxes) <= 9
        assert boxes.shape == (len(scores), 4)
        assert (boxes.dtype, labels.dtype, scores.dtype) == (torch.float32, torch.int64, torch.float32)
        assert set(labels.tolist()) <= {1, 2}
        assert ((scores >= 0) & (scores <= 1)).all()
        assert torch.equal(scores, scores.sort(descending=True).values)
        assert (boxes[:, :2] <= boxes[:, 2:]).all()
        assert (boxes >= 0).all()
        assert (boxes <= torch.tensor([width, height, width, height])).all()
        if masks:
            assert detections["mask_probabilities"].shape == (len(boxes), 28, 28)


def test_a_loaded_detector_computes_in_the_precision_that_it_was_trained_with(tmp_path):
    model = build(score_threshold=0.0, weights="none").eval()
    for precision, kind in (("32-true", torch.float32), ("bf16-mixed", torch.bfloat16)):
        _save(tmp_path / "model.pt", model, ["a", "b"], score_threshold=0.0, precision=precision)
        loaded, _ = load_detector(tmp_path / "model.pt")
        kinds = []
        loaded.rpn.head.cls_logits.register_forward_hook(
            lambda module, inputs, output, kinds=kinds: kinds.append(output.dtype)
        )
        with torch.no_grad():
            (found,) = loaded(images((64, 64)))
        assert set(kinds) == {kind}
        assert found["boxes"].dtype == found["scores"].dtype == torch.float32


def test_what_is_sampled_of_an_image_depends_on_its_seed_alone():
    """Whatever the other images of the batch, and whatever torch's own generator is at."""
    model = build(norm="group", rpn_batch_size_per_image=8, batch_size_per_image=8)
    picture = images((64, 64))
    first, _ = targets()

    def losses(*seeds):
        return {
            name: loss.item()
            for name, loss in model(picture * len(seeds), [first | {"seed": s} for s in seeds]).items()
        }

    alone, other = losses(5), losses(6)
    torch.rand(3)
    assert losses(5) == alone != other
    together = losses(5, 6)
    for name in together:
        assert together[name] == pytest.approx((alone[name] + other[name]) / 2, rel=1e-4)


def test_images_without_objects_alone():
    """Every part of the model has a gradient, which distributed training waits for."""
    model = build(architecture="mask_rcnn")
    empty = targets(masks=True)[1]
    losses = model(images((50, 90), (50, 90)), [empty, empty])
    assert losses["loss_mask"] == losses["loss_box_reg"] == losses["loss_rpn_loc"] == 0
    sum(losses.values()).backward()
    assert all(parameter.grad is not None for parameter in model.parameters())


@pytest.mark.parametrize("levels", LEVELS)
def test_anchors_stand_on_each_level_s_grid(levels):
    """Anchors of level n: of its size's area, of the given shapes, centred on every 2^n-th pixel."""
    ratios = (0.5, 1.0, 2.0)
    model = build(levels=levels, anchor_sizes=LEVELS[levels], aspect_ratios=ratios)
    features = model.backbone(torch.zeros(1, 3, 128, 192))
    low, high = levels
    strides = [2**level for level in range(low, high + 1)]
    assert [tuple(feature.shape) for feature in features] == [(1, 16, 128 // s, 192 // s) for s in strides]
    for anchors, stride, size in zip(model.rpn.anchors(features), strides, LEVELS[levels], strict=True):
        level = anchors.reshape(128 // stride, 192 // stride, len(ratios), 4)
        rows, columns = torch.meshgrid(torch.arange(0, 128, stride), torch.arange(0, 192, stride), indexing="ij")
        centres = (level[..., :2] + level[..., 2:]) / 2
        assert torch.allclose(centres[..., 0], columns[..., None].float(), atol=1e-4)
        assert torch.allclose(centres[..., 1], rows[..., None].float(), atol=1e-4)
        sides = level[..., 2:] - level[..., :2]
        expected = torch.tensor([[size / ratio**0.5, size * ratio**0.5] for ratio in ratios])
        assert torch.allclose(sides, expected.expand_as(sides), atol=1e-3)


@pytest.mark.parametrize("pixels", STATISTICS)
def test_pixels_are_normalised_and_padded(pixels):
    model = build(pixels=pixels)
    first, second = images((40, 70), (50, 33))
    batch = model.batch([first, second])
    assert batch.shape == (2, 3, 64, 96)  # padded to multiples of 32
    mean = torch.tensor([103.53, 116.28, 123.675])
    std = torch.tensor([1.0, 1.0, 1.0] if pixels == "bgr" else [57.375, 57.12, 58.395])
    if pixels == "rgb":
        mean, std = mean.flip(0), std.flip(0)
    for place, image in zip(batch, (first, second), strict=True):
        height, width = image.shape[1:]
        turned = image if pixels == "rgb" else image[[2, 1, 0]]
        expected = (turned.float() - mean[:, None, None]) / std[:, None, None]
        assert torch.allclose(place[:, :height, :width], expected, atol=1e-5)
        assert place[:, height:].abs().max() == place[:, :, width:].abs().max() == 0
    assert torch.equal(model.batch([first.float(), second.float()]), batch)


@pytest.mark.parametrize("backbone", ["resnet50", "resnext50_32x4d"])
def test_where_a_block_halves_the_image(backbone):
    strides = {}
    for stride_in_1x1 in (False, True):
        model = build(backbone=backbone, stride_in_1x1=stride_in_1x1, norm="frozen")
        block = model.backbone.body["layer2"][0]
        strides[stride_in_1x1] = block.conv1.stride[0], block.conv2.stride[0]
    assert strides == {False: (1, 2), True: (2, 1)}


@pytest.mark.parametrize("freeze_at", range(6))
@pytest.mark.parametrize("norm", ["batch", "frozen", "group"])
def test_frozen_stages_have_no_gradient(freeze_at, norm):
    sizes = LEVELS[2, 6]
    model = build(freeze_at=freeze_at, norm=norm, levels=(2, 6), anchor_sizes=sizes)
    stages = [("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",)]
    frozen = {name for stage in stages[:freeze_at] for name in stage}
    for name, parameter in model.named_parameters():
        stage = name.split(".")[2] if name.startswith("backbone.body.") else None
        assert parameter.requires_grad == (stage not in frozen), name


def test_norms_of_frozen_stages_keep_their_statistics():
    model = build(freeze_at=3, norm="batch")
    model(images((64, 64)), targets()[:1])
    body = model.backbone.body
    for stage in ("bn1", "layer1", "layer2"):
        for name, value in body[stage].named_buffers():
            assert torch.equal(value, torch.full_like(value, "var" in name)) or name.endswith(("weight", "bias"))
    assert body["layer3"][0].bn1.running_mean.abs().max() > 0


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_boxes_are_decoded_in_full_precision_under_autocast(kind, monkeypatch):
    model = build(score_threshold=0.0).eval()
    kinds, decode = [], coding.decode

    def watched(codes, boxes, weights):
        kinds.append((codes.dtype, boxes.dtype))
        return decode(codes, boxes, weights)

    for module in (proposals, boxes_module):
        monkeypatch.setattr(module, "decode", watched)
    convolved = []
    model.rpn.head.cls_logits.register_forward_hook(lambda module, inputs, output: convolved.append(output.dtype))
    with torch.no_grad(), torch.autocast("cpu", dtype=kind):
        found = model(images((64, 96)))[0]
    assert set(convolved) == {kind}
    assert kinds == [(torch.float32, torch.float32)] * 2
    assert (found["boxes"].dtype, found["scores"].dtype) == (torch.float32, torch.float32)


def _save(path, model, categories, precision="32-true", **changes):
    solver = {"base_lr": 0.1, "max_iter": 1, "precision": precision}
    experiment = DetectionExperiment.model_validate({"model": DETECTOR | changes, "solver": solver})
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    checkpoint = Checkpoint(weights, experiment.model_dump(mode="json"), categories, {}, 1)
    save_checkpoint(path, checkpoint)
    return checkpoint


def test_a_loaded_detector_finds_the_same(tmp_path):
    model = build(score_threshold=0.0, weights="none").eval().to(memory_format=torch.channels_last)
    _save(tmp_path / "model.pt", model, ["a", "b"], score_threshold=0.0, weights=str(tmp_path / "gone.pt"))
    loaded, experiment = load_detector(tmp_path / "model.pt")
    assert experiment.model.backbone == "resnet18"
    assert not loaded.training
    with torch.no_grad():
        before, after = model(images((64, 64)))[0], loaded(images((64, 64)))[0]
    assert len(before["boxes"]) > 0
    assert all(torch.equal(before[key], after[key].cpu()) for key in before)


def test_weights_that_cannot_be_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for variable in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(PodiumError, match="ImageNet weights of resnet18 could not be downloaded") as caught:
        build(weights="imagenet")
    assert caught.value.key == "model.weights"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"levels": (6, 6), "anchor_sizes": (64,)}, "beginning at 5 or before"),
        ({"levels": (1, 4), "anchor_sizes": (8, 16, 32, 64)}, "range within"),
        ({"levels": (4, 2), "anchor_sizes": ()}, "range within"),
        ({"levels": (2, 4), "anchor_sizes": (12, 20)}, "2 anchor_sizes for the 3 levels"),
        ({"backend": "detectron2"}, "levels .* end before 5, where Detectron2's pyramid does not"),
        ({"weights": "imagenet", "norm": "group"}, "ImageNet weights have no group normalisation"),
        ({"weights": "imagenet", "norm": "frozen", "pixels": "bgr"}, "pixels must be rgb"),
        (
            {"weights": "imagenet", "norm": "frozen", "backbone": "resnet50", "stride_in_1x1": True},
            "stride_in_1x1 must be false",
        ),
        ({"weights": "mine.pth"}, "mine.pth does not say how its pixels are normalised: pixels is required"),
        (
            {"weights": "mine.pkl", "pixels": "bgr", "backbone": "resnet50"},
            "mine.pkl does not say where its blocks halve the image: stride_in_1x1 is required",
        ),
        ({"weights": "COCO-Detection/faster_rcnn_X_101"}, "is not in the zoo; did you mean 'COCO-Detection/faster"),
        ({"weights": "COCO-Detection/faster_rcnn_R_101_FPN_3x"}, "a model with backbone resnet101, not resnet18"),
    ],
)
def test_settings_that_no_detector_has(changes, problem):
    with pytest.raises(ValueError, match=problem):
        settings(**changes)


def test_zoo_weights_say_what_model_they_are_of():
    masks = Detector(weights="COCO-InstanceSegmentation/mask_rcnn_X_101_32x8d_FPN_3x")
    assert (masks.architecture, masks.backbone, masks.pixels) == ("mask_rcnn", "resnext101_32x8d", "bgr_std")
    assert not masks.stride_in_1x1
    boxes = Detector(weights="COCO-Detection/faster_rcnn_R_101_FPN_3x")
    assert (boxes.architecture, boxes.backbone, boxes.pixels) == ("faster_rcnn", "resnet101", "bgr")
    assert boxes.stride_in_1x1


@pytest.mark.slow
def test_the_largest_detector_trains_and_predicts_on_the_cpu():
    """ResNeXt-101 32x8d with all five levels, one image of 800 x 1067 pixels; about 7 GB."""
    torch.manual_seed(0)
    detector = Detector(backbone="resnext101_32x8d", weights="none", score_threshold=0.0, freeze_at=2)
    model = build_detector(detector, 1)
    # Backbone, pyramid and heads of Detectron2's X-101-32x8d-FPN Faster R-CNN (104 M with 80 categories).
    assert sum(parameter.numel() for parameter in model.parameters()) == pytest.approx(104e6, rel=0.02)
    image = images((800, 1067))
    target = {"boxes": torch.tensor([[100.0, 80.0, 420.0, 400.0]]), "labels": torch.tensor([1])}
    trained = [parameter for parameter in model.parameters() if parameter.requires_grad]
    optimiser = torch.optim.SGD(trained, lr=1e-4)
    before = [parameter.detach().clone() for parameter in trained]
    began = time.monotonic()
    losses = model(image, [target])
    total = sum(losses.values())
    total.backward()
    optimiser.step()
    assert total.isfinite()
    assert all(p.grad is not None and p.grad.isfinite().all() for p in trained)
    assert any(not torch.equal(a, b) for a, b in zip(before, trained, strict=True))
    stepped = time.monotonic()
    model.eval()
    with torch.no_grad():
        (found,) = model(image)
    print(f"training step {stepped - began:.1f} s, inference {time.monotonic() - stepped:.1f} s")
    assert 0 < len(found["boxes"]) <= 100
    assert (found["boxes"] <= torch.tensor([1067, 800, 1067, 800])).all()
