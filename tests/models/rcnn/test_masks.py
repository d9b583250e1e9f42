import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from podium.models.rcnn.masks import mask_head, mask_loss, mask_predictor, mask_targets


def test_sides_of_the_masks():
    logits = mask_predictor(8, 3)(mask_head(16, 8)(torch.rand(5, 16, 14, 14)))
    assert logits.shape == (5, 3, 28, 28)


def test_a_target_is_the_object_s_mask_in_the_frame_of_the_box():
    masks = torch.zeros(2, 60, 80, dtype=torch.uint8)
    masks[0, 10:38, 20:48] = 1
    masks[1, 10:24, 20:48] = 1
    box = torch.tensor([[20.0, 10.0, 48.0, 38.0]])
    whole, half = mask_targets(masks, torch.tensor([0, 1]), box.repeat(2, 1))
    assert whole.shape == (28, 28)
    assert whole.eq(1).all()
    assert half[:14].eq(1).all()
    assert half[14:].eq(0).all()
    (moved,) = mask_targets(masks, torch.tensor([0]), box + 14)
    assert moved[:14, :14].eq(1).all()
    assert moved.sum() == 14 * 14


def test_the_loss_looks_at_the_object_s_own_category():
    torch.manual_seed(0)
    logits, targets = torch.randn(3, 4, 28, 28), torch.rand(3, 28, 28).round()
    classes = torch.tensor([2, 0, 3])
    own = torch.stack([logits[0, 2], logits[1, 0], logits[2, 3]])
    assert torch.allclose(mask_loss(logits, classes, targets), binary_cross_entropy_with_logits(own, targets))
    assert mask_loss(logits[:0], classes[:0], targets[:0]) == 0
