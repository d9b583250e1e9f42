import pytest
import torch
from torchvision.models.detection._utils import Matcher
from torchvision.ops import box_iou

from podium.models.rcnn.matching import IGNORED, match, sample


def boxes(number, seed):
    generator = torch.Generator().manual_seed(seed)
    corners = torch.rand(number, 2, generator=generator) * 60
    return torch.cat([corners, corners + 4 + torch.rand(number, 2, generator=generator) * 40], dim=1)


@pytest.mark.parametrize("best_too", [False, True])
@pytest.mark.parametrize(("low", "high"), [(0.3, 0.7), (0.5, 0.5)])
def test_as_torchvision_matches(low, high, best_too):
    for seed in range(20):
        truth, candidates = boxes(7, seed), boxes(200, 100 + seed)
        objects, labels = match(truth, candidates, low, high, best_too)
        expected = Matcher(high, low, allow_low_quality_matches=best_too)(box_iou(truth, candidates))
        assert torch.equal(labels == 1, expected >= 0)
        assert torch.equal(labels == 0, expected == Matcher.BELOW_LOW_THRESHOLD)
        assert torch.equal(labels == IGNORED, expected == Matcher.BETWEEN_THRESHOLDS)
        assert torch.equal(objects[labels == 1], expected[expected >= 0])


def test_an_object_that_no_box_touches_matches_none():
    truth = torch.tensor([[500.0, 500.0, 510.0, 510.0]])
    _, labels = match(truth, boxes(50, 1), 0.3, 0.7, best_too=True)
    assert labels.eq(0).all()


def test_without_objects_all_is_background_and_without_boxes_there_is_nothing():
    objects, labels = match(torch.zeros(0, 4), boxes(9, 0), 0.3, 0.7, best_too=True)
    assert labels.tolist() == objects.tolist() == [0] * 9
    assert [len(part) for part in match(boxes(3, 0), torch.zeros(0, 4), 0.5, 0.5, best_too=False)] == [0, 0]


@pytest.mark.parametrize(
    ("positives", "negatives", "expected"), [(50, 50, (4, 12)), (2, 50, (2, 14)), (50, 3, (4, 3)), (0, 5, (0, 5))]
)
def test_a_sample_of_16_with_a_quarter_positive(positives, negatives, expected):
    labels = torch.tensor([1] * positives + [0] * negatives + [IGNORED] * 20)[
        torch.randperm(positives + negatives + 20)
    ]
    chosen = sample(labels == 1, labels == 0, 16, 0.25)
    assert tuple(len(part) for part in chosen) == expected
    for part, label in zip(chosen, (1, 0), strict=True):
        assert labels[part].eq(label).all()
        assert len(part.unique()) == len(part)


def test_every_candidate_is_drawn_now_and_then():
    there = torch.ones(6, dtype=torch.bool)
    drawn = torch.cat([sample(there, ~there, 4, 0.5)[0] for _ in range(200)])
    assert torch.bincount(drawn, minlength=6).min() > 30
