"""What a division moves as one: images that belong together, and what each such unit holds."""

import re
from collections import defaultdict
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np

from podium.data.dataset import AnnotationEntry, CategoryEntry, ImageEntry
from podium.errors import PodiumError

COUNT_BINS = 4
"""Bins of the number of objects per image, with equally many units in each as far as ties allow."""

IMAGE_SIZE_BINS = 3
"""Bins of the images' areas, in the same way."""

SMALL, LARGE = 32**2, 96**2
"""COCO's limits of object sizes in pixels (https://cocodataset.org/#detection-eval): small is under the first, large
from the second on, medium between."""

SIZES = ("small", "medium", "large")


@dataclass(frozen=True)
class Units:
    """Units in the order of their first image's id.

    Attributes
    ----------
    images
        The image ids of each unit, increasing.
    sizes
        int (units,): number of images.
    labels
        bool (units, labels): what the division is stratified by, see `make_units`. Labels that all units have, or
        none, are not among them.
    holds
        bool (units, 2 + categories): True everywhere; any object; an object of each category, in the order of ids.
    """

    images: list[list[int]]
    sizes: np.ndarray
    labels: np.ndarray
    holds: np.ndarray

    def __len__(self) -> int:
        return len(self.images)

    def only(self, chosen: np.ndarray) -> "Units":
        """Return some units; `chosen` holds their positions, increasing."""
        images = [self.images[position] for position in chosen]
        return Units(images, self.sizes[chosen], self.labels[chosen], self.holds[chosen])


def make_units(
    images: Sequence[ImageEntry],
    annotations: Iterable[AnnotationEntry],
    categories: Iterable[CategoryEntry],
    group_by: str | None,
) -> Units:
    """Join images of one group and images with the same content, and label the units.

    The labels are: each category that occurs; bins of the number of objects per image (over the units with objects);
    an image without objects; bins of the images' area; small, medium and large objects. Crowds are no objects.
    """
    images = sorted(images, key=lambda image: image["id"])
    units = _joined(images, group_by)
    objects = objects_of(annotations)
    ids = sorted(category["id"] for category in categories)

    def count(members: list[ImageEntry], chosen=lambda each: True) -> int:
        return sum(chosen(each) for image in members for each in objects[image["id"]])

    density = np.array([count(members) / len(members) for members in units])
    area = np.array([sum(image["width"] * image["height"] for image in members) / len(members) for members in units])
    empty = [any(not objects[image["id"]] for image in members) for members in units]
    sizes = [{size_class(each["area"]) for image in members for each in objects[image["id"]]} for members in units]
    present = [{each["category_id"] for image in members for each in objects[image["id"]]} for members in units]
    of_category = np.array([[category in found for category in ids] for found in present], dtype=bool)
    of_category = of_category.reshape(len(units), len(ids))
    labels = np.column_stack(
        [
            of_category,
            _one_hot_bins(density, density > 0, COUNT_BINS),
            np.array(empty),
            _one_hot_bins(area, np.ones(len(units), dtype=bool), IMAGE_SIZE_BINS),
            np.array([[size in found for size in SIZES] for found in sizes], dtype=bool),
        ]
    )
    varied = labels.any(axis=0) & ~labels.all(axis=0)
    return Units(
        images=[[image["id"] for image in members] for members in units],
        sizes=np.array([len(members) for members in units]),
        labels=labels[:, varied],
        holds=np.column_stack([np.ones(len(units), dtype=bool), density > 0, of_category]),
    )


def objects_of(annotations: Iterable[AnnotationEntry]) -> dict[int, list[AnnotationEntry]]:
    """Return the annotations that are no crowds by image id; an empty list for any other id."""
    objects = defaultdict(list)
    for annotation in annotations:
        if not annotation["iscrowd"]:
            objects[annotation["image_id"]].append(annotation)
    return objects


def size_class(area: float) -> str:
    """Return COCO's name for an object's area in pixels."""
    return SIZES[(area >= SMALL) + (area >= LARGE)]


def group_of(image: ImageEntry, group_by: str) -> str:
    """Return the text of the pattern's first group, searched in the image's key.

    Raises
    ------
    PodiumError
        Where the pattern's group is not found in the key.
    """
    found = re.search(group_by, image["key"])
    if found is None or found[1] is None:
        raise PodiumError(
            f"the pattern {group_by!r} finds no group in the image's key",
            record=image["key"],
            key="splits.group_by",
            mend="write a regular expression with one group in parentheses that is found in every image's key",
        )
    return found[1]


def _joined(images: Sequence[ImageEntry], group_by: str | None) -> list[list[ImageEntry]]:
    """Return the connected components of: the same group, the same digest (union-find with path halving)."""
    parent = list(range(len(images)))

    def root(index: int) -> int:
        while parent[index] != index:
            parent[index] = parent[parent[index]]
            index = parent[index]
        return index

    first: dict[Hashable, int] = {}
    for index, image in enumerate(images):
        marks = [("digest", image["digest"])]
        if group_by is not None:
            marks.append(("group", group_of(image, group_by)))
        for mark in marks:
            other = root(first.setdefault(mark, index))
            # The earlier image leads, so that units come in the order of their first image.
            low, high = sorted((root(index), other))
            parent[high] = low
    units = defaultdict(list)
    for index, image in enumerate(images):
        units[root(index)].append(image)
    return [units[index] for index in sorted(units)]


def _one_hot_bins(values: np.ndarray, counted: np.ndarray, bins: int) -> np.ndarray:
    """Return bool (values, bins): the quantile bin of each counted value; nothing for the others.

    Limits are values of the data, never interpolated, so that equal values share a bin and every machine agrees.
    """
    ranked = np.sort(values[counted])
    limits = [ranked[len(ranked) * step // bins] for step in range(1, bins)] if len(ranked) else []
    bin_of = sum((values >= limit).astype(int) for limit in sorted(set(limits))) if limits else np.zeros(len(values))
    return (bin_of[:, None] == np.arange(bins)) & counted[:, None]
