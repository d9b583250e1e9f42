"""Trained detectors for the users of Detectron2."""

from pathlib import Path

import torch
import yaml
from pydantic import ValidationError

from podium.config.detection import DetectionExperiment
from podium.errors import PodiumError
from podium.files import whole, write_text
from podium.models.checkpoint import load_checkpoint
from podium.models.detectron2_config import detectron2_config
from podium.models.detectron2_names import to_detectron2

_HEAD = """\
# A detector for Detectron2:
#     cfg = detectron2.config.get_cfg()
#     cfg.merge_from_file("config.yaml")
#     cfg.MODEL.WEIGHTS = "model.pth"
#     predictor = detectron2.engine.DefaultPredictor(cfg)
# Its classes, from 0: {categories}
"""


def export_detectron2(model: str | Path, *, weights: str | Path, config: str | Path) -> None:
    """Write the detector of a model.pt for Detectron2: its weights (.pth) and the keys (YAML) that build the model.

    Detectron2 need not be installed.

    Raises
    ------
    PodiumError
        The model is no detector, or Detectron2 cannot build it.
    """
    checkpoint = load_checkpoint(model)
    try:
        experiment = DetectionExperiment.model_validate(checkpoint.settings)
    except ValidationError:
        raise PodiumError(
            "this checkpoint holds no detector of this version",
            file=model,
            mend="train it again, or take the model.pt of a detection experiment",
        ) from None
    keys = detectron2_config(experiment.model, experiment.input, len(checkpoint.categories))
    renamed = to_detectron2(checkpoint.weights, experiment.model.levels)
    with whole(weights) as temporary, temporary.open("wb") as file:
        torch.save({"model": renamed}, file)
    head = _HEAD.format(categories=", ".join(map(repr, checkpoint.categories)))
    write_text(config, head + yaml.safe_dump(keys, sort_keys=False))
