"""Which images a part of a competition's data holds."""

from typing import Literal

from podium.data.dataset import Dataset


def part_images(
    dataset: Dataset, split: dict, part: str, submitted: Literal["test", "train_and_test"] | None = None
) -> list[int]:
    """Return the image ids of train, val or test (of a split), or of `submission`.

    `submission` is the competition's own test images; after all its training images where `submitted` says so.
    """
    if part != "submission":
        return split[part]
    return submitted_images(dataset, submitted)


def submitted_images(dataset: Dataset, submitted: Literal["test", "train_and_test"]) -> list[int]:
    """Return the ids of the images whose rows a submission holds, in its order."""
    train = dataset.subset("train") if submitted == "train_and_test" else []
    return train + dataset.subset("test")
