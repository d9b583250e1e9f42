from itertools import pairwise

import pytest
import torch
from torch import nn

from podium.config.segmentation import SegmentationExperiment, Segmenter
from podium.errors import PodiumError
from podium.models.checkpoint import Checkpoint, save_checkpoint
from podium.models.load_segmenter import load_segmenter
from podium.models.segmenters import ReportUNet, build_segmenter

ARCHITECTURES = [
    *("report_unet", "unet", "unetplusplus", "manet", "linknet"),
    *("fpn", "pspnet", "pan", "deeplabv3plus", "segformer"),
]


@pytest.mark.parametrize("architecture", ARCHITECTURES)
def test_one_logit_a_pixel(architecture):
    torch.manual_seed(0)
    model = build_segmenter(Segmenter(architecture=architecture))
    side = 128
    images = torch.randn(2, 3, side, side)
    logits = model(images)
    assert (logits.shape, logits.dtype) == ((2, 1, side, side), torch.float32)
    # Logits, not probabilities: of both signs.
    assert logits.min() < 0 < logits.max()
    logits.mean().backward()
    assert next(model.parameters()).grad.abs().max() > 0


def test_the_reports_widths_and_its_number_of_parameters():
    """3 to 8, six times down to 512, six times up to 8, 8 to 3, 3 to 1."""
    model = ReportUNet()
    widths = [8, 16, 32, 64, 128, 256, 512]
    convolutions = [
        (type(module).__name__, module.in_channels, module.out_channels, module.kernel_size)
        for module in model.modules()
        if isinstance(module, (nn.Conv2d, nn.ConvTranspose2d))
    ]
    expected = [("Conv2d", 3, 8, (3, 3))]
    expected += [("Conv2d", a, b, (3, 3)) for a, b in pairwise(widths)]
    for a, b in pairwise(widths[::-1]):
        expected += [("ConvTranspose2d", a, b, (2, 2)), ("Conv2d", b, b, (3, 3))]
    expected += [("Conv2d", 8, 3, (3, 3)), ("Conv2d", 3, 1, (1, 1))]
    assert convolutions == expected

    # Blocks: a convolution without biases, and a scale and a shift of each channel.
    count = 9 * 3 * 8 + 2 * 8
    count += sum(9 * a * b + 2 * b for a, b in pairwise(widths))
    # Up: 2 x 2 with biases, a block, and the normalisation after the sum.
    count += sum((4 * a * b + b) + (9 * b * b + 2 * b) + 2 * b for a, b in pairwise(widths[::-1]))
    count += (9 * 8 * 3 + 3) + (3 * 1 + 1)
    assert sum(parameter.numel() for parameter in model.parameters()) == count == 3_062_591


def test_the_reports_skips_are_sums_followed_by_relu_and_normalisation():
    torch.manual_seed(0)
    model = ReportUNet().eval()
    seen = {}

    def watch(name, module):
        module.register_forward_hook(lambda _, inputs, output: seen.update({name: (inputs[0], output)}))

    watch("stem", model.stem)
    for number in range(6):
        watch(f"down {number}", model.down[number])
        watch(f"up {number}", model.up[number])
        watch(f"joined {number}", model.joined[number])
    watch("head", model.head)
    with torch.no_grad():
        model(torch.randn(1, 3, 64, 128))
    skips = [seen["stem"][1], *(seen[f"down {number}"][1] for number in range(6))]
    assert [tuple(skip.shape[1:]) for skip in skips] == [(8 * 2**n, 64 // 2**n, 128 // 2**n) for n in range(7)]
    assert torch.equal(seen["up 0"][0], skips[6])
    for number in range(6):
        joined, result = seen[f"joined {number}"]
        assert torch.equal(joined, seen[f"up {number}"][1] + skips[5 - number])
        assert torch.allclose(result, torch.relu(joined) / (1 + 1e-5) ** 0.5, atol=1e-6)
        assert torch.equal(seen[f"up {number + 1}" if number < 5 else "head"][0], result)


@pytest.mark.parametrize("encoder", ["resnet19", "tu-resnet19", ""])
def test_an_encoder_that_there_is_not(encoder):
    with pytest.raises(PodiumError, match=f"cannot make unet with encoder '{encoder}'") as caught:
        build_segmenter(Segmenter(encoder=encoder))
    assert caught.value.key == "segmentation.model.encoder"
    assert "resnet18" in caught.value.mend


def test_an_encoder_that_an_architecture_does_not_take():
    with pytest.raises(PodiumError, match="cannot make unetplusplus with encoder 'mit_b0'"):
        build_segmenter(Segmenter(architecture="unetplusplus", encoder="mit_b0"))


def test_weights_that_cannot_be_downloaded(tmp_path, monkeypatch):
    for variable in ("HF_HOME", "HF_HUB_CACHE", "TORCH_HOME"):
        monkeypatch.setenv(variable, str(tmp_path))
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    for variable in ("https_proxy", "HTTPS_PROXY"):
        monkeypatch.setenv(variable, "http://127.0.0.1:9")  # nobody listens there
    with pytest.raises(PodiumError, match="the imagenet weights of resnet18 could not be downloaded") as caught:
        build_segmenter(Segmenter(encoder="resnet18", encoder_weights="imagenet"))
    assert caught.value.key == "segmentation.model.encoder_weights"


@pytest.mark.parametrize(
    ("architecture", "size", "fits"),
    [("report_unet", 64, True), ("report_unet", 96, False), ("pan", 96, False), ("pan", 128, True), ("unet", 96, True)],
)
def test_crops_that_a_network_cannot_take_are_refused_when_the_configuration_is_read(architecture, size, fits):
    settings = {
        "model": {"architecture": architecture},
        "crops": {"size": size},
        "solver": {"base_lr": 0.1, "max_iter": 1},
    }
    if fits:
        experiment = SegmentationExperiment.model_validate(settings)
        logits = build_segmenter(experiment.model).eval()(torch.zeros(1, 3, size, size))
        assert logits.shape == (1, 1, size, size)
    else:
        with pytest.raises(ValueError, match=f"crops.size {size}"):
            SegmentationExperiment.model_validate(settings)


def test_a_loaded_segmenter_finds_the_same(tmp_path):
    torch.manual_seed(0)
    experiment = SegmentationExperiment.model_validate(
        {"model": {"encoder": "resnet18", "encoder_weights": "imagenet"}, "solver": {"base_lr": 0.1, "max_iter": 1}}
    )
    # The encoder's weights are in the file: nothing is downloaded to load it.
    model = build_segmenter(Segmenter(encoder="resnet18")).eval().to(memory_format=torch.channels_last)
    settings = experiment.model_dump(mode="json")
    save_checkpoint(tmp_path / "model.pt", Checkpoint(model.state_dict(), settings, ["a"], {}, 1))
    loaded, found = load_segmenter(tmp_path / "model.pt")
    assert found == experiment
    images = torch.randn(1, 3, 64, 64)
    with torch.no_grad():
        assert torch.equal(loaded(images.to(next(loaded.parameters()).device)).cpu(), model(images))
