import pytest

from podium.data.dataset import Dataset
from podium.data.parts import part_images, submitted_images


@pytest.fixture
def dataset(tmp_path):
    subsets = {1: "test", 2: "train", 3: "test", 4: "train", 5: "train"}
    images = {image_id: {"id": image_id, "subset": subset} for image_id, subset in subsets.items()}
    return Dataset(tmp_path, images, {}, [], "")


SPLIT = {"fold": 0, "train": [4], "val": [2], "test": [5]}


@pytest.mark.parametrize(("part", "expected"), [("train", [4]), ("val", [2]), ("test", [5])])
def test_parts_of_a_split(dataset, part, expected):
    assert part_images(dataset, SPLIT, part) == expected
    assert part_images(dataset, SPLIT, part, "train_and_test") == expected


@pytest.mark.parametrize(
    ("submitted", "expected"), [("test", [1, 3]), (None, [1, 3]), ("train_and_test", [2, 4, 5, 1, 3])]
)
def test_what_is_submitted_are_the_competitions_own_test_images_after_all_training_images(dataset, submitted, expected):
    assert part_images(dataset, SPLIT, "submission", submitted) == expected
    if submitted:
        assert submitted_images(dataset, submitted) == expected
