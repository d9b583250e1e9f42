"""The images that are shared, each with what was found in it and what is true."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from podium.data.by_image import by_image
from podium.data.dataset import Dataset, ImageEntry
from podium.data.parts import part_images
from podium.errors import PodiumError

SOURCES = ("predictions", "truth")
_LONGEST_STEM = 80


@dataclass(frozen=True)
class SharedImage:
    """An image.

    Attributes
    ----------
    path
        The original file.
    part
        val, test or submission.
    stem
        What its files are called: as the original without its ending, so that labels find their image, but of letters,
        digits, `_`, `-` and `.` only, and unlike those of all other images, also where capitals are not told apart.
    predictions
        COCO results, highest score first.
    truth
        COCO annotations; None where the truth is not known.
    """

    path: Path
    entry: ImageEntry
    part: str
    stem: str
    predictions: list[dict]
    truth: list[dict] | None

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.entry["width"], self.entry["height"]

    @property
    def renamed(self) -> bool:
        """Whether its files are called otherwise than the original."""
        return self.stem != self.path.stem

    def sources(self, threshold: float = 0.0) -> list[tuple[str, list[dict]]]:
        """Return ("predictions", those from a score on) and, where it is known, ("truth", all)."""
        found = [each for each in self.predictions if each["score"] >= threshold]
        return list(zip(SOURCES, [found] if self.truth is None else [found, self.truth], strict=False))


def shared_images(
    dataset: Dataset, split: dict, predictions: Mapping[str, Sequence[dict]]
) -> dict[str, list[SharedImage]]:
    """Return the images by part, in the parts' and in their own order; a part without images is left out.

    The part `submission` has the competition's own test images alone, also where training images are submitted.

    Parameters
    ----------
    predictions
        COCO results by part.

    Raises
    ------
    PodiumError
        Where predictions are of an image or a category that the dataset does not have.
    """
    categories = {category["id"] for category in dataset.categories}
    for part, results in predictions.items():
        for number, each in enumerate(results):
            if each["image_id"] not in dataset.images or each["category_id"] not in categories:
                raise PodiumError(
                    f"image {each['image_id']} or category {each['category_id']} is not in the dataset",
                    record=f"prediction {number} (from 0) of {part}",
                    mend="remove the predictions and run again: they belong to another version of the dataset",
                )
    parts, taken = {}, set()
    for part, results in predictions.items():
        found = by_image(results)
        for image_id in part_images(dataset, split, part, "test"):
            entry, path = dataset.images[image_id], dataset.image_path(image_id)
            parts.setdefault(part, []).append(
                SharedImage(
                    path=path,
                    entry=entry,
                    part=part,
                    stem=_stem(path.stem, image_id, taken),
                    predictions=sorted(found[image_id], key=lambda each: -each["score"]),
                    truth=dataset.annotations[image_id] if entry["subset"] == "train" else None,
                )
            )
    return parts


def evenly(items: Sequence, count: int | None) -> list:
    """Return at most so many items, at equal distances."""
    if count is None or len(items) <= count:
        return list(items)
    return [items[place * len(items) // count] for place in range(count)]


def _stem(name: str, image_id: int, taken: set[str]) -> str:
    stem = re.sub(r"[^A-Za-z0-9_.-]+", "_", name)[:_LONGEST_STEM].strip(".") or "_"
    if stem.lower() in taken:
        stem = f"{stem}-{image_id}"
    # Windows has no files of these names, whatever their endings are.
    if re.fullmatch(r"(?i)(con|prn|aux|nul|com\d|lpt\d)(\..*)?", stem):
        stem = f"_{stem}-{image_id}"
    # What was made unlike the names so far may itself be one of them.
    while stem.lower() in taken:
        stem = f"_{stem}"
    taken.add(stem.lower())
    return stem
