"""Weights that a detector's training starts from."""

import logging
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import torch
import yaml
from pydantic import ValidationError
from torch import Tensor, nn

from podium.config.detection import Detector
from podium.config.zoo import zoo
from podium.errors import PodiumError
from podium.models.checkpoint import load_checkpoint
from podium.models.detectron2_names import from_detectron2
from podium.models.pickles import read_weights
from podium.models.rcnn.pixels import STATISTICS

log = logging.getLogger(__name__)

_CATEGORIES = Path(__file__).with_name("coco_categories.yaml")

# Layers with rows for each category: how many, and how many more there are for background, which is last.
_CLASS_LAYERS = {
    "roi_heads.box_predictor.cls_score": (1, 1),
    "roi_heads.box_predictor.bbox_pred": (4, 0),
    "roi_heads.mask_predictor": (1, 0),
}
_MASK_LAYERS = "roi_heads.mask_"

# What weights mean depends on these, although most of them leave the shapes of tensors as they are.
_SAME = ("backbone", "pixels", "stride_in_1x1", "levels")


@dataclass(frozen=True)
class _Source:
    """Weights under our names, and the names of their categories where they are known."""

    weights: dict[str, Tensor]
    categories: list[str] | None


@cache
def coco_categories() -> list[str]:
    """Return COCO's 80 names in the order of the zoo's classes."""
    return yaml.safe_load(_CATEGORIES.read_text(encoding="utf-8"))


def start_from(model: nn.Module, settings: Detector, categories: list[str], file: str | Path) -> None:
    """Load a detector's weights into a model whose categories may be others.

    All tensors must be there with the right shape. Of the layers with rows for each category, background's rows are
    kept and those of categories with equal names; the rows of other categories stay as they were initialised. Where
    the source's categories are not known, all rows are kept if the number of categories agrees. The mask head stays as
    it was initialised where the source has none.

    Parameters
    ----------
    model
        A detector of `settings`, of either backend, with our names of weights.
    categories
        The model's categories, in the order of ids.
    file
        A model.pt of ours, or a .pkl or .pth of Detectron2's; the downloaded file where `settings.weights` is of the
        zoo.

    Raises
    ------
    PodiumError
        The file cannot be read, or is of another model: tensors are missing, too many or of another shape, or pixels,
        strides or levels are others.
    """
    file = Path(file)
    source = _ours(file, settings) if file.suffix == ".pt" else _detectron2s(file, settings)
    own = model.state_dict()
    _check_class_layers(source, file)
    without_masks = not any(name.startswith(_MASK_LAYERS) for name in source.weights)
    taken = {name for name in own if not (without_masks and name.startswith(_MASK_LAYERS))}
    _check_fit(own, taken, source.weights, file)
    weights = {name: source.weights[name] for name in taken if name in source.weights}
    weights |= _rows(own, weights, source.categories, categories)
    model.load_state_dict(own | weights)
    log.info("starting weights from %s: %s", file, _kept_and_new(source, categories))
    if without_masks and settings.architecture == "mask_rcnn":
        log.warning("%s has no mask head: the model's mask head starts from random numbers", file)


def _ours(file: Path, settings: Detector) -> _Source:
    checkpoint = load_checkpoint(file)
    try:
        trained = Detector.model_validate(checkpoint.settings.get("model"))
    except ValidationError:
        raise PodiumError("this checkpoint holds no detector of this version", file=file, key="model.weights") from None
    for key in _SAME:
        was, now = getattr(trained, key), getattr(settings, key)
        if was != now:
            raise PodiumError(
                f"these weights were trained with {key}: {_plain(was)}, but the model has {key}: {_plain(now)}",
                file=file,
                key=f"model.{key}",
                mend=f"set {key}: {_plain(was)}",
            )
    for key in ("anchor_sizes", "aspect_ratios"):
        was, now = getattr(trained, key), getattr(settings, key)
        if was != now:
            log.warning("%s was trained with %s %s, the model has %s", file, key, _plain(was), _plain(now))
    return _Source(checkpoint.weights, checkpoint.categories)


def _detectron2s(file: Path, settings: Detector) -> _Source:
    weights = read_weights(file)
    _check_pixels(weights, settings, file)
    try:
        renamed = from_detectron2(weights)
    except PodiumError as error:
        raise PodiumError(error.problem, file=file, key="model.weights", mend=error.mend) from None
    return _Source(renamed, coco_categories() if settings.weights in zoo() else None)


def _check_pixels(weights: dict[str, Tensor], settings: Detector, file: Path) -> None:
    """Compare with what the file says of pixels, if it does: wrong statistics fit, train, and are worth nothing."""
    statistics = STATISTICS[settings.pixels]._asdict()
    for name in ("mean", "std"):
        if f"pixel_{name}" not in weights:
            continue
        trained, ours = weights[f"pixel_{name}"].flatten().tolist(), statistics[name]
        if len(trained) != len(ours) or any(abs(a - b) > 1e-3 for a, b in zip(trained, ours, strict=True)):
            known = "; ".join(f"{pixels}: {list(each._asdict()[name])}" for pixels, each in STATISTICS.items())
            raise PodiumError(
                f"these weights were trained with {name} {[round(value, 3) for value in trained]} of pixels, but "
                f"pixels: {settings.pixels} has {list(ours)}",
                file=file,
                key="model.pixels",
                mend=f"set pixels to the one that agrees ({known})",
            )


def _check_class_layers(source: _Source, file: Path) -> None:
    """Raise a PodiumError unless the rows of all class layers are those of one number of categories."""
    numbers = {"categories": len(source.categories)} if source.categories else {}
    for layer, (rows, background) in _CLASS_LAYERS.items():
        weight = source.weights.get(f"{layer}.weight")
        if weight is not None and weight.ndim:
            numbers[layer] = weight.shape[0] / rows - background
    if len(set(numbers.values())) > 1:
        raise PodiumError(
            "its parts are made for different numbers of categories: "
            + ", ".join(f"{name} for {number:g}" for name, number in numbers.items()),
            file=file,
            key="model.weights",
            mend="take weights of a detector whose boxes and masks are particular to categories",
        )


def _check_fit(own: dict[str, Tensor], taken: set[str], weights: dict[str, Tensor], file: Path) -> None:
    # Frozen batch norms count no batches. A mask head that the model does not have is no fault.
    missing = [name for name in own if name in taken and name not in weights and not _is_count(name)]
    extra = [name for name in weights if name not in own and not _is_count(name) and not name.startswith(_MASK_LAYERS)]
    shapes = [
        f"{name} {list(weights[name].shape)} instead of {list(own[name].shape)}"
        for name in own
        if name in taken and name in weights and _shape(weights[name], name) != _shape(own[name], name)
    ]
    problems = [
        f"{len(names)} {what}, as {', '.join(names[:3])}"
        for what, names in (("are missing", missing), ("are too many", extra), ("are of another shape", shapes))
        if names
    ]
    if problems:
        raise PodiumError(
            f"of the model's {len(own)} tensors, {'; '.join(problems)}",
            file=file,
            key="model.weights",
            mend="set architecture, backbone, norm, levels, aspect_ratios, fpn_channels, head_features and "
            "mask_channels to those that the weights were trained with",
        )


def _rows(
    own: dict[str, Tensor], weights: dict[str, Tensor], before: list[str] | None, now: list[str]
) -> dict[str, Tensor]:
    """Return the class layers: the model's own rows with those in place that the source has."""
    merged = {}
    for name in weights:
        layer = name.rpartition(".")[0]
        if layer not in _CLASS_LAYERS:
            continue
        rows, background = _CLASS_LAYERS[layer]
        merged[name] = own[name].clone()
        for here, there in _pairs(before, len(weights[name]) // rows - background, now):
            merged[name][here * rows : (here + 1) * rows] = weights[name][there * rows : (there + 1) * rows]
        if background:
            merged[name][-background:] = weights[name][-background:]
    return merged


def _pairs(before: list[str] | None, number: int, now: list[str]) -> list[tuple[int, int]]:
    """List the categories that both have, as index in the model and index in the source."""
    if before is None:
        return [(index, index) for index in range(number)] if number == len(now) else []
    return [(here, before.index(name)) for here, name in enumerate(now) if name in before]


def _kept_and_new(source: _Source, categories: list[str]) -> str:
    before = source.categories
    if before is None:
        number = len(source.weights["roi_heads.box_predictor.cls_score.weight"]) - 1
        if number == len(categories):
            return f"its categories are not named, but as many as the model's: rows kept for all {number}, in order"
        return f"its {number} categories are not named, the model has {len(categories)}: rows kept for background alone"
    kept = [name for name in categories if name in before]
    new = [name for name in categories if name not in before]
    return f"rows kept for: {', '.join(kept) or 'background alone'}; new: {', '.join(new) or 'none'}"


def _shape(tensor: Tensor, name: str) -> torch.Size:
    """Return a tensor's shape, without the number of rows where it depends on categories."""
    return tensor.shape[1:] if name.rpartition(".")[0] in _CLASS_LAYERS else tensor.shape


def _is_count(name: str) -> bool:
    return name.endswith("num_batches_tracked")


def _plain(value: object) -> object:
    return str(value).lower() if isinstance(value, bool) else list(value) if isinstance(value, tuple) else value
