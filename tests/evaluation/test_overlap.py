import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from podium.evaluation.overlap import overlap

from . import reference
from .scenes import rectangles, thing

things = st.lists(rectangles().map(lambda box: thing(*box)), max_size=4)


@settings(max_examples=60, deadline=None)
@given(things, things)
@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_iou_equals_counting_pixels(iou_type, true, predicted):
    found = overlap(true, predicted, iou_type)
    assert found.shape == (len(true), len(predicted))
    assert found.ravel().tolist() == pytest.approx([reference.overlap(a, b) for a in true for b in predicted])


def test_iou_of_parts_of_pixels_and_of_empty_boxes():
    box, moved = {"bbox": [0.5, 0, 1, 2]}, {"bbox": [1.0, 0, 1, 2]}
    assert overlap([box], [moved, box, {"bbox": [0.5, 0, 0, 2]}], "bbox").tolist() == [[1 / 3, 1, 0]]


@pytest.mark.parametrize("iou_type", ["bbox", "segm"])
def test_of_crowds_the_covered_part_of_the_prediction(iou_type):
    crowd, inside, half, outside = (thing(*box) for box in ((0, 0, 8, 4), (2, 1, 2, 2), (6, 0, 4, 4), (9, 5, 2, 2)))
    assert overlap([crowd], [inside, half, outside], iou_type, crowd=True).tolist() == [[1, 1 / 2, 0]]
    assert overlap([crowd], [inside, half, outside], iou_type).tolist() == [[4 / 32, 8 / 40, 0]]
