"""Names of a detector's weights, ours and Detectron2's: one table, read in both directions.

Both libraries have the same layers in the same order; only names differ. Ours are torchvision's.
"""

import re
from collections.abc import Mapping
from string import Formatter

from torch import Tensor

from podium.errors import PodiumError

# Ours, Detectron2's. Stages of the residual network count from 2 there and from 1 here; a level of the pyramid is
# numbered by its stride there, and here by its place from the finest.
_TABLE = [
    ("backbone.body.conv1.weight", "backbone.bottom_up.stem.conv1.weight"),
    ("backbone.body.bn1.{norm}", "backbone.bottom_up.stem.conv1.norm.{norm}"),
    (
        "backbone.body.layer{layer}.{block}.conv{conv}.weight",
        "backbone.bottom_up.res{stage}.{block}.conv{conv}.weight",
    ),
    (
        "backbone.body.layer{layer}.{block}.bn{conv}.{norm}",
        "backbone.bottom_up.res{stage}.{block}.conv{conv}.norm.{norm}",
    ),
    (
        "backbone.body.layer{layer}.{block}.downsample.0.weight",
        "backbone.bottom_up.res{stage}.{block}.shortcut.weight",
    ),
    (
        "backbone.body.layer{layer}.{block}.downsample.1.{norm}",
        "backbone.bottom_up.res{stage}.{block}.shortcut.norm.{norm}",
    ),
    ("backbone.fpn.inner_blocks.{place}.0.{part}", "backbone.fpn_lateral{level}.{part}"),
    ("backbone.fpn.layer_blocks.{place}.0.{part}", "backbone.fpn_output{level}.{part}"),
    ("rpn.head.conv.0.0.{part}", "proposal_generator.rpn_head.conv.{part}"),
    ("rpn.head.cls_logits.{part}", "proposal_generator.rpn_head.objectness_logits.{part}"),
    ("rpn.head.bbox_pred.{part}", "proposal_generator.rpn_head.anchor_deltas.{part}"),
    ("roi_heads.box_head.fc6.{part}", "roi_heads.box_head.fc1.{part}"),
    ("roi_heads.box_head.fc7.{part}", "roi_heads.box_head.fc2.{part}"),
    ("roi_heads.box_predictor.cls_score.{part}", "roi_heads.box_predictor.cls_score.{part}"),
    ("roi_heads.box_predictor.bbox_pred.{part}", "roi_heads.box_predictor.bbox_pred.{part}"),
    *(
        (f"roi_heads.mask_head.{2 * number}.{{part}}", f"roi_heads.mask_head.mask_fcn{number + 1}.{{part}}")
        for number in range(4)
    ),
    ("roi_heads.mask_head.8.{part}", "roi_heads.mask_head.deconv.{part}"),
    ("roi_heads.mask_predictor.{part}", "roi_heads.mask_head.predictor.{part}"),
]

_FIELDS = {
    "norm": "weight|bias|running_mean|running_var|num_batches_tracked",
    "part": "weight|bias",
    "block": r"\d+",
    "conv": "[123]",
    "layer": "[1-4]",
    "stage": "[2-5]",
    "place": "[0-3]",
    "level": "[2-5]",
}

# Not weights: they follow from the configuration. Detectron2 stored them once.
_DERIVED = re.compile(r"pixel_mean|pixel_std|proposal_generator\.anchor_generator\.cell_anchors\.\d+")


def to_detectron2(weights: Mapping[str, Tensor], levels: tuple[int, int]) -> dict[str, Tensor]:
    """Return weights under Detectron2's names.

    Parameters
    ----------
    weights
        A state dict of ours.
    levels
        Finest and coarsest level of its pyramid.

    Raises
    ------
    PodiumError
        A name is not one of a detector's.
    """
    return _renamed(weights, _TABLE, levels[0])


def from_detectron2(weights: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Return weights of Detectron2's under our names, without what is not a weight.

    The pyramid's finest level is the finest that the names tell of.

    Raises
    ------
    PodiumError
        A name is not one of a Faster or Mask R-CNN's with a feature pyramid.
    """
    named = [re.match(r"backbone\.fpn_lateral([2-5])\.", name) for name in weights]
    lowest = min((int(match[1]) for match in named if match), default=2)
    kept = {name: value for name, value in weights.items() if not _DERIVED.fullmatch(name)}
    return _renamed(kept, [(theirs, ours) for ours, theirs in _TABLE], lowest)


def _renamed(weights: Mapping[str, Tensor], table: list[tuple[str, str]], lowest: int) -> dict[str, Tensor]:
    patterns = [(_pattern(source), target) for source, target in table]
    renamed, unknown = {}, []
    for name, value in weights.items():
        found = [(match, target) for pattern, target in patterns if (match := pattern.fullmatch(name))]
        if found:
            match, target = found[0]
            renamed[target.format(**_counted(match.groupdict(), lowest))] = value
        else:
            unknown.append(name)
    if unknown:
        shown = ", ".join(unknown[:5]) + (", …" if len(unknown) > 5 else "")
        raise PodiumError(
            f"{len(unknown)} of {len(weights)} weights have names that no Faster or Mask R-CNN with a feature pyramid "
            f"has: {shown}",
            mend="take the weights of a detector that podium can build",
        )
    return renamed


def _pattern(template: str) -> re.Pattern:
    parts = [
        re.escape(text) + (f"(?P<{field}>{_FIELDS[field]})" if field else "")
        for text, field, _, _ in Formatter().parse(template)
    ]
    return re.compile("".join(parts))


def _counted(fields: dict[str, str], lowest: int) -> dict[str, str]:
    """Add to a name's fields what the other library counts from elsewhere."""
    for field, other, ahead in (("layer", "stage", 1), ("place", "level", lowest)):
        if field in fields:
            fields[other] = str(int(fields[field]) + ahead)
        elif other in fields:
            fields[field] = str(int(fields[other]) - ahead)
    return fields
