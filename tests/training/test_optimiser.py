import pytest
import torch
from torch import nn

from podium.config.solver import Solver
from podium.models.detectors import build_detector
from podium.models.segmenters import build_segmenter
from podium.training.optimiser import build_optimiser

from .tiny import detection, segmentation


def _build(model, **settings):
    return build_optimiser(
        model, Solver.model_validate({"base_lr": 0.03, "max_iter": 1, "weight_decay": 0.2} | settings)
    )


@pytest.mark.parametrize(
    "model",
    [
        build_detector(detection(model={"norm": "batch"}).model, 2),
        build_detector(detection(model={"norm": "group", "freeze_at": 3}).model, 2),
        build_detector(detection(model={"norm": "frozen", "freeze_at": 2}).model, 2),
        build_segmenter(segmentation().model),
    ],
    ids=["batch", "group", "frozen", "segmenter"],
)
def test_each_trained_parameter_is_there_once_and_matrices_alone_decay(model):
    decayed, free = _build(model).param_groups
    assert decayed["weight_decay"] == 0.2
    assert free["weight_decay"] == 0
    ids = [id(parameter) for parameter in decayed["params"] + free["params"]]
    trained = {id(parameter) for parameter in model.parameters() if parameter.requires_grad}
    assert len(ids) == len(set(ids))
    assert set(ids) == trained
    # Weights of convolutions and linear layers have two dimensions or more; biases and scales of norms have one.
    assert all(parameter.ndim >= 2 for parameter in decayed["params"])
    assert all(parameter.ndim == 1 for parameter in free["params"])


def test_a_layer_of_each_kind():
    model = nn.Sequential(nn.Linear(2, 3), nn.LayerNorm(3), nn.Conv2d(3, 4, 1), nn.BatchNorm2d(4), nn.GroupNorm(2, 4))
    model[2].weight.requires_grad_(False)
    decayed, free = _build(model).param_groups
    assert [id(p) for p in decayed["params"]] == [id(model[0].weight)]
    expected = [model[0].bias, model[1].weight, model[1].bias, model[2].bias]
    expected += [model[3].weight, model[3].bias, model[4].weight, model[4].bias]
    assert [id(p) for p in free["params"]] == [id(p) for p in expected]


@pytest.mark.parametrize(
    ("name", "kind", "setting", "value"),
    [
        ("sgd", torch.optim.SGD, "momentum", 0.8),
        ("adam", torch.optim.Adam, "betas", (0.8, 0.999)),
        ("adamw", torch.optim.AdamW, "betas", (0.8, 0.999)),
    ],
)
def test_the_optimiser_that_is_named(name, kind, setting, value):
    optimiser = _build(nn.Linear(2, 2), optimizer=name, momentum=0.8)
    assert type(optimiser) is kind
    for group in optimiser.param_groups:
        assert group["lr"] == 0.03
        assert group[setting] == value
