import time
from dataclasses import replace

import pytest
import torch
from torchvision.models.detection import fasterrcnn_resnet50_fpn
from torchvision.ops import FrozenBatchNorm2d

from podium.config.detection import DetectionExperiment, Detector
from podium.errors import PodiumError
from podium.models.checkpoint import Checkpoint, save_checkpoint
from podium.models.detectors import PIXEL_MEAN, PIXEL_STD, build_detector
from podium.models.load import load_detector
from tests.training.tiny import DETECTOR

LEVELS = {(2, 4): (12, 20, 32), (2, 6): (12, 20, 32, 48, 64), (3, 5): (16, 32, 64), (5, 5): (40,), (5, 6): (40, 60)}


def settings(**changes) -> Detector:
    return Detector.model_validate(DETECTOR | changes)


def build(num_classes=2, seed=0, **changes):
    torch.manual_seed(seed)
    return build_detector(settings(**changes), num_classes)


def images(*sizes):
    torch.manual_seed(1)
    return [torch.rand(3, *size) for size in sizes]


TARGETS = [
    {"boxes": torch.tensor([[4.0, 6.0, 30.0, 40.0], [20.0, 20.0, 60.0, 50.0]]), "labels": torch.tensor([1, 2])},
    {"boxes": torch.zeros(0, 4), "labels": torch.zeros(0, dtype=torch.int64)},
]


@pytest.mark.parametrize("levels", LEVELS)
@pytest.mark.parametrize("norm", ["batch", "frozen", "group"])
def test_losses_in_training_and_detections_else(levels, norm):
    model = build(levels=levels, anchor_sizes=LEVELS[levels], norm=norm, score_threshold=0.0, detections_per_image=9)
    losses = model(images((64, 64), (50, 90)), TARGETS)
    assert set(losses) == {"loss_classifier", "loss_box_reg", "loss_objectness", "loss_rpn_box_reg"}
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


@pytest.mark.parametrize("levels", LEVELS)
def test_anchors_stand_on_each_level_s_grid(levels):
    """Anchors of level n: of its size's area, of the given shapes, centred on every 2^n-th pixel."""
    ratios = (0.5, 1.0, 2.0)
    model = build(levels=levels, anchor_sizes=LEVELS[levels], aspect_ratios=ratios)
    batch = torch.zeros(1, 3, 128, 192)
    features = list(model.backbone(batch).values())
    low, high = levels
    strides = [2**level for level in range(low, high + 1)]
    assert [tuple(feature.shape) for feature in features] == [(1, 16, 128 // s, 192 // s) for s in strides]

    class Images:
        tensors, image_sizes = batch, [(128, 192)]

    (anchors,) = model.rpn.anchor_generator(Images, features)
    start = 0
    for stride, size in zip(strides, LEVELS[levels], strict=True):
        count = len(ratios) * (128 // stride) * (192 // stride)
        level = anchors[start : start + count].reshape(128 // stride, 192 // stride, len(ratios), 4)
        start += count
        centres = (level[..., :2] + level[..., 2:]) / 2
        rows, columns = torch.meshgrid(torch.arange(0, 128, stride), torch.arange(0, 192, stride), indexing="ij")
        # torchvision rounds corners to whole pixels.
        assert (centres[..., 0] - columns[..., None]).abs().max() <= 0.5
        assert (centres[..., 1] - rows[..., None]).abs().max() <= 0.5
        sides = level[0, 0, :, 2:] - level[0, 0, :, :2]
        expected = torch.tensor([[size / ratio**0.5, size * ratio**0.5] for ratio in ratios])
        assert (sides - expected).abs().max() <= 1
    assert start == len(anchors)


def test_the_same_function_as_torchvisions_own_detector():
    """With torchvision's weights it is torchvision's Faster R-CNN with ResNet-50 and FPN."""
    torch.manual_seed(0)
    theirs = fasterrcnn_resnet50_fpn(
        weights=None,
        weights_backbone=None,
        num_classes=5,
        min_size=96,
        max_size=128,
        norm_layer=FrozenBatchNorm2d,
        box_score_thresh=0.0,
        rpn_post_nms_top_n_test=50,
        rpn_pre_nms_top_n_test=50,
        image_mean=PIXEL_MEAN,
        image_std=PIXEL_STD,
    ).eval()
    same = {"levels": (2, 6), "anchor_sizes": (32, 64, 128, 256, 512), "fpn_channels": 256, "head_features": 1024}
    ours = build(4, backbone="resnet50", norm="frozen", score_threshold=0.0, proposals_test=50, **same).eval()
    ours.load_state_dict(theirs.state_dict(), strict=True)
    with torch.no_grad():
        expected, found = theirs(images((96, 128))), ours(images((96, 128)))
    assert len(found[0]["boxes"]) > 0
    for key in ("boxes", "labels", "scores"):
        assert torch.equal(found[0][key], expected[0][key])


def test_pixels_are_normalised_and_nothing_is_resized():
    model = build()
    (image,) = images((40, 70))
    taken, _ = model.transform([image], None)
    assert taken.image_sizes == [(40, 70)]
    assert taken.tensors.shape == (1, 3, 64, 96)  # padded to multiples of 32
    mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
    expected = (image - mean[:, None, None]) / std[:, None, None]
    assert torch.allclose(taken.tensors[0, :, :40, :70], expected, atol=1e-6)
    assert taken.tensors[0, :, 40:].abs().max() == 0
    model.train()
    (target,) = model.transform([image], [{"boxes": torch.tensor([[1.0, 2.0, 3.0, 4.0]])}])[1]
    assert target["boxes"].tolist() == [[1, 2, 3, 4]]


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
    model(images((64, 64)), TARGETS[:1])
    body = model.backbone.body
    for stage in ("bn1", "layer1", "layer2"):
        for name, value in body[stage].named_buffers():
            assert torch.equal(value, torch.full_like(value, "var" in name)) or name.endswith(("weight", "bias"))
    assert body["layer3"][0].bn1.running_mean.abs().max() > 0


@pytest.mark.parametrize("kind", [torch.bfloat16, torch.float16])
def test_boxes_are_decoded_in_full_precision_under_autocast(kind):
    model = build(score_threshold=0.0).eval()
    kinds = []
    model.rpn.box_coder.decode_single, decode = (
        lambda codes, boxes: kinds.append((codes.dtype, boxes.dtype)) or decode(codes, boxes),
        model.rpn.box_coder.decode_single,
    )
    convolved = []
    model.rpn.head.cls_logits.register_forward_hook(lambda module, inputs, output: convolved.append(output.dtype))
    with torch.no_grad(), torch.autocast("cpu", dtype=kind):
        found = model(images((64, 96)))[0]
    assert set(convolved) == {kind}
    assert set(kinds) == {(torch.float32, torch.float32)}
    assert (found["boxes"].dtype, found["scores"].dtype) == (torch.float32, torch.float32)


def _save(path, model, categories, **changes):
    experiment = DetectionExperiment.model_validate(
        {"model": DETECTOR | changes, "solver": {"base_lr": 0.1, "max_iter": 1}}
    )
    weights = {name: value.clone() for name, value in model.state_dict().items()}
    normalisation = {"mean": list(PIXEL_MEAN), "std": list(PIXEL_STD)}
    checkpoint = Checkpoint(weights, experiment.model_dump(mode="json"), categories, normalisation, 1)
    save_checkpoint(path, checkpoint)
    return checkpoint


def test_a_loaded_detector_finds_the_same(tmp_path):
    model = build(score_threshold=0.0, weights="none").eval()
    _save(tmp_path / "model.pt", model, ["a", "b"], score_threshold=0.0, weights=str(tmp_path / "gone.pt"))
    loaded, experiment = load_detector(tmp_path / "model.pt")
    assert experiment.model.backbone == "resnet18"
    assert not loaded.training
    with torch.no_grad():
        before, after = model(images((64, 64)))[0], loaded(images((64, 64)))[0]
    assert len(before["boxes"]) > 0
    assert all(torch.equal(before[key], after[key].cpu()) for key in before)


def test_starting_weights_of_the_same_categories_are_loaded_whole(tmp_path):
    source = _save(tmp_path / "model.pt", build(2, seed=3), ["a", "b"])
    started = build(2, seed=4, weights=str(tmp_path / "model.pt")).state_dict()
    assert all(torch.equal(started[name], value) for name, value in source.weights.items())


def test_starting_weights_of_other_categories_leave_the_class_layers_fresh(tmp_path):
    source = _save(tmp_path / "model.pt", build(2, seed=3), ["a", "b"])
    started = build(5, seed=4, weights=str(tmp_path / "model.pt")).state_dict()
    fresh = build(5, seed=4).state_dict()
    layers = {name for name in started if name.startswith("roi_heads.box_predictor.")}
    assert len(layers) == 4
    for name, value in started.items():
        assert torch.equal(value, fresh[name] if name in layers else source.weights[name]), name


@pytest.mark.parametrize(("before", "after"), [(3, 0), (0, 3)])
def test_stages_may_be_frozen_or_freed_from_one_training_to_the_next(before, after, tmp_path):
    source = _save(tmp_path / "model.pt", build(seed=3, freeze_at=before), ["a", "b"], freeze_at=before)
    started = build(seed=4, freeze_at=after, weights=str(tmp_path / "model.pt")).state_dict()
    common = started.keys() & source.weights.keys()
    assert started.keys() ^ common <= {name for name in started if "num_batches" in name}
    assert all(torch.equal(started[name], source.weights[name]) for name in common)


@pytest.mark.parametrize(
    "other",
    [
        {"backbone": "resnet34"},
        {"fpn_channels": 8},
        {"head_features": 16},
        {"levels": (2, 5), "anchor_sizes": (12, 20, 32, 48)},
        {"aspect_ratios": (0.5, 1.0)},
    ],
    ids=lambda other: next(iter(other)),
)
def test_starting_weights_of_another_network_are_refused(other, tmp_path):
    _save(tmp_path / "model.pt", build(), ["a", "b"])
    path = str(tmp_path / "model.pt")
    with pytest.raises(PodiumError, match="tensors are missing or of another shape") as caught:
        build(weights=path, **other)
    assert (caught.value.file, caught.value.key) == (path, "model.weights")


def test_starting_weights_of_a_segmenter_and_of_nothing(tmp_path):
    checkpoint = _save(tmp_path / "model.pt", build(), ["a", "b"])
    save_checkpoint(tmp_path / "other.pt", replace(checkpoint, weights={"stem.0.weight": torch.zeros(1)}))
    with pytest.raises(PodiumError, match="tensors are missing"):
        build(weights=str(tmp_path / "other.pt"))
    with pytest.raises(PodiumError, match="no such checkpoint"):
        build(weights=str(tmp_path / "nothing.pt"))


@pytest.mark.parametrize(
    ("weights", "changes"),
    [
        ("imagenet", {}),
        ("coco", {"backbone": "resnet50", "levels": (2, 6), "anchor_sizes": LEVELS[2, 6]}),
    ],
)
def test_weights_that_cannot_be_downloaded(weights, changes, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    for variable in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(PodiumError, match=f"torchvision's {weights} weights could not be downloaded") as caught:
        build(weights=weights, **changes)
    assert caught.value.key == "model.weights"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"levels": (6, 6), "anchor_sizes": (64,)}, "beginning at 5 or before"),
        ({"levels": (1, 4), "anchor_sizes": (8, 16, 32, 64)}, "range within"),
        ({"levels": (4, 2), "anchor_sizes": ()}, "range within"),
        ({"levels": (2, 4), "anchor_sizes": (12, 20)}, "2 anchor_sizes for the 3 levels"),
        ({"weights": "coco"}, "coco weights are for backbone resnet50"),
    ],
)
def test_settings_that_no_detector_has(changes, problem):
    with pytest.raises(ValueError, match=problem):
        settings(**changes)


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
