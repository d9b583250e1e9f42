"""A residual network with a feature pyramid on it (Lin et al. 2017, arXiv:1612.03144)."""

from collections.abc import Mapping
from typing import Literal

import torchvision
from torch import Tensor, nn
from torch.nn.functional import batch_norm
from torchvision.models._utils import IntermediateLayerGetter
from torchvision.models.resnet import Bottleneck, ResNet
from torchvision.ops import FrozenBatchNorm2d
from torchvision.ops.feature_pyramid_network import FeaturePyramidNetwork, LastLevelMaxPool


class FrozenBatchNorm(FrozenBatchNorm2d):
    """Batch normalisation by stored statistics, computed as Detectron2 does, to the last bit."""

    def forward(self, x: Tensor) -> Tensor:
        if not x.requires_grad:
            return batch_norm(x, self.running_mean, self.running_var, self.weight, self.bias, eps=self.eps)
        # batch_norm would also keep what it needs for gradients of the statistics.
        scale = self.weight * (self.running_var + self.eps).rsqrt()
        shift = self.bias - self.running_mean * scale
        return x * scale.to(x.dtype).reshape(1, -1, 1, 1) + shift.to(x.dtype).reshape(1, -1, 1, 1)


NORMS = {"frozen": FrozenBatchNorm, "batch": nn.BatchNorm2d, "group": lambda channels: nn.GroupNorm(32, channels)}


class Pyramid(nn.Module):
    """Features of several strides, all with the same number of channels."""

    def __init__(self, body: ResNet, levels: tuple[int, int], channels: int):
        super().__init__()
        low, high = levels
        # Stage n of a residual network has stride 2^n and 2^(n-2) times the channels of stage 2; torchvision calls it
        # layer n-1.
        stages = range(low, min(high, 5) + 1)
        first = body.inplanes // 8
        self.body = IntermediateLayerGetter(
            body, {f"layer{stage - 1}": str(index) for index, stage in enumerate(stages)}
        )
        self.fpn = FeaturePyramidNetwork(
            [first * 2 ** (stage - 2) for stage in stages],
            channels,
            extra_blocks=LastLevelMaxPool() if high == 6 else None,
        )

    def forward(self, batch: Tensor) -> list[Tensor]:
        """Return the features of each level, finest first, for images (n, 3, h, w)."""
        features: Mapping[str, Tensor] = self.fpn(self.body(batch))
        return list(features.values())


def residual_network(
    name: str, norm: Literal["frozen", "batch", "group"], stride_in_1x1: bool, imagenet: bool
) -> ResNet:
    """Return torchvision's network of this name, with its ImageNet weights or random ones."""
    network = torchvision.models.get_model(name, weights="DEFAULT" if imagenet else None, norm_layer=NORMS[norm])
    if stride_in_1x1:
        for block in network.modules():
            if isinstance(block, Bottleneck):
                block.conv1.stride, block.conv2.stride = block.conv2.stride, block.conv1.stride
    return network


def freeze(body: nn.Module, freeze_at: int) -> None:
    """Train no stage up to `freeze_at` (1 is the stem), and let its batch norms keep their statistics."""
    for stage, names in enumerate((("conv1", "bn1"), ("layer1",), ("layer2",), ("layer3",), ("layer4",)), start=1):
        for name in names:
            if stage <= freeze_at and name in body:
                body[name].requires_grad_(False)
                body[name] = _norms_frozen(body[name])


def _norms_frozen(module: nn.Module) -> nn.Module:
    if isinstance(module, nn.BatchNorm2d):
        frozen = FrozenBatchNorm(module.num_features, module.eps)
        frozen.load_state_dict(module.state_dict())
        return frozen
    for name, child in module.named_children():
        setattr(module, name, _norms_frozen(child))
    return module
