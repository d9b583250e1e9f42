"""Networks that map an image to one logit per pixel, by their configuration."""

from itertools import pairwise

import segmentation_models_pytorch as smp
from torch import Tensor, nn

from podium.config.segmentation import Segmenter
from podium.errors import PodiumError

_ARCHITECTURES = {
    "unet": smp.Unet,
    "unetplusplus": smp.UnetPlusPlus,
    "manet": smp.MAnet,
    "linknet": smp.Linknet,
    "fpn": smp.FPN,
    "pspnet": smp.PSPNet,
    "pan": smp.PAN,
    "deeplabv3plus": smp.DeepLabV3Plus,
    "segformer": smp.Segformer,
}


def build_segmenter(settings: Segmenter) -> nn.Module:
    """Return a network from float (n, 3, h, w), RGB normalised by ImageNet's statistics, to logits (n, 1, h, w).

    Raises
    ------
    PodiumError
        The encoder is unknown or does not fit the architecture, or its weights cannot be downloaded.
    """
    if settings.architecture == "report_unet":
        return ReportUNet()
    weights = None if settings.encoder_weights == "none" else settings.encoder_weights
    try:
        return _ARCHITECTURES[settings.architecture](
            settings.encoder, encoder_weights=weights, in_channels=3, classes=1
        )
    except OSError as error:
        raise PodiumError(
            f"the {weights} weights of {settings.encoder} could not be downloaded: {error}",
            key="segmentation.model.encoder_weights",
            mend="run once where there is a network, or set encoder_weights: none",
        ) from None
    except (KeyError, ValueError, RuntimeError) as error:
        known = ", ".join(smp.encoders.get_encoder_names())
        raise PodiumError(
            f"segmentation-models-pytorch cannot make {settings.architecture} with encoder {settings.encoder!r} and "
            f"{settings.encoder_weights} weights: {error.args[0]}",
            key="segmentation.model.encoder",
            mend=f"take one of {known}",
        ) from None


class ReportUNet(nn.Module):
    """The U-Net of the planes report: 3→8, six times down to 512, six times up to 8, 8→3, 3→1.

    Skips are added, not concatenated; each sum is followed by ReLU and batch normalisation. The report gives neither
    the kernel sizes nor the layers inside a block; here a block is one 3x3 convolution with batch normalisation and
    ReLU, after 2x2 max pooling on the way down and after a 2x2 transposed convolution on the way up. Sides of the
    input must be multiples of 64.
    """

    def __init__(self):
        super().__init__()
        widths = [8, 16, 32, 64, 128, 256, 512]
        self.stem = _block(3, widths[0])
        self.down = nn.ModuleList(nn.Sequential(nn.MaxPool2d(2), _block(a, b)) for a, b in pairwise(widths))
        up = widths[::-1]
        self.up = nn.ModuleList(
            nn.Sequential(nn.ConvTranspose2d(a, b, kernel_size=2, stride=2), _block(b, b)) for a, b in pairwise(up)
        )
        self.joined = nn.ModuleList(nn.Sequential(nn.ReLU(), nn.BatchNorm2d(width)) for width in up[1:])
        self.head = nn.Sequential(nn.Conv2d(widths[0], 3, 3, padding=1), nn.Conv2d(3, 1, 1))

    def forward(self, images: Tensor) -> Tensor:
        features = [self.stem(images)]
        for down in self.down:
            features.append(down(features[-1]))
        x = features.pop()
        for up, joined in zip(self.up, self.joined, strict=True):
            x = joined(up(x) + features.pop())
        return self.head(x)


def _block(channels_in: int, channels_out: int) -> nn.Module:
    convolution = nn.Conv2d(channels_in, channels_out, 3, padding=1, bias=False)
    return nn.Sequential(convolution, nn.BatchNorm2d(channels_out), nn.ReLU())
