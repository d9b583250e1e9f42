"""The Detectron2 backend behind our interface. What it computes is compared in test_detectron2_equality.py."""

import copy
import logging
import sys

import pytest
import torch
from torch.nn.parallel import DistributedDataParallel

from podium.config.detection import Detector
from podium.errors import PodiumError
from podium.models.detectors import build_detector
from podium.training.stages import Stages


def settings(backend: str = "detectron2", **changes: object) -> Detector:
    small = {
        "architecture": "mask_rcnn",
        "backbone": "resnet18",
        "weights": "none",
        "norm": "batch",
        "freeze_at": 1,
        "levels": (3, 5),
        "anchor_sizes": (24, 48, 96),
        "fpn_channels": 16,
        "head_features": 16,
        "mask_channels": 16,
        "proposals_train": 40,
        "proposals_test": 40,
        "batch_size_per_image": 16,
    }
    return Detector(backend=backend, **(small | changes))


def batch():
    images = [torch.randint(0, 256, (3, 64, 96), dtype=torch.uint8, generator=torch.Generator().manual_seed(6))]
    masks = torch.zeros(1, 64, 96, dtype=torch.uint8)
    masks[:, 12:50, 20:60] = 1
    return images, [{"boxes": torch.tensor([[20.0, 12, 60, 50]]), "labels": torch.tensor([2]), "masks": masks}]


def losses_of(model):
    torch.manual_seed(0)
    return model(*batch())


@pytest.fixture
def model():
    pytest.importorskip("detectron2")
    torch.manual_seed(0)
    return build_detector(settings(), num_classes=2).train()


def test_its_absence_is_said_in_one_sentence(monkeypatch):
    for name in ("detectron2", "detectron2.config", "detectron2.modeling"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(PodiumError, match="Detectron2, which cannot be imported") as raised:
        build_detector(settings(), num_classes=2)
    assert raised.value.key == "model.backend"
    assert "environment.yml" in raised.value.mend
    assert "backend: torchvision" in raised.value.mend


def test_names_of_weights_and_of_what_is_trained_are_the_other_backends(model):
    other = build_detector(settings("torchvision"), num_classes=2)
    assert {name: value.shape for name, value in model.state_dict().items()} == {
        name: value.shape for name, value in other.state_dict().items()
    }
    ours, theirs = ({name: p.requires_grad for name, p in each.named_parameters()} for each in (other, model))
    assert theirs == ours
    assert not theirs["backbone.body.conv1.weight"]
    assert theirs["backbone.body.layer1.0.conv1.weight"]


def test_the_number_of_categories_is_the_caller_s(model):
    assert model.state_dict()["roi_heads.box_predictor.cls_score.weight"].shape == (3, 16)
    assert build_detector(settings(), 7).state_dict()["roi_heads.mask_predictor.weight"].shape == (7, 16, 1, 1)


def test_a_state_dict_goes_round_and_a_wrong_one_is_refused(model):
    torch.manual_seed(1)
    again = build_detector(settings(), num_classes=2)
    name = "roi_heads.mask_head.8.weight"
    assert not torch.equal(again.state_dict()[name], model.state_dict()[name])
    again.load_state_dict(model.state_dict())
    assert all(torch.equal(value, again.state_dict()[key]) for key, value in model.state_dict().items())
    state = model.state_dict()
    del state[name]
    with pytest.raises(RuntimeError, match="Missing key"):
        again.load_state_dict(state)


def test_copies_and_averages_have_the_same_names(model):
    average = torch.optim.swa_utils.AveragedModel(model, use_buffers=True)
    names = [name.removeprefix("module.") for name in average.state_dict() if name != "n_averaged"]
    assert names == list(model.state_dict()) == list(copy.deepcopy(model).state_dict())
    average.load_state_dict(average.state_dict())
    average.update_parameters(model)
    assert torch.equal(
        average.module.state_dict()["backbone.body.bn1.bias"], model.state_dict()["backbone.body.bn1.bias"]
    )


def test_under_ddp_losses_are_the_same_and_gradients_arrive(model, tmp_path):
    alone = losses_of(copy.deepcopy(model))
    torch.distributed.init_process_group("gloo", f"file://{tmp_path / 'meeting'}", rank=0, world_size=1)
    try:
        wrapped = DistributedDataParallel(model)
        losses = losses_of(wrapped)
        assert losses.keys() == alone.keys()
        assert all(torch.equal(losses[name], alone[name]) for name in alone)
        sum(losses.values()).backward()
        assert next(iter(wrapped.state_dict())).startswith("module.backbone.fpn.")
        wrapped.load_state_dict(wrapped.state_dict())
    finally:
        torch.distributed.destroy_process_group()
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


def test_training_in_stages_knows_the_heads(model):
    stages = Stages(model, ("roi_heads.",), heads_only_iters=1)
    stages.begin(model, 0)
    sum(losses_of(model).values()).backward()
    trained = {name for name, p in model.named_parameters() if p.grad is not None}
    assert trained == {name for name, _ in model.named_parameters() if name.startswith("roi_heads.")}


def test_a_diverged_model_gives_a_loss_that_is_not_finite(model):
    """Detectron2 itself raises FloatingPointError."""
    names = losses_of(model).keys()
    with torch.no_grad():
        model.model.proposal_generator.rpn_head.anchor_deltas.weight.fill_(torch.nan)
    losses = losses_of(model)
    assert losses.keys() == names
    assert all(loss.isnan() for loss in losses.values())
    sum(losses.values()).backward()  # and the loop can go on to where it reads the loss
    assert all(p.grad is not None for p in model.parameters() if p.requires_grad)


@torch.no_grad()
def test_results_are_in_our_terms(model):
    images, _ = batch()
    model.model.roi_heads.box_predictor.cls_score.bias[1] = 3.0  # all are of the second category
    (found,) = model.eval()([images[0].float()])
    assert set(found["labels"].tolist()) == {2}
    assert found["mask_probabilities"].shape == (len(found["boxes"]), 28, 28)
    assert ((found["mask_probabilities"] > 0) & (found["mask_probabilities"] < 1)).all()
    assert torch.equal(found["scores"], found["scores"].sort(descending=True).values)
    assert (found["boxes"] <= torch.tensor([96, 64, 96, 64])).all()


def test_float32_comes_out_of_autocast(model):
    with torch.autocast("cpu", torch.bfloat16):
        losses = losses_of(model)
        (found,) = model.eval()(batch()[0])
    assert {loss.dtype for loss in losses.values()} == {torch.float32}
    assert {found[key].dtype for key in ("boxes", "scores", "mask_probabilities")} == {torch.float32}


def test_imagenet_weights_are_put_in_by_name(monkeypatch):
    pytest.importorskip("detectron2")
    import torchvision

    source = torchvision.models.resnet18().state_dict()
    source = {name: torch.rand(value.shape) if value.is_floating_point() else value for name, value in source.items()}
    monkeypatch.setattr("torchvision.models._api.load_state_dict_from_url", lambda *_, **__: source)
    state = build_detector(settings(weights="imagenet"), num_classes=2).state_dict()
    body = {name.removeprefix("backbone.body."): v for name, v in state.items() if name.startswith("backbone.body.")}
    assert len(body) >= 100
    assert all(torch.equal(value, source[name]) for name, value in body.items())


def test_no_handler_of_logs_is_installed(model):
    losses_of(model)
    assert logging.getLogger("detectron2").handlers == logging.getLogger("fvcore").handlers == []
    assert logging.getLogger("detectron2").propagate
