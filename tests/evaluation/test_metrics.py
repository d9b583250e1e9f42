import re
from pathlib import Path

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from sklearn.metrics import fbeta_score, jaccard_score

from podium.config.metrics import METRIC_NAMES
from podium.errors import PodiumError
from podium.evaluation import bootstrap
from podium.evaluation.metrics import METRICS, Metric, metric_for

from . import reference
from .scenes import HEIGHT, WIDTH, scenes, thing, union

ROOT = Path(__file__).parents[2]
SQUARE, OTHER = (0, 0, 4, 4), (8, 6, 4, 4)
OVER_NOTHING = dict.fromkeys(METRICS, 1.0) | {
    **dict.fromkeys(("global_wheat", "rsna", "mask_ap", "openimages_segmentation", "voc2010", "openimages"), None),
    "box_ap": None,
    "uw_madison_dice": 0.0,
}
"""Nothing there, nothing found; None: not defined."""


def ready(name: str, categories: int = 1) -> Metric:
    return metric_for(name, [{"id": number} for number in range(1, categories + 1)], 100)


def statistics(name: str, images: list, categories: int = 1) -> list:
    return [ready(name, categories).image(true, predicted, HEIGHT, WIDTH) for true, predicted in images]


def score(name: str, images: list, categories: int = 1) -> float | None:
    value = METRICS[name].total(statistics(name, images, categories))
    return None if np.isnan(value) else value


def test_names_and_implementations_are_in_step():
    assert list(METRICS) == list(METRIC_NAMES)
    assert all(metric.name == name for name, metric in METRICS.items())
    titles = [metric.title for metric in METRICS.values()]
    assert len(set(titles)) == len(titles)
    documented = re.findall(r"^\| `(\w+)` \|", (ROOT / "docs/metrics.md").read_text(), re.MULTILINE)
    assert sorted(documented) == sorted(METRICS)


@pytest.mark.parametrize("name", METRICS)
def test_needs_what_it_says_and_nothing_else(name):
    shape = {"boxes": "bbox", "masks": "segmentation"}[METRICS[name].needs]
    true, predicted = thing(*SQUARE), thing(*SQUARE, score=0.5)
    bare = [{key: each[key] for key in ("category_id", "score", shape) if key in each} for each in (true, predicted)]
    assert score(name, [([bare[0]], [bare[1]])]) == score(name, [([true], [predicted])])
    del bare[0][shape], bare[0]["category_id"]
    with pytest.raises((KeyError, PodiumError)):
        score(name, [([{**bare[0], "id": 7, "category_id": 1}], [bare[1]])])


@pytest.mark.parametrize("name", METRICS)
def test_nothing_there_or_nothing_found(name):
    assert score(name, []) is None
    assert score(name, [([], [])]) == OVER_NOTHING[name]
    assert score(name, [([thing(*SQUARE)], [])]) == 0
    found_in_nothing = score(name, [([], [thing(*SQUARE, score=0.9)])])
    assert found_in_nothing == (None if METRICS[name].ranked else 0)


# One image: a square is found whole; another is not, and a prediction lies elsewhere. TP 1, FP 1, FN 1 at every IoU.
# Of 32 true and 32 predicted pixels 16 are common.
HALF = ([thing(*SQUARE), thing(*OTHER)], [thing(*SQUARE, score=0.9), thing(0, 6, 4, 4, score=0.3)])
# Another: 8 of 16 pixels of the only object, and no other: IoU 0.5, which is not greater than 0.5.
PART = ([thing(*SQUARE)], [thing(0, 0, 4, 2, score=0.8)])
# By hand, for HALF alone, PART alone, both together (32 + 16 true, 32 + 8 predicted, 16 + 8 common pixels).
BY_HAND = {
    "dsb2018": (1 / 3, 0, 1 / 6),
    "airbus_f2": (1 / 2, 0, 1 / 4),
    "sartorius": (1 / 3, 0, 1 / 6),
    "tgs_salt": (0, 0, 0),  # IoU 16/48
    "dice": (1 / 2, 2 / 3, 7 / 12),
    "dice_global": (1 / 2, 2 / 3, 48 / 88),
    "severstal_dice": (1 / 2, 2 / 3, 7 / 12),
    "uw_madison_dice": (1 / 2, 2 / 3, 7 / 12),
    # Precision 1 and recall 1/2 of PART: 1.25 * 0.5 / (0.25 + 0.5). All: precision 24/40, recall 24/48.
    "vesuvius_f05": (1 / 2, 5 / 6, 1.25 * 0.6 * 0.5 / (0.25 * 0.6 + 0.5)),
    "iou": (1 / 3, 1 / 2, 5 / 12),
    # By score: hit (HALF, 0.9), then PART's 0.8, then a miss. Objects: 2, 1, 3.
    # At IoU 0.5 PART's is a hit: recall 2/3 with precision 1. COCO: 51, 101 and 67 (34 without PART) of 101 recalls.
    "mask_ap": (51 / 101, 1 / 10, (67 + 9 * 34) / 1010),
    "openimages_segmentation": (1 / 2, 1, 2 / 3),
    "global_wheat": (1 / 3, 0, 1 / 6),
    "rsna": (1 / 3, 2 / 8, (1 / 3 + 1 / 4) / 2),  # PART is a hit at 0.40 and 0.45
    "voc2010": (1 / 2, 1, 2 / 3),
    "vinbigdata": (1 / 2, 1, 2 / 3),
    "openimages": (1 / 2, 1, 2 / 3),
    "box_ap": (51 / 101, 1 / 10, (67 + 9 * 34) / 1010),
}


@pytest.mark.parametrize("name", METRICS)
def test_by_hand(name):
    found = [score(name, images) for images in ([HALF], [PART], [HALF, PART])]
    assert found == pytest.approx(list(BY_HAND[name]), abs=1e-12)


def test_categories_matter_to_some():
    # Right square, wrong category.
    images = [([thing(*SQUARE, 1)], [thing(*SQUARE, 2, score=0.9)])]
    blind = {name for name in METRICS if score(name, images, 2) == 1}
    seeing = {"severstal_dice", "uw_madison_dice", "vinbigdata"}
    seeing |= {name for name, metric in METRICS.items() if metric.ranked}
    assert blind == METRICS.keys() - seeing
    assert all(score(name, images, 2) == 0 for name in seeing)


def test_dice_by_category_by_hand():
    # Two images, two categories. Image 1: category 1 found whole, category 2 neither there nor found.
    # Image 2: category 1 not there but found, category 2 half found (2 * 8 / 24).
    images = [
        ([thing(*SQUARE, 1)], [thing(*SQUARE, 1, score=0.9)]),
        ([thing(*SQUARE, 2)], [thing(*OTHER, 1, score=0.9), thing(0, 0, 4, 2, 2, score=0.9)]),
    ]
    assert score("severstal_dice", images, 2) == pytest.approx((1 + 1 + 0 + 2 / 3) / 4)
    assert score("uw_madison_dice", images, 2) == pytest.approx((1 + 0 + 0 + 2 / 3) / 4)
    # A third category that no image has is a pair with each image all the same.
    assert score("severstal_dice", images, 3) == pytest.approx((1 + 1 + 0 + 2 / 3 + 2) / 6)
    assert score("uw_madison_dice", images, 3) == pytest.approx((1 + 0 + 0 + 2 / 3) / 6)
    with pytest.raises(PodiumError, match=r"categories that the dataset does not have: \[2\]"):
        score("severstal_dice", images)


def test_dice_by_category_counts_the_pairs_of_all_the_datasets_categories():
    # As Severstal has it, four defects: an image's one defect is missed, the other three pairs are 1. Finding a defect
    # that is not there costs its pair, whether or not another image has it.
    missed, clean = ([thing(*SQUARE, 1)], []), ([], [])
    wrong = [thing(*OTHER, 3, score=0.9)]
    assert score("severstal_dice", [missed, clean], 4) == pytest.approx(7 / 8)
    assert score("severstal_dice", [missed, ([], wrong)], 4) == pytest.approx(6 / 8)
    assert score("severstal_dice", [([thing(*SQUARE, 1)], wrong), clean], 4) == pytest.approx(6 / 8)


@settings(max_examples=60, deadline=None)
@given(scenes(), st.integers(1, 3))
def test_a_false_positive_never_makes_a_threshold_metric_better(images, category):
    # In an image of its own, where nothing is: whatever else was found, one more that is wrong is no gain.
    wrong = [thing(0, 0, 3, 3, category, score=0.99)]
    for name, metric in METRICS.items():
        without, one_more = (score(name, [*images, ([], found)], 3) for found in ([], wrong))
        assert one_more is None or without is None or one_more <= without + 1e-12, (name, metric.title)


@pytest.mark.parametrize("name", METRICS)
def test_crowds_are_no_objects(name):
    crowd = thing(*SQUARE, iscrowd=1)
    assert score(name, [([crowd], [])]) == OVER_NOTHING[name]
    alone = score(name, [HALF])
    assert score(name, [([*HALF[0], thing(13, 0, 3, 3, iscrowd=1)], HALF[1])]) == alone
    # COCO forgives what lies on a crowd, here the wrong prediction, and if it came first.
    first = ([thing(*SQUARE), thing(*OTHER)], [thing(*SQUARE, score=0.2), thing(0, 6, 4, 4, score=0.3)])
    forgiven = score(name, [([*first[0], thing(0, 5, 6, 6, iscrowd=1)], first[1])])
    assert (forgiven > score(name, [first])) == (name in ("box_ap", "mask_ap"))


@pytest.mark.parametrize("name", [name for name, metric in METRICS.items() if "as one" not in metric.title])
def test_an_object_found_twice_is_found_once(name):
    true = [thing(*SQUARE), thing(*OTHER)]
    twice = [thing(*SQUARE, score=0.9), thing(*SQUARE, score=0.8), thing(*OTHER, score=0.7)]
    # TP 2, FP 1. By rank: precision 1 up to recall 1/2 (51 of COCO's 101), then 2/3.
    instances = {"airbus_f2": 10 / 11, **dict.fromkeys(("mask_ap", "box_ap"), (51 + 50 * 2 / 3) / 101)}
    ranked = 1 / 2 + 1 / 2 * 2 / 3 if METRICS[name].ranked or name == "vinbigdata" else 2 / 3
    pixels = {"severstal_dice": 1, "uw_madison_dice": 1}
    assert score(name, [(true, twice)]) == pytest.approx((instances | pixels).get(name, ranked), abs=1e-12)


@pytest.mark.parametrize(
    ("name", "late", "early"),
    [("global_wheat", 6 / 3, 2 + 4 / 3), ("rsna", 2 + 6 / 3, 4 + 4 / 3)],
)
def test_the_more_confident_choose_first(name, late, early):
    # Objects in columns 0 to 8 and 3 to 11. One prediction, 1 to 9, has IoU 7/9 and 6/10 with them; the other, 0 to 8,
    # has 1 and 5/11. If the first chooses first it takes the first object, and the other finds one at 0.40, 0.45.
    # The other way round both find one at 0.40 to 0.55.
    true = [thing(0, 0, 8, 4), thing(3, 0, 8, 4)]
    first, other = thing(1, 0, 8, 4), thing(0, 0, 8, 4)
    thresholds = {"global_wheat": 6, "rsna": 8}[name]
    assert score(name, [(true, [first | {"score": 0.9}, other | {"score": 0.8}])]) == pytest.approx(late / thresholds)
    assert score(name, [(true, [first | {"score": 0.8}, other | {"score": 0.9}])]) == pytest.approx(early / thresholds)


def test_an_image_without_finding_in_vinbigdata():
    empty, found, missed = ([], []), ([], [thing(*SQUARE, score=0.4)]), ([thing(*SQUARE)], [])
    # Two empty images; one is taken for empty: of the category "nothing" one of two is found, the only claim is right.
    assert score("vinbigdata", [empty, found]) == 1 / 2
    # With a third that is wrongly taken for empty, one of two claims of equal confidence is right; category 1 has AP 0.
    assert score("vinbigdata", [empty, found, missed]) == (1 / 2 * 1 / 2 + 0) / 2


@settings(max_examples=60, deadline=None)
@given(scenes())
def test_equal_to_the_literal_rules(images):
    def close(name: str, expected: float | None) -> None:
        assert score(name, images, 3) == (None if expected is None else pytest.approx(expected, abs=1e-12)), name

    for name, first in (("global_wheat", 50), ("rsna", 40)):
        values = [reference.greedy(*sides, [each / 100 for each in range(first, 80, 5)]) for sides in images]
        counted = [value for value in values if value is not None]
        close(name, float(np.mean(counted)) if counted else None)
    for name in ("voc2010", "openimages", "openimages_segmentation"):
        close(name, reference.voc(images, 0.5))
    close("severstal_dice", reference.dice_by_category(images, 3, 1))
    close("uw_madison_dice", reference.dice_by_category(images, 3, 0))

    unions = [(union(true).ravel(), union(predicted).ravel()) for true, predicted in images]
    joined = [np.concatenate(side) for side in zip(*unions, strict=True)]
    close("dice_global", fbeta_score(*joined, beta=1, zero_division=1) if np.any(joined) else 1)
    close("vesuvius_f05", fbeta_score(*joined, beta=0.5, zero_division=1) if np.any(joined) else 1)
    jaccard = [jaccard_score(*each, zero_division=1) if np.any(each) else 1 for each in unions]
    close("iou", float(np.mean(jaccard)))
    close("tgs_salt", float(np.mean([[each > t / 100 for t in range(50, 100, 5)] for each in jaccard])))


@settings(max_examples=40, deadline=None)
@given(scenes())
def test_vinbigdata_is_voc_with_a_box_for_nothing(images):
    # As its files have it: a category of its own, a box in a corner. The literal rule leaves open which of several
    # claims of equal confidence comes first.
    assume(sum(not predicted for _, predicted in images) <= 1)
    nothing = thing(0, 0, 1, 1, 14)
    files = [(true or [nothing], predicted or [{**nothing, "score": 1.0}]) for true, predicted in images]
    assert score("vinbigdata", images) == pytest.approx(reference.voc(files, 0.4, strictly=True), abs=1e-12)


@settings(max_examples=30, deadline=None)
@given(scenes(), st.integers(0, 99))
def test_invariants(images, seed):
    random = np.random.default_rng(seed)
    mixed = [images[place] for place in random.permutation(len(images))]
    mixed = [tuple([side[place] for place in random.permutation(len(side))] for side in sides) for sides in mixed]
    often = random.integers(1, 4, len(images))
    repeated = [sides for sides, times in zip(images, often, strict=True) for _ in range(times)]
    perfect = [(true, [{**each, "score": 0.9 - n / 9} for each in true]) for n, (true, _) in enumerate(images)]
    for name, metric in METRICS.items():
        value = score(name, images, 3)
        assert value is None or 0 <= value <= 1 + 1e-12, name
        assert score(name, mixed, 3) == (None if value is None else pytest.approx(value, abs=1e-12)), name
        weighted = metric.total(statistics(name, images, 3), often)
        assert weighted == pytest.approx(metric.total(statistics(name, repeated, 3)), abs=1e-12, nan_ok=True), name
        if name == "uw_madison_dice":
            pairs = [len({each["category_id"] for each in true}) for true, _ in images]
            assert score(name, perfect, 3) == pytest.approx(np.mean(pairs) / 3)
        else:
            assert score(name, perfect, 3) in (None, pytest.approx(1, abs=1e-12)), name


@pytest.mark.parametrize("name", METRICS)
def test_images_of_weight_0_do_not_count(name):
    images = [HALF, PART, HALF]
    assert METRICS[name].total(statistics(name, images), np.array([1, 1, 0])) == pytest.approx(score(name, images[:2]))
    assert np.isnan(METRICS[name].total(statistics(name, images), np.zeros(3)))


@pytest.mark.parametrize("name", METRICS)
def test_intervals_come_from_the_totals_of_resamples(name):
    images = [HALF, PART, HALF, ([thing(*OTHER)], [thing(*OTHER, score=0.5)])] * 2
    found = bootstrap.interval(METRICS[name].of_images(statistics(name, images)), len(images), samples=60, seed=5)
    draw, totals = np.random.default_rng(5), []
    for _ in range(60):
        totals.append(score(name, [images[place] for place in draw.integers(len(images), size=len(images))]))
    assert found == pytest.approx(tuple(np.quantile(totals, [0.025, 0.975])), abs=1e-12)
    assert found[0] < found[1]
