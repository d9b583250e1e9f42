"""The checked dataset, as every later station reads it."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, NotRequired, TypedDict

import numpy as np

from podium.data.images import read_image
from podium.data.masks import Rle
from podium.errors import PodiumError
from podium.files import read_json


class ImageEntry(TypedDict):
    """An image. `file_name` is relative to the dataset's `images/`, `key` the competition's ImageId."""

    id: int
    file_name: str
    width: int
    height: int
    key: str
    subset: Literal["train", "test"]
    digest: str


class AnnotationEntry(TypedDict):
    """An object. `bbox` is [x, y, w, h] in pixels; `segmentation` is there where the competition has masks."""

    id: int
    image_id: int
    category_id: int
    bbox: list[float]
    area: float
    iscrowd: int
    segmentation: NotRequired[Rle]


class CategoryEntry(TypedDict):
    id: int
    name: str


@dataclass(frozen=True)
class Dataset:
    """A checked dataset.

    Attributes
    ----------
    folder
        Where it lies.
    images, annotations
        Entries by image id, in the order of ids; an image without objects has an empty list of annotations.
    categories
        In the order of ids, which are 1 … k.
    digest
        SHA-256 of the content: equal digests, equal data.
    """

    folder: Path
    images: dict[int, ImageEntry]
    annotations: dict[int, list[AnnotationEntry]]
    categories: list[CategoryEntry]
    digest: str

    @property
    def category_names(self) -> list[str]:
        return [category["name"] for category in self.categories]

    @property
    def sample_submission(self) -> Path | None:
        """The competition's sample_submission.csv, None where it has none."""
        path = self.folder / "sample_submission.csv"
        return path if path.exists() else None

    def image_path(self, image_id: int) -> Path:
        return self.folder / "images" / self.images[image_id]["file_name"]

    def size(self, image_id: int) -> tuple[int, int]:
        """Return an image's (height, width)."""
        return self.images[image_id]["height"], self.images[image_id]["width"]

    def read(self, image_id: int) -> np.ndarray:
        """Return an image as uint8 (height, width, 3), RGB; PodiumError where it has changed its size."""
        entry = self.images[image_id]
        size = entry["width"], entry["height"]
        pixels = read_image(self.image_path(image_id), size)
        if pixels.shape[1::-1] != size:
            raise PodiumError(
                f"the image is {pixels.shape[1]} x {pixels.shape[0]}, the dataset says {size[0]} x {size[1]}",
                file=self.image_path(image_id),
                record=entry["key"],
                mend="remove the dataset's folder and run again: it is made anew from the archive",
            )
        return pixels

    def subset(self, name: Literal["train", "test"]) -> list[int]:
        """Return the ids of the images with truth (`train`) or of the competition's test images (`test`)."""
        return [image_id for image_id, entry in self.images.items() if entry["subset"] == name]

    def without(self, names: Iterable[str]) -> "Dataset":
        """Return this dataset without the annotations of some categories; images and categories stay as they are.

        PodiumError for a category that the dataset does not have.
        """
        names = set(names)
        if unknown := sorted(names - set(self.category_names)):
            raise PodiumError(
                f"the dataset has no categories {unknown}; it has {self.category_names}",
                key="drop_categories",
                mend="name categories of the dataset",
            )
        dropped = {category["id"] for category in self.categories if category["name"] in names}
        left = {
            image_id: [entry for entry in entries if entry["category_id"] not in dropped]
            for image_id, entries in self.annotations.items()
        }
        return replace(self, annotations=left)

    def restricted(self, image_ids: Iterable[int]) -> dict:
        """Return a COCO dict of these images, in this order, with their annotations and all categories."""
        chosen = list(image_ids)
        return {
            "info": {"description": str(self.folder)},
            "images": [self.images[image_id] for image_id in chosen],
            "annotations": [entry for image_id in chosen for entry in self.annotations[image_id]],
            "categories": self.categories,
        }


def load_dataset(folder: str | Path) -> Dataset:
    """Read a checked dataset from its folder; PodiumError where a file of it is missing or malformed."""
    folder = Path(folder)
    coco = read_json(folder / "annotations.json")
    try:
        images = {entry["id"]: entry for entry in coco["images"]}
        annotations = {image_id: [] for image_id in images}
        for entry in coco["annotations"]:
            annotations[entry["image_id"]].append(entry)
        categories = sorted(coco["categories"], key=lambda category: category["id"])
    except (KeyError, TypeError) as error:
        raise PodiumError(
            f"this is no checked dataset: {error!r}", file=folder / "annotations.json", mend="remove it and run again"
        ) from None
    digest = folder / "digest.txt"
    if not digest.exists():
        raise PodiumError("the file is missing", file=digest, mend="remove the dataset's folder and run again")
    return Dataset(folder, images, annotations, categories, digest.read_text(encoding="ascii").strip())
