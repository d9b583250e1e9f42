import pytest
import torch
from lightning_fabric import Fabric
from torch import nn

from podium.training.precision import build_fabric


def test_a_schedulers_environment_is_left_aside(monkeypatch):
    """Under Slurm, Fabric would otherwise take its tasks for processes of its own, and refuse more than one."""
    for name, value in {"SLURM_NTASKS": "4", "SLURM_JOB_NAME": "train", "SLURM_JOB_ID": "1"}.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RuntimeError, match="ntasks"):
        Fabric(accelerator="cpu", devices=1)
    fabric = build_fabric("32-true")
    assert (fabric.world_size, fabric.global_rank) == (1, 0)


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
