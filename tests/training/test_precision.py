import pytest
import torch
from torch import nn

from podium.training.precision import build_fabric


class Watched(nn.Linear):
    def forward(self, batch):
        self.given = batch["boxes"].dtype
        output = super().forward(batch["boxes"])
        self.computed = output.dtype
        return output


@pytest.mark.parametrize(
    ("precision", "computed"),
    [("32-true", torch.float32), ("bf16-mixed", torch.bfloat16), ("16-mixed", torch.float16)],
)
def test_what_a_model_is_given_is_left_as_it_is_and_layers_compute_in_the_precision(precision, computed):
    """1001 has no exact value in bfloat16: 1000 is the nearest."""
    fabric = build_fabric(precision)
    model = Watched(1, 1, bias=False)
    wrapped, _ = fabric.setup(model, torch.optim.SGD(model.parameters(), lr=0.1))
    boxes = torch.tensor([[1001.0]], device=fabric.device)
    output = wrapped({"boxes": boxes})
    assert model.given == torch.float32
    assert model.computed == computed
    assert output.dtype == torch.float32
    assert next(model.parameters()).dtype == torch.float32
