"""Divisions are checked against what they promise, by counting anew from the images and annotations."""

import json
import random
import zipfile
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.config.splits import Splits
from podium.data.split_table import leak_check
from podium.data.splits import make_splits
from podium.errors import PodiumError

PARTS = ("train", "val", "test")
GROUP = r"^(g\d+)_"


def dataset(images, categories=3):
    """Return images, annotations, categories of (group, digest, [category, …]) per image."""
    entries, annotations = [], []
    for number, (group, digest, found) in enumerate(images, start=1):
        entries.append(
            {
                "id": number,
                "file_name": f"train/{number}.png",
                "width": 100 + 50 * (number % 3),
                "height": 100,
                "key": f"g{group}_{number}",
                "subset": "train",
                "digest": str(digest),
            }
        )
        for position, category in enumerate(found):
            annotations.append(
                {
                    "id": len(annotations) + 1,
                    "image_id": number,
                    "category_id": category,
                    "bbox": [0, 0, 10, 10],
                    "area": (400, 2500, 16900)[(number + position) % 3],
                    "iscrowd": 0,
                }
            )
    return entries, annotations, [{"id": k, "name": f"c{k}"} for k in range(1, categories + 1)]


def singles(categories_of_images, categories=3):
    return dataset([(n, n, found) for n, found in enumerate(categories_of_images)], categories)


def long_tailed(images, categories, seed):
    draw = random.Random(seed)
    return singles(
        [
            [min(int(draw.paretovariate(0.9)), categories) for _ in range(draw.choice([0, 1, 1, 2, 3, 5, 9]))]
            for _ in range(images)
        ],
        categories,
    )


def units_with(data, mark):
    """Return {category: {mark of each image that holds it}}."""
    by_id = {image["id"]: image for image in data[0]}
    held = defaultdict(set)
    for each in data[1]:
        held[each["category_id"]].add(mark(by_id[each["image_id"]]))
    return held


def holds(data, ids):
    """Return {category: images of `ids` that hold it}."""
    ids = set(ids)
    return Counter(category for image, category in {(a["image_id"], a["category_id"]) for a in data[1]} if image in ids)


small_images = st.lists(
    st.tuples(st.integers(0, 30), st.integers(0, 40), st.lists(st.integers(1, 4), max_size=4)), max_size=30
)
choices = st.builds(
    Splits,
    seed=st.integers(0, 2**40),
    folds=st.integers(1, 4),
    val=st.sampled_from([0.01, 0.15, 0.4]),
    test=st.sampled_from([0, 0.05, 0.15, 0.5]),
    group_by=st.sampled_from([None, GROUP]),
)


@given(small_images, choices)
@settings(max_examples=150, deadline=None)
def test_parts_divide_the_images_and_never_a_group_or_a_content(images, wanted):
    # Ten images of their own groups, with all categories, so that there is something for each part.
    data = dataset([*((100 + n, 100 + n, [1, 2, 3, 4]) for n in range(10)), *images], categories=4)
    data[0].append({**data[0][0], "id": 999, "key": "of the competition's test", "subset": "test"})
    by_id = {image["id"]: image for image in data[0]}
    folds = make_splits(*data, wanted)
    assert [fold["fold"] for fold in folds] == list(range(wanted.folds))
    own = sorted(set(by_id) - {999})
    for fold in folds:
        assert sorted(fold["train"] + fold["val"] + fold["test"]) == own
        assert all(fold[part] == sorted(fold[part]) for part in PARTS)
        assert fold["test"] == folds[0]["test"]
        assert bool(fold["test"]) == (wanted.test > 0)
        where = defaultdict(set)
        for part in PARTS:
            if fold[part]:
                assert holds(data, fold[part]), f"{part} has no objects"
            for image in map(by_id.get, fold[part]):
                where["digest", image["digest"]].add(part)
                if wanted.group_by:
                    where["group", image["key"].split("_")[0]].add(part)
        assert all(len(parts) == 1 for parts in where.values())
    if wanted.folds > 1:
        validation = [image for fold in folds for image in fold["val"]]
        assert sorted(validation + folds[0]["test"]) == own


@given(st.lists(st.integers(1, 8), max_size=25), st.integers(0, 1000), st.sampled_from([0, 0.1, 0.3]))
@settings(max_examples=100, deadline=None)
def test_rare_categories_are_where_they_are_promised(rare, seed, test):
    data = singles([[9]] * 6 + [[category] for category in rare], categories=9)
    (fold,) = make_splits(*data, Splits(seed=seed, test=test))
    held = {part: holds(data, fold[part]) for part in PARTS}
    for category, images in holds(data, fold["train"] + fold["val"] + fold["test"]).items():
        promised = ("train", "val", "test")[: images if test else min(images, 2)]
        lacking = [part for part in promised if not held[part][category]]
        assert not lacking, f"{category} of {images} images"
        assert images > 2 or not held["test"][category]


@given(st.lists(st.integers(1, 8), max_size=25), st.integers(0, 1000), st.integers(2, 5))
@settings(max_examples=100, deadline=None)
def test_with_folds_every_train_part_has_what_two_images_outside_test_hold(rare, seed, folds):
    data = singles([[9]] * 12 + [[category] for category in rare], categories=9)
    divided = make_splits(*data, Splits(seed=seed, folds=folds))
    for category, images in holds(data, range(1000)).items():
        in_test = holds(data, divided[0]["test"])[category]
        assert in_test >= 1 if images >= 3 else in_test == 0
        assert images - in_test >= min(images, 2)
        trained = sum(holds(data, fold["train"])[category] > 0 for fold in divided)
        assert trained == (folds if images >= 2 else folds - 1)
        validated = sum(holds(data, fold["val"])[category] > 0 for fold in divided)
        assert validated == min(images - in_test, folds)


@given(st.lists(st.sets(st.integers(1, 8), max_size=3), max_size=12), st.integers(0, 1000), st.integers(1, 3))
@settings(max_examples=100, deadline=None)
def test_what_a_part_lacks_is_listed_with_the_number_of_units(images, seed, folds):
    data = singles([*([[1]] * 6), *map(sorted, images)], categories=8)
    for fold in make_splits(*data, Splits(seed=seed, folds=folds)):
        everywhere = holds(data, range(1000))
        lacking = [
            {"category": f"c{category}", "part": part, "units": everywhere[category]}
            for category in range(1, 9)
            for part in PARTS
            if not holds(data, fold[part])[category]
        ]
        assert fold["missing"] == lacking


@pytest.mark.parametrize(
    ("val", "test", "categories"), [(0.15, 0.15, 3), (0.2, 0, 3), (0.3, 0.65, 1), (0.001, 0.001, 1)]
)
@pytest.mark.parametrize("images", [20, 33, 100, 251])
def test_sizes_of_single_images_are_the_rounded_fractions(images, val, test, categories):
    data = long_tailed(images, categories, seed=images)
    (fold,) = make_splits(*data, Splits(val=val, test=test))
    wanted = [max(1, round(share * images)) if share else 0 for share in (val, test)]
    assert [len(fold["val"]), len(fold["test"])] == wanted


def test_folds_of_single_images_differ_by_one_at_most():
    data = long_tailed(103, 4, seed=0)
    folds = make_splits(*data, Splits(folds=5, test=0.1))
    assert len(folds[0]["test"]) == 10
    assert sorted(len(fold["val"]) for fold in folds) == [18, 18, 19, 19, 19]


@pytest.mark.parametrize("seed", range(5))
def test_sizes_with_groups_are_off_by_half_a_group_at_most(seed):
    draw = random.Random(seed)
    sizes = [draw.randrange(1, 15) for _ in range(40)]
    data = dataset(
        [(group, f"{group} {n}", [1]) for group, size in enumerate(sizes) for n in range(size)], categories=1
    )
    (fold,) = make_splits(*data, Splits(seed=seed, group_by=GROUP))
    total = sum(sizes)
    for part, share in (("val", 0.15), ("test", 0.15)):
        assert abs(len(fold[part]) - share * total) <= max(sizes) / 2 + 0.5


@pytest.mark.parametrize("seed", range(4))
def test_shares_of_categories_are_nearer_than_by_chance(seed):
    data = long_tailed(400, 15, seed)
    (fold,) = make_splits(*data, Splits(seed=seed))
    everywhere = holds(data, range(1000))

    def worst(parts):
        """The largest deviation of a category's share in a part from the part's share of images."""
        return max(
            abs(holds(data, ids)[category] / count - len(ids) / 400)
            for ids in parts
            for category, count in everywhere.items()
            if count >= 5
        )

    chance = []
    for repetition in range(50):
        ids = np.random.RandomState(repetition).permutation(400) + 1
        chance.append(worst([ids[:280], ids[280:340], ids[340:]]))
    assert worst([fold[part] for part in PARTS]) < np.median(chance) / 2


def test_object_counts_and_sizes_are_spread_too():
    data = long_tailed(400, 3, seed=1)
    (fold,) = make_splits(*data, Splits())
    whole = {row["part"]: row for row in fold["table"] if row["category"] is None}
    for key in ("without_objects", "objects", "small", "medium", "large"):
        total = sum(row[key] for row in whole.values())
        for part, share in (("train", 0.7), ("val", 0.15), ("test", 0.15)):
            assert whole[part][key] / total == pytest.approx(share, abs=0.03), (key, part)


@given(st.randoms(use_true_random=False), st.integers(0, 2**64), st.integers(1, 3))
@settings(max_examples=20, deadline=None)
def test_the_order_of_the_records_and_the_global_generators_do_not_matter(shuffler, seed, folds):
    data = long_tailed(40, 6, seed=3)
    wanted = Splits(seed=seed, folds=folds, group_by=r"g(\d)")
    first = make_splits(*data, wanted)
    np.random.seed(shuffler.randrange(1000))
    random.seed(shuffler.randrange(1000))
    state = np.random.get_state()[1].tolist(), random.getstate()
    for records in data:
        shuffler.shuffle(records)
    assert json.dumps(make_splits(*data, wanted)) == json.dumps(first)
    assert (np.random.get_state()[1].tolist(), random.getstate()) == state


def test_another_seed_gives_another_division():
    data = long_tailed(60, 3, seed=0)
    assert len({tuple(make_splits(*data, Splits(seed=seed))[0]["test"]) for seed in range(10)}) == 10


def test_another_validation_share_or_number_of_folds_leaves_test_as_it_is():
    data = long_tailed(150, 12, seed=5)
    tests = [
        make_splits(*data, Splits(**wanted))[0]["test"]
        for wanted in ({}, {"val": 0.4}, {"folds": 2}, {"folds": 5, "val": 0.5})
    ]
    assert all(test == tests[0] for test in tests)


def test_this_division_is_the_same_on_every_machine():
    # Written down from one run: it changes only where the method changes, which then is told to the users.
    (fold,) = make_splits(*long_tailed(30, 4, seed=0), Splits(seed=42))
    assert (fold["val"], fold["test"]) == ([1, 15, 17, 26], [11, 12, 19, 30])


def test_the_table_counts_parts_categories_sizes_and_crowds():
    data = singles([[1, 1, 2], [1], [2], [1], []], categories=2)
    data[1].append({**data[1][0], "id": 99, "image_id": 5, "category_id": 2, "iscrowd": 1})
    (fold,) = make_splits(*data, Splits(test=0, val=0.4))
    rows = {(row["part"], row["category"]): row for row in fold["table"]}
    assert list(rows) == [(part, category) for part in PARTS for category in (None, "c1", "c2")]
    areas = defaultdict(list)
    for each in data[1]:
        part = next(part for part in PARTS if each["image_id"] in fold[part])
        for category in (None, f"c{each['category_id']}"):
            areas[part, category].append((each["image_id"], each["area"], each["iscrowd"]))
    for (part, category), row in rows.items():
        objects = [(image, area) for image, area, crowd in areas[part, category] if not crowd]
        assert row["objects"] == len(objects)
        assert row["crowds"] == len(areas[part, category]) - len(objects)
        assert [row["small"], row["medium"], row["large"]] == [
            sum(area == wanted for _, area in objects) for wanted in (400, 2500, 16900)
        ]
        holding = {image for image, _ in objects}
        assert row["images"] == (len(fold[part]) if category is None else len(holding))
        assert row["without_objects"] == (len(fold[part]) - len(holding) if category is None else None)
    assert sum(row["crowds"] for row in rows.values()) == 2


def test_crowds_are_no_objects():
    images, annotations, categories = singles([[1]] * 3)
    annotations[1]["iscrowd"] = 1
    with pytest.raises(PodiumError, match="2 images with objects for 2 parts"):
        make_splits(images, annotations, categories, Splits())
    (fold,) = make_splits(images, annotations, categories, Splits(test=0))
    assert sum(row["without_objects"] for row in fold["table"] if row["category"] is None) == 1


@pytest.mark.parametrize(("area", "size"), [(1023.9, "small"), (1024, "medium"), (9215.9, "medium"), (9216, "large")])
def test_sizes_have_cocos_limits(area, size):
    images, annotations, categories = singles([[1]] * 3)
    annotations = [{**each, "area": area} for each in annotations]
    (fold,) = make_splits(images, annotations, categories, Splits())
    assert all(row[size] == row["objects"] for row in fold["table"])


def test_the_leak_check_finds_what_lies_in_two_parts():
    images, _, _ = dataset([(0, "a", []), (0, "b", []), (1, "b", []), (2, "c", []), (3, "d", [])])
    images.append({**images[3], "id": 6, "subset": "test"})
    clean = leak_check({"train": [1, 2, 3], "val": [4], "test": [5]}, images, GROUP)
    assert clean == {
        "images_in_several_parts": 0,
        "contents_in_several_parts": 0,
        "groups_in_several_parts": 0,
        "images_with_a_twin": 2,
        "twins_in_the_competition_test": 1,
    }
    leaky = leak_check({"train": [1, 4], "val": [2, 4], "test": [3, 5]}, images, GROUP)
    assert leaky["images_in_several_parts"] == 1
    assert leaky["contents_in_several_parts"] == 2
    assert leaky["groups_in_several_parts"] == 2
    assert leak_check({"train": [1], "val": [2]}, images, None)["groups_in_several_parts"] is None


def test_too_few_images_are_refused():
    with pytest.raises(PodiumError, match="there are 2 images with truth for 3 parts"):
        make_splits(*singles([[1], [1]]), Splits())
    with pytest.raises(PodiumError, match="there are 5 images with truth for 6 parts"):
        make_splits(*singles([[1]] * 5), Splits(folds=5))
    (fold,) = make_splits(*singles([[1]] * 3), Splits())
    assert [len(fold[part]) for part in PARTS] == [1, 1, 1]


def test_a_part_without_images_or_objects_is_refused_by_name():
    with pytest.raises(PodiumError, match="no objects are left for test: 2 images with objects") as caught:
        make_splits(*singles([[1], [1], [], [], [], []]), Splits())
    assert "splits.test" in str(caught.value)
    with pytest.raises(PodiumError, match="no objects are left for the validation part of fold"):
        make_splits(*singles([[1], [1], [], [], [], []]), Splits(test=0, folds=3))
    with pytest.raises(PodiumError, match="no objects are left for the images outside test and test: 0 images"):
        make_splits(*singles([[]] * 6), Splits())
    one_group = dataset([(1, n, [1]) for n in range(6)])
    with pytest.raises(PodiumError, match=r"no images are left for .*of a group or of the same content count as one"):
        make_splits(*one_group, Splits(group_by=GROUP))


@pytest.mark.parametrize(
    ("pattern", "message"),
    [
        (r"^x(\d+)", "record g0_1, key splits.group_by: the pattern"),
        (r"^g\d+(x)?", "record g0_1, key splits.group_by: the pattern"),
    ],
)
def test_a_pattern_that_gives_no_group_is_refused(pattern, message):
    with pytest.raises(PodiumError) as caught:
        make_splits(*singles([[1]] * 9), Splits(group_by=pattern))
    assert message in str(caught.value)
    assert repr(pattern) in str(caught.value)


def test_real_photographs_with_many_categories(real_data):
    with zipfile.ZipFile(real_data / "coco-open.zip") as archive:
        name = next(name for name in archive.namelist() if name.endswith("instances.json"))
        coco = json.loads(archive.read(name))
    images = [
        {**image, "key": image["file_name"], "subset": "train", "digest": image["file_name"]}
        for image in coco["images"]
    ]
    data = images, coco["annotations"], coco["categories"]
    (fold,) = make_splits(*data, Splits(val=0.2, test=0.2))
    assert len(fold["val"]) == round(0.2 * len(images))
    held_by = units_with(
        (images, [each for each in coco["annotations"] if not each["iscrowd"]]), lambda image: image["id"]
    )
    names = {category["id"]: category["name"] for category in coco["categories"]}
    missing = {(each["category"], each["part"]) for each in fold["missing"]}
    for category, holders in held_by.items():
        for part in PARTS:
            assert bool(holders & set(fold[part])) == ((names[category], part) not in missing)
        assert len(holders) < 2 or (names[category], "train") not in missing
    # Most categories have one or two photographs. Test is as large as it can be with those outside of it.
    assert 0 < len(fold["test"]) <= round(0.2 * len(images))
    outside = set(fold["train"] + fold["val"])
    if len(fold["test"]) < round(0.2 * len(images)):
        needed = [holders & outside for holders in held_by.values() if len(holders & outside) <= 2]
        assert set().union(*needed) == outside
