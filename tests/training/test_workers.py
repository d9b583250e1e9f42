"""How many processes a training is given."""

import pytest

from podium.models.device import device
from podium.training.workers import loader_workers, training_processes

without_gpus = pytest.mark.skipif(device().type == "cuda", reason="this computer has a GPU")


@without_gpus
@pytest.mark.parametrize("gpus", [0, 1, 4])
def test_without_gpus_one_process_does_all(gpus, monkeypatch):
    monkeypatch.delenv("PODIUM_WITHOUT_GPUS", raising=False)
    assert (training_processes(gpus), loader_workers(8)) == (1, 0)


@without_gpus
@pytest.mark.parametrize(("said", "gpus", "processes"), [("1", 0, 1), ("1", 1, 1), ("1", 4, 4), ("0", 4, 1)])
def test_processes_for_gpus_that_are_not_there_are_begun_on_demand_alone(said, gpus, processes, monkeypatch):
    monkeypatch.setenv("PODIUM_WITHOUT_GPUS", said)
    assert training_processes(gpus) == processes
