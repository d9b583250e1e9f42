"""Optimisers by their configuration."""

import torch
from torch import nn

from podium.config.solver import Solver

_NORMALISATION = (nn.modules.batchnorm._BatchNorm, nn.GroupNorm, nn.LayerNorm)


def build_optimiser(model: nn.Module, solver: Solver) -> torch.optim.Optimizer:
    """Return the optimiser of the parameters that are trained; biases and normalisation layers decay not at all."""
    decayed, free = [], []
    for module in model.modules():
        for name, parameter in module.named_parameters(recurse=False):
            if parameter.requires_grad:
                exempt = name == "bias" or isinstance(module, _NORMALISATION)
                (free if exempt else decayed).append(parameter)
    groups = [{"params": decayed, "weight_decay": solver.weight_decay}, {"params": free, "weight_decay": 0.0}]
    if solver.optimizer == "sgd":
        return torch.optim.SGD(groups, lr=solver.base_lr, momentum=solver.momentum)
    kind = {"adam": torch.optim.Adam, "adamw": torch.optim.AdamW}[solver.optimizer]
    return kind(groups, lr=solver.base_lr, betas=(solver.momentum, 0.999))
