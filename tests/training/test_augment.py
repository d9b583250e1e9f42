import albumentations
import numpy as np
import pytest

from podium.config.augmentation import Augmentation
from podium.errors import PodiumError
from podium.training.augment import apply, build_transforms


def _build(*entries):
    return build_transforms(Augmentation(entries))


def test_transforms_in_the_order_and_with_the_parameters_named():
    first, second = _build({"VerticalFlip": {"p": 0.25}}, {"RandomCrop": {"height": 8, "width": 6}})
    assert (type(first), first.p) == (albumentations.VerticalFlip, 0.25)
    assert (type(second), second.height, second.width) == (albumentations.RandomCrop, 8, 6)


@pytest.mark.parametrize("name", ["HorizontalFlipp", "horizontalflip", "Compose", "OneOf", "np", "__version__"])
def test_a_name_that_is_no_transform(name):
    with pytest.raises(PodiumError, match=f"no transform '{name}'") as caught:
        _build({name: {}})
    assert caught.value.key == "augmentation"


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("HorizontalFlip", {"p": 3}),
        ("RandomCrop", {"height": 8}),
        ("RandomCrop", {"height": -1, "width": 4}),
        ("HorizontalFlip", {"probability": 0.5}),
        ("Rotate", {"limit": "far"}),
    ],
)
def test_parameters_that_a_transform_does_not_take(name, parameters):
    with pytest.raises(PodiumError) as caught:
        _build({name: parameters})
    assert caught.value.key == f"augmentation.{name}"
    assert name in caught.value.problem


def test_what_a_pipeline_does_is_a_function_of_the_generator_alone():
    pipeline = albumentations.Compose(
        _build({"HorizontalFlip": {"p": 0.5}}, {"Rotate": {"limit": 40, "p": 1.0}}, {"GaussNoise": {"p": 0.5}})
    )
    image = np.random.default_rng(0).integers(0, 255, (32, 32, 3), dtype=np.uint8)

    def draw(seed):
        return apply(pipeline, np.random.default_rng(seed), image=image)["image"]

    first = [draw(seed) for seed in range(4)]
    again = [draw(seed) for seed in (3, 1, 0, 2)]
    for seed, drawn in zip((3, 1, 0, 2), again, strict=True):
        assert np.array_equal(first[seed], drawn)
    assert len({drawn.tobytes() for drawn in first}) == 4
