import pytest

from podium.errors import PodiumError
from podium.share.images import evenly, shared_images

from .scene import HOSTILE, SPLIT, make


def flat(*of):
    """Return the shared images of all parts."""
    return [image for own in shared_images(*of).values() for image in own]


@pytest.fixture
def scene(tmp_path):
    return make(tmp_path / "dataset")


def test_names_of_files_are_harmless_and_each_images_own(scene):
    images = flat(*scene)
    assert [image.stem for image in images] == [
        "_img_src_x_onerror_document.title_2_",
        "map",
        "drawing",
        "Map-7",
        "_con-8",
    ]
    assert images[0].entry["key"] == HOSTILE


def test_long_and_odd_names(scene):
    dataset, _, _ = scene
    keys = ["a" * 200, "a" * 300, "..", "../../etc/passwd", "ä", "ö", ".hidden", ""]
    for number, key in enumerate(keys, start=1):
        dataset.images[number]["file_name"] = f"test/{key}.png"
    stems = [image.stem for image in flat(dataset, {"test": list(range(1, 9))}, {"test": []})]
    assert stems == ["a" * 80, "a" * 80 + "-2", "_", "passwd", "_-5", "_-6", "hidden", "png"]


def test_a_name_that_was_made_for_another_image_is_taken(scene):
    dataset, _, _ = scene
    for number, key in enumerate(["a-4", "_a-4", "A", "a", "NUL.tif", "_nul.tif-5", "com1", "x"], start=1):
        dataset.images[number]["file_name"] = f"test/{key}.png"
    images = flat(dataset, {"test": list(range(1, 9))}, {"test": []})
    stems = [image.stem.lower() for image in images]
    assert stems[:4] == ["a-4", "_a-4", "a", "__a-4"]
    assert len(set(stems)) == 8
    assert not {stem.split(".")[0] for stem in stems} & {"nul", "com1"}


def test_parts_truth_and_order(scene):
    dataset, split, found = scene
    images = flat(dataset, split, found)
    assert [(image.part, image.entry["id"]) for image in images] == [
        ("test", 4), ("test", 5), ("test", 6), ("submission", 7), ("submission", 8),
    ]  # fmt: skip
    assert list(shared_images(dataset, split | {"val": []}, {"val": [], **found})) == ["test", "submission"]
    assert [image.truth is None for image in images] == [False] * 3 + [True] * 2
    scores = [each["score"] for each in images[0].predictions]
    assert scores == sorted(scores, reverse=True)
    assert [(name, len(each)) for name, each in images[0].sources(0.5)] == [("predictions", 3), ("truth", 5)]
    assert [(name, len(each)) for name, each in images[3].sources()] == [("predictions", 7)]


def test_predictions_of_another_dataset(scene):
    dataset, _, found = scene
    for key, value in (("image_id", 99), ("category_id", 9)):
        wrong = [*found["test"], found["test"][0] | {key: value}]
        with pytest.raises(PodiumError, match=rf"prediction {len(found['test'])} .*of test.*\n?.*{value}"):
            shared_images(dataset, SPLIT, {"test": wrong})


@pytest.mark.parametrize(("count", "chosen"), [(None, [0, 1, 2, 3, 4]), (9, [0, 1, 2, 3, 4]), (2, [0, 2]), (1, [0])])
def test_some_at_equal_distances(count, chosen):
    assert evenly(range(5), count) == chosen
