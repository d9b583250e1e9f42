"""Names of transforms and encoders are checked when a file is read, by what the installed libraries really have."""

from importlib import metadata

import pytest

from podium.config import library_names
from podium.config.augmentation import Augmentation
from podium.errors import PodiumError
from podium.models.segmenters import build_segmenter
from podium.training.augment import build_transforms
from podium.training.library_names import library_names_text
from tests.config.minimal import checked


def test_the_names_are_those_of_the_installed_libraries():
    assert library_names.FILE.read_text(encoding="utf-8") == library_names_text(), "run `make schema`"


@pytest.mark.parametrize(
    ("transform", "told"),
    [
        ({"HorizontlFlip": {}}, "has no transform 'HorizontlFlip'; did you mean 'HorizontalFlip'?"),
        ({"horizontalflip": {"p": 1}}, "has no transform 'horizontalflip'; did you mean 'HorizontalFlip'?"),
        ({"HorizontalFlip": {"prob": 0.5}}, "gives it no parameter 'prob'; Known: p, strict"),
        ({"Affine": {"p": 1, "rotat": 5}}, "gives it no parameter 'rotat'; did you mean 'rotate'? Known: scale, "),
    ],
)
def test_what_the_library_would_refuse_is_refused_before_it_is_asked(transform, told):
    with pytest.raises(PodiumError):
        build_transforms(Augmentation((transform,)))
    for key in ("detection__boxes__input", "segmentation__masks__crops"):
        with pytest.raises(PodiumError) as caught:
            checked(**{key: {"augmentation": [transform]}})
        assert f"\n{key.replace('__', '.')}.augmentation" in str(caught.value)
        assert told in str(caught.value)


def test_what_the_library_takes_is_taken():
    transforms = [{"Affine": {"rotate": 5, "p": 0.5, "strict": True}}, {"NoOp": {}}, {"D4": {"p": 1}}]
    build_transforms(Augmentation(tuple(transforms)))
    checked(detection__boxes__input={"augmentation": transforms})
    for encoder in ("mit_b0", "tu-resnet10t"):
        assert build_segmenter(checked(segmentation__masks__model={"encoder": encoder}).segmentation["masks"].model)
    checked(
        segmentation__masks={"model": {"architecture": "report_unet", "encoder": "none"}, "crops": {"size": 64}}
        | {"solver": {"base_lr": 0.1, "max_iter": 1}}
    )


def test_an_encoder_that_does_not_exist_is_refused():
    with pytest.raises(PodiumError, match="no encoder 'resnet180'; did you mean 'resnet18'"):
        checked(segmentation__masks__model={"encoder": "resnet180"})


def test_of_a_point_its_ablation_is_told():
    rate = {"of": "segmentation.masks", "vary": {"model.encoder": ["resnet18", "resnet180"]}}
    with pytest.raises(PodiumError, match=r"ablations\.rate, point model\.encoder resnet180: model\.encoder: "):
        checked(ablations={"rate": rate})


def test_of_another_release_nothing_is_refused(monkeypatch):
    library_names._names.cache_clear()
    monkeypatch.setattr(metadata, "version", lambda library: "9.0")
    try:
        checked(segmentation__masks__model={"encoder": "new"})
        checked(detection__boxes__input={"augmentation": [{"New": {}}]})
    finally:
        library_names._names.cache_clear()
