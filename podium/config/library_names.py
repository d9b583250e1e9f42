"""Names in a configuration that other libraries give a meaning, known without importing those: that takes seconds.

They are those of one release of each library, in `library_names.yaml`, which `python -m podium.training.library_names`
writes. Of another release nothing is refused here: the training itself tells then.
"""

from collections.abc import Collection, Mapping
from functools import cache
from importlib import metadata
from pathlib import Path

import yaml

from podium.config.augmentation import Augmentation
from podium.config.detection import DetectionExperiment
from podium.config.nearest import did_you_mean
from podium.config.section import Section
from podium.config.segmentation import SegmentationExperiment

FILE = Path(__file__).with_name("library_names.yaml")


def check_names(place: str, experiment: Section) -> None:
    """Raise ValueError, with the nearest name, for a transform, a parameter of one or an encoder that does not exist.

    `place` is the path of the experiment, with a dot at its end, or nothing.
    """
    if isinstance(experiment, DetectionExperiment):
        _check_transforms(f"{place}input.augmentation", experiment.input.augmentation)
    if isinstance(experiment, SegmentationExperiment):
        _check_transforms(f"{place}crops.augmentation", experiment.crops.augmentation)
        encoder = experiment.model.encoder
        # Those of timm, tu-…, are more than a list could hold.
        if experiment.model.architecture != "report_unet" and not encoder.startswith(("tu-", "timm-")):
            library, known = _names("segmentation-models-pytorch")
            _check(f"{place}model.encoder: {library} has no encoder", encoder, known)


def _check_transforms(place: str, augmentation: Augmentation) -> None:
    library, known = _names("albumentations")
    for entry in augmentation.root:
        for name, parameters in entry.items():
            _check(f"{place}: {library} has no transform", name, known)
            for parameter in parameters:
                _check(f"{place}.{name}: {library} gives it no parameter", parameter, known and known[name])


def _check(problem: str, name: str, known: Collection[str] | None) -> None:
    if known is not None and name not in known:
        few = f"Known: {', '.join(known)}" if len(known) < 100 else ""
        raise ValueError(f"{problem} {name!r}; {did_you_mean(name, known)}{few}".rstrip("; "))


@cache
def _names(library: str) -> tuple[str, Mapping[str, list[str]] | list[str] | None]:
    """Return a library with its release, and the names that it knows; None where another release is installed."""
    told = yaml.safe_load(FILE.read_text(encoding="utf-8"))[library]
    try:
        installed = metadata.version(library)
    except metadata.PackageNotFoundError:
        installed = None
    return f"{library} {installed}", told["names"] if installed == told["release"] else None
