"""The images with truth are divided into train, validation and test, or into folds.

The division is stratified for images with many labels by iterative stratification (Sechidis, Tsoumakas, Vlahavas: On
the Stratification of Multi-Label Data, ECML PKDD 2011), then repaired: see `podium.data.split_repair`.
"""

from collections.abc import Sequence

import numpy as np
from iterstrat.ml_stratifiers import IterativeStratification

from podium.config.splits import Splits
from podium.data.dataset import AnnotationEntry, CategoryEntry, ImageEntry
from podium.data.split_repair import Need, repair
from podium.data.split_table import leak_check, missing_categories, split_table
from podium.data.split_units import Units, make_units
from podium.errors import PodiumError

ANY_IMAGE, ANY_OBJECT = 0, 1
"""The first columns of Units.holds."""


def make_splits(
    images: Sequence[ImageEntry],
    annotations: Sequence[AnnotationEntry],
    categories: Sequence[CategoryEntry],
    settings: Splits,
) -> list[dict]:
    """Divide the images of subset `train`; return the content of `splits/<fold>.json` for each fold.

    Images of one group (`settings.group_by`) or of the same content stay together. The test part is chosen first, from
    the data, the seed and `settings.test` alone: another `val` or number of folds never moves an image into or out of
    it. With folds, the rest is divided into as many validation parts; each fold trains on all but its own.

    Sizes are `val` and `test` of all images, rounded, at least 1; `repair` tells how near they are where groups or
    rare categories stand in the way. Every part has objects. A unit is an image, or the images that stay together. A
    category that three units or more hold is in test; one of two units or more is in train and validation, or with
    folds in the train part of each fold, and in each validation part if as many units as folds are left after test;
    one of a single unit is in train. Where rare categories share units these wishes may contradict each other: train
    goes before validation, the rarer before the more common, and `missing` says what could not be.

    The result depends on the content and the seed, not on the order of the records, and is the same on every machine.

    Returns
    -------
    list of dict
        `fold` (from 0), `seed`, `train`, `val`, `test` (image ids, increasing), `table` (see `split_table`), `missing`
        (categories that a part has no object of), `leak_check` (see `leak_check`).

    Raises
    ------
    PodiumError
        Where there are fewer units, or fewer units with objects, than parts; where `group_by` fits not every key.
    """
    own = [image for image in images if image["subset"] == "train"]
    ids = {image["id"] for image in own}
    annotations = [annotation for annotation in annotations if annotation["image_id"] in ids]
    names = (
        ["train", "val"] if settings.folds == 1 else [f"the validation part of fold {k}" for k in range(settings.folds)]
    )
    _enough(len(own), len(names) + (settings.test > 0))
    units = make_units(own, annotations, categories, settings.group_by)

    # The generator is named in full: its stream is frozen by numpy, for seeds of any size.
    random = np.random.RandomState(np.random.MT19937(np.random.SeedSequence(settings.seed)))
    rest, test = units, []
    if settings.test > 0:
        wanted = _within(settings.test * len(own), 1, len(own) - 2)
        part = _divide(units, [len(own) - wanted, wanted], _needs_of_test(units), random)
        _all_parts_have_objects(units, part, ["the images outside test", "test"])
        rest, test = units.only(np.flatnonzero(part == 0)), _ids(units, part == 1)

    left = int(rest.sizes.sum())
    if settings.folds == 1:
        val = _within(settings.val * len(own), 1, left - 1)
        targets = [left - val, val]
    else:
        targets = [left // settings.folds + (k < left % settings.folds) for k in range(settings.folds)]
    part = _divide(rest, targets, _needs_of_rest(rest, settings.folds), random)
    _all_parts_have_objects(rest, part, names)

    folds = []
    for fold in range(settings.folds):
        held_out = part == (1 if settings.folds == 1 else fold)
        parts = {"train": _ids(rest, ~held_out), "val": _ids(rest, held_out), "test": test}
        check = leak_check(parts, images, settings.group_by)
        if any(found for key, found in check.items() if key.endswith("_in_several_parts")):
            raise AssertionError(f"the division leaks: {check}")
        folds.append(
            {
                "fold": fold,
                "seed": settings.seed,
                **parts,
                "table": split_table(parts, annotations, categories),
                "missing": missing_categories(parts, units, categories),
                "leak_check": check,
            }
        )
    return folds


def _divide(units: Units, targets: Sequence[int], needs: Sequence[Need], random: np.random.RandomState) -> np.ndarray:
    """Return the part of each unit, int (units,)."""
    order = random.permutation(len(units))
    shares = np.array(targets) / sum(targets)
    part = np.empty(len(units), dtype=int)
    part[order] = IterativeStratification(labels=units.labels[order], r=shares, random_state=random)
    return repair(units, part, targets, needs)


def _needs_of_test(units: Units) -> list[Need]:
    """Two units of everything stay outside test (part 0), one for train and one for validation; a third is test's."""
    outside = [
        Need(column, (0,), units=kept) for kept in (1, 2) for column, held in _rarest_first(units) if kept <= held
    ]
    always = [need for column in (ANY_IMAGE, ANY_OBJECT) for need in (Need(column, (0,), units=2), Need(column, (1,)))]
    return always + outside + [Need(column, (1,)) for column, held in _rarest_first(units) if held >= 3]


def _needs_of_rest(units: Units, folds: int) -> list[Need]:
    """Train (0) has everything, validation (1) what two units hold; with folds, what two of them have, all train on."""
    parts = range(max(folds, 2))
    always = [Need(column, (part,)) for column in (ANY_IMAGE, ANY_OBJECT) for part in parts]
    if folds == 1:
        return always + [
            Need(column, (part,)) for part in (0, 1) for column, held in _rarest_first(units) if held > part
        ]
    return always + [
        Need(column, tuple(parts), in_parts=number)
        for number in range(2, folds + 1)
        for column, held in _rarest_first(units)
        if held >= number
    ]


def _rarest_first(units: Units) -> list[tuple[int, int]]:
    """Return (column of Units.holds, units that have it) of the categories."""
    held = enumerate(units.holds.sum(axis=0).tolist())
    return sorted((each for each in held if each[0] > ANY_OBJECT), key=lambda each: each[1])


def _within(share: float, least: int, most: int) -> int:
    return max(least, min(round(share), most))


def _ids(units: Units, chosen: np.ndarray) -> list[int]:
    return sorted(image_id for position in np.flatnonzero(chosen) for image_id in units.images[position])


def _enough(images: int, parts: int) -> None:
    if images < parts:
        raise PodiumError(
            f"there are {images} images with truth for {parts} parts",
            key="splits",
            mend="lower splits.folds, set splits.test to 0, or add images",
        )


def _all_parts_have_objects(units: Units, part: np.ndarray, names: Sequence[str]) -> None:
    holds = {ANY_IMAGE: "images", ANY_OBJECT: "objects"}
    for column, word in holds.items():
        lacking = [name for index, name in enumerate(names) if not units.holds[part == index, column].any()]
        if lacking:
            count = int(units.holds[:, column].sum())
            together = (
                "" if len(units) == units.sizes.sum() else " (images of a group or of the same content count as one)"
            )
            what = "images" if column == ANY_IMAGE else "images with objects"
            raise PodiumError(
                f"no {word} are left for {' and '.join(lacking)}: {count} {what}{together} for {len(names)} parts",
                key="splits",
                mend="lower splits.folds or splits.test (0: no test part), group less, or add images with objects",
            )
