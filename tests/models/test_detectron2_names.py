"""Names against those of a real Mask R-CNN R50-FPN of Detectron2's, kept in detectron2_r50_mask.json."""

import json
from pathlib import Path

import pytest
import torch

from podium.config.detection import DetectionInput, Detector
from podium.errors import PodiumError
from podium.models.detectors import build_detector
from podium.models.detectron2_config import detectron2_config
from podium.models.detectron2_names import from_detectron2, to_detectron2

REAL = json.loads(Path(__file__).with_name("detectron2_r50_mask.json").read_text())

KINDS = {
    "resnet50 with masks": {"backbone": "resnet50", "architecture": "mask_rcnn"},
    "resnext101": {"backbone": "resnext101_32x8d"},
    "resnet18": {"backbone": "resnet18"},
    "resnet34 with group norm": {"backbone": "resnet34", "norm": "group", "freeze_at": 0},
    "levels 3 to 5": {"backbone": "resnet18", "levels": (3, 5), "anchor_sizes": (32, 64, 128)},
    "levels 5 to 6": {"backbone": "resnet18", "levels": (5, 6), "anchor_sizes": (128, 256)},
}


def ours(kind, num_classes):
    """Return a state dict of a model without memory: names and shapes are all that counts."""
    settings = Detector(weights="none", **KINDS[kind])
    with torch.device("meta"):
        return settings, build_detector(settings, num_classes).state_dict()


def shapes(weights):
    return {name: list(value.shape) for name, value in weights.items()}


def test_our_mask_rcnn_is_detectron2s():
    settings, weights = ours("resnet50 with masks", 80)
    assert shapes(to_detectron2(weights, settings.levels)) == REAL


def test_detectron2s_mask_rcnn_is_ours():
    _, weights = ours("resnet50 with masks", 80)
    read = from_detectron2({name: torch.empty(shape, device="meta") for name, shape in REAL.items()})
    assert shapes(read) == shapes(weights)


@pytest.mark.parametrize("kind", KINDS)
def test_there_and_back(kind):
    settings, weights = ours(kind, 3)
    theirs = to_detectron2(weights, settings.levels)
    assert len(theirs) == len(weights)
    back = from_detectron2(theirs)
    assert list(back) == list(weights)
    assert all(back[name] is weights[name] for name in weights)


@pytest.mark.parametrize(
    ("name", "theirs"),
    [
        ("backbone.body.bn1.running_var", "backbone.bottom_up.stem.conv1.norm.running_var"),
        ("backbone.body.layer4.2.bn3.bias", "backbone.bottom_up.res5.2.conv3.norm.bias"),
        ("backbone.body.layer3.22.conv2.weight", "backbone.bottom_up.res4.22.conv2.weight"),
        ("backbone.body.layer1.0.downsample.1.running_mean", "backbone.bottom_up.res2.0.shortcut.norm.running_mean"),
        ("backbone.body.layer2.0.bn1.num_batches_tracked", "backbone.bottom_up.res3.0.conv1.norm.num_batches_tracked"),
        ("backbone.fpn.inner_blocks.0.0.weight", "backbone.fpn_lateral3.weight"),
        ("backbone.fpn.layer_blocks.2.0.bias", "backbone.fpn_output5.bias"),
        ("rpn.head.cls_logits.weight", "proposal_generator.rpn_head.objectness_logits.weight"),
        ("roi_heads.box_head.fc7.bias", "roi_heads.box_head.fc2.bias"),
        ("roi_heads.mask_head.6.weight", "roi_heads.mask_head.mask_fcn4.weight"),
    ],
)
def test_single_names(name, theirs):
    assert list(to_detectron2({name: 0}, (3, 6))) == [theirs]
    # A pyramid is read from its finest level on.
    finest = {"backbone.fpn_lateral3.bias": 1}
    assert from_detectron2({**finest, theirs: 0})[name] == 0


def test_what_follows_from_the_configuration_is_skipped():
    derived = {
        "pixel_mean": 0,
        "pixel_std": 0,
        "proposal_generator.anchor_generator.cell_anchors.0": 0,
        "proposal_generator.anchor_generator.cell_anchors.4": 0,
    }
    name = "proposal_generator.rpn_head.conv.bias"
    assert from_detectron2({**derived, name: 1}) == {"rpn.head.conv.0.0.bias": 1}


@pytest.mark.parametrize(
    "name",
    [
        "backbone.fpn_lateral2.norm.weight",
        "backbone.bottom_up.res6.0.conv1.weight",
        "backbone.bottom_up.res2.0.conv1.weight.more",
        "roi_heads.0.box_head.fc1.weight",
        "sem_seg_head.p2.0.weight",
        "conv1_w",
    ],
)
def test_unknown_names_are_listed(name):
    with pytest.raises(PodiumError, match="1 of 2 weights") as caught:
        from_detectron2({name: 0, "roi_heads.box_head.fc1.weight": 0})
    assert name in caught.value.problem
    with pytest.raises(PodiumError, match=r"6 of 6 weights.*x0, x1, x2, x3, x4, …"):
        to_detectron2({f"x{index}": 0 for index in range(6)}, (2, 6))


@pytest.mark.parametrize("kind", KINDS)
def test_detectron2_builds_the_same_names_and_shapes(kind):
    config = pytest.importorskip("detectron2.config")
    modeling = pytest.importorskip("detectron2.modeling")
    settings, weights = ours(kind, 3)
    cfg = config.get_cfg()
    cfg.merge_from_other_cfg(config.CfgNode(detectron2_config(settings, DetectionInput(), 3)))
    cfg.MODEL.DEVICE = "cpu"
    theirs = modeling.build_model(cfg).state_dict()
    assert shapes(to_detectron2(weights, settings.levels)) == shapes(theirs)
    assert shapes(from_detectron2(theirs)) == shapes(weights)
