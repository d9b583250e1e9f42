"""Which experiments are compared as ways to the same objects."""

import pytest

from podium.config.ways import compared_part, on_other_folds, ways
from tests.config.minimal import checked

SOLVER = {"solver": {"base_lr": 0.1, "max_iter": 3}}
WHOLE = {"model": {"architecture": "mask_rcnn"}, **SOLVER}
BOTH, BOXES = ("instances", "both"), ("detection", "boxes")


def test_one_chain_is_nothing_to_compare():
    assert ways(checked()) == []


def test_two_that_find_masks_and_the_boxes_that_one_is_made_of():
    assert ways(checked(detection__whole=WHOLE)) == [BOTH, BOXES, ("detection", "whole")]


def test_two_detectors_or_two_joined_ones_are_enough():
    assert ways(checked(detection__other=SOLVER)) == [BOTH, BOXES, ("detection", "other")]
    again = {"detection": "boxes", "segmentation": "masks"}
    assert ways(checked(instances__again=again)) == [BOTH, ("instances", "again"), BOXES]


def test_points_of_ablations_are_compared_elsewhere():
    rate = {"of": "detection.boxes", "vary": {"solver.base_lr": [0.01, 0.02]}, "fix": {"solver.max_iter": 5}}
    assert ways(checked(ablations={"rate": rate})) == []


def test_the_submitted_one_comes_first_unless_it_is_selected():
    submission = {"station": "detection", "experiment": "whole", "format": "dsb2018"}
    found = ways(checked(detection__whole=WHOLE, submission=submission))
    assert found == [("detection", "whole"), BOTH, BOXES]
    selection = {"station": "detection"}
    assert ways(checked(detection__whole=WHOLE, submission=submission, selection=selection)) == found, "it is named"
    submission = {"experiment": "selected", "format": "dsb2018"}
    made = checked(detection__whole=WHOLE, submission=submission, selection={})
    assert ways(made) == [BOTH, BOXES, ("detection", "whole")]


def test_other_folds_are_told_and_not_compared():
    made = checked(detection__whole=WHOLE, detection__later={**SOLVER, "fold": 1}, splits={"folds": 2})
    assert ways(made) == [BOTH, BOXES, ("detection", "whole")]
    assert on_other_folds(made) == [("detection", "later")]


@pytest.mark.parametrize(
    ("values", "part"), [({}, "test"), ({"splits": {"test": 0}}, "val"), ({"selection": {}}, "val")]
)
def test_the_part_that_all_are_judged_on(values, part):
    assert compared_part(checked(**values)) == part
