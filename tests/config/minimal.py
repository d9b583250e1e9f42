"""The smallest configuration with one experiment of each kind, to be changed by tests."""

import yaml

from podium.config.competition import Competition
from podium.config.load import check_competition

TEXT = """\
name: tiny
source: {kind: generated}
layout: {kind: coco}
splits:
  seed: 1
  val: 0.2
detection:
  boxes:
    model: {backbone: resnet18}
    solver:
      base_lr: 0.01
      max_iter: 100
segmentation:
  masks:
    solver: {base_lr: 0.01, max_iter: 100}
instances:
  both: {detection: boxes, segmentation: masks}
submission:
  experiment: both
  format: dsb2018
"""


def changed(**values: object) -> dict:
    """Return the configuration with values at places such as `splits__val`; other keys of the places stay."""
    raw = yaml.safe_load(TEXT)
    for place, value in values.items():
        *path, last = place.split("__")
        here = raw
        for step in path:
            here = here.setdefault(step, {})
        here[last] = value
    return raw


def checked(**values: object) -> Competition:
    return check_competition(changed(**values))
