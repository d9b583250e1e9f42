"""Augmentations: albumentations, named in the configuration, driven by our random numbers."""

import warnings

import albumentations
import numpy as np

from podium.config.augmentation import Augmentation
from podium.errors import PodiumError


def build_transforms(augmentation: Augmentation) -> list[albumentations.BasicTransform]:
    """Return the transforms that are named; PodiumError for a name or parameter that albumentations does not have."""
    transforms = []
    for entry in augmentation.root:
        ((name, parameters),) = entry.items()
        kind = getattr(albumentations, name, None)
        if not (isinstance(kind, type) and issubclass(kind, albumentations.BasicTransform)):
            raise PodiumError(
                f"albumentations {albumentations.__version__} has no transform {name!r}",
                key="augmentation",
                mend="take a name from its documentation, with capitals as there",
            )
        try:
            with warnings.catch_warnings():
                # A parameter that it does not know is only warned of.
                warnings.filterwarnings("error", message="Argument")
                transforms.append(kind(**parameters))
        except (TypeError, ValueError, UserWarning) as error:
            raise PodiumError(f"{name} does not take {parameters}: {error}", key=f"augmentation.{name}") from None
    return transforms


def apply(pipeline: albumentations.Compose, rng: np.random.Generator, **targets: np.ndarray) -> dict[str, np.ndarray]:
    """Run a pipeline so that what it does is a function of `rng` alone."""
    pipeline.set_random_seed(int(rng.integers(2**31)))
    return pipeline(**targets)
