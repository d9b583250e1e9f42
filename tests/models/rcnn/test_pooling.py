import pytest
import torch

from podium.models.rcnn.pooling import pool


def levels(sides):
    """Features that hold their level's number, of an image of 512 pixels."""
    return [torch.full((2, 1, 512 >> level, 512 >> level), float(level)) for level in sides]


@pytest.mark.parametrize(("side", "level"), [(10, 2), (111, 2), (113, 3), (223, 3), (225, 4), (450, 5)])
def test_the_level_of_a_square(side, level):
    box = torch.tensor([[0.0, 0.0, side, side]])
    features = levels((2, 3, 4, 5))
    found = pool(features, [box, torch.zeros(0, 4)], 2, 3)
    assert found.shape == (1, 1, 3, 3)
    assert found.eq(level).all()


def test_levels_that_there_are_not_fall_to_the_nearest():
    box = torch.tensor([[0.0, 0.0, 10.0, 10.0], [0.0, 0.0, 250.0, 250.0]])
    found = pool(levels((3,)), [box, box[:1]], 3, 2)
    assert found.shape == (3, 1, 2, 2)
    assert found.eq(3).all()


def test_a_ramp_is_pooled_at_the_centres_of_cells():
    """A feature that grows by one a column: a cell's mean is its centre's column, less the half that centres lie at."""
    ramp = torch.arange(64.0).expand(1, 1, 64, 64)
    box = torch.tensor([[16.0, 40.0, 80.0, 120.0]])
    found = pool([ramp], [box], 2, 4)
    expected = (16 + 64 * (torch.arange(4) + 0.5) / 4) / 4 - 0.5
    assert torch.allclose(found[0, 0], expected.expand(4, 4))


def test_order_and_images_of_boxes():
    features = [torch.stack([torch.full((1, 64, 64), 1.0), torch.full((1, 64, 64), 2.0)])]
    box = torch.tensor([[4.0, 4.0, 30.0, 30.0]])
    assert pool(features, [box, torch.cat([box, box])], 2, 1).flatten().tolist() == [1, 2, 2]
