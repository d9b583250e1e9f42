"""The names that libraries give to transforms and encoders, for podium.config.library_names, which imports neither.

`python -m podium.training.library_names` writes them as the installed releases have them.
"""

import inspect
from importlib import metadata

import albumentations
import segmentation_models_pytorch as smp
import yaml

from podium.config.library_names import FILE
from podium.files import write_text


def library_names_text() -> str:
    """Return the names as the text that podium/config/library_names.yaml holds."""
    kinds = {name: kind for name, kind in vars(albumentations).items() if isinstance(kind, type)}
    transforms = {
        name: [*inspect.signature(kind).parameters, "strict"]
        for name, kind in sorted(kinds.items())
        if issubclass(kind, albumentations.BasicTransform)
    }
    names = {"albumentations": transforms, "segmentation-models-pytorch": smp.encoders.get_encoder_names()}
    told = {library: {"release": metadata.version(library), "names": each} for library, each in names.items()}
    return yaml.safe_dump(told, default_flow_style=None, sort_keys=False, width=120)


if __name__ == "__main__":
    write_text(FILE, library_names_text())
