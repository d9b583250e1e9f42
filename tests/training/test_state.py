import pickle
import zipfile

import pytest
import torch

from podium.errors import PodiumError
from podium.training.state import Best, State, load_state, save_state, seconds_spent


def _state():
    history = [{"iteration": 1, "lr": 0.1, "loss": 2.5}, {"iteration": 2, "lr": 0.05, "loss": 0.1 + 0.2, "val_AP": 0.0}]
    return State(2, history, Best(float("-inf"), 2, {"w": torch.arange(3.0)}))


def test_comes_back_to_the_last_bit(tmp_path):
    file = tmp_path / "new" / "state.pt"
    model, optimiser = {"w": torch.tensor([0.1, float("nan")])}, {"state": {0: {"step": 3}}, "param_groups": []}
    save_state(file, _state(), model=model, optimiser=optimiser, scaler={})
    state, parts = load_state(file)
    assert (state.iteration, state.history) == (2, _state().history)
    assert (state.best.value, state.best.iteration) == (float("-inf"), 2)
    assert torch.equal(state.best.weights["w"], torch.arange(3.0))
    assert torch.equal(parts["model"]["w"].view(torch.int32), model["w"].view(torch.int32))
    assert (parts["optimiser"], parts["scaler"]) == (optimiser, {})
    assert [entry.name for entry in file.parent.iterdir()] == ["state.pt"]


def test_runs_that_are_continued_count(tmp_path):
    assert seconds_spent(tmp_path / "state.pt") == 0
    save_state(tmp_path / "state.pt", State(3, seconds=12.5))
    assert seconds_spent(tmp_path / "state.pt") == 12.5


def test_before_the_first_validation_there_is_no_best(tmp_path):
    save_state(tmp_path / "state.pt", State())
    assert load_state(tmp_path / "state.pt") == (State(), {})


def test_no_file_is_no_state(tmp_path):
    assert load_state(tmp_path / "state.pt") is None


class Touch:
    """Unpickled by a careless reader it makes a file."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return open, (str(self.canary), "w")


@pytest.mark.parametrize("legacy", [False, True])
def test_a_file_that_would_run_code_is_refused(legacy, tmp_path):
    file, canary = tmp_path / "state.pt", tmp_path / "canary"
    content = {"iteration": 1, "history": [], "best": None, "parts": {"model": Touch(canary)}}
    torch.save(content, file, _use_new_zipfile_serialization=not legacy)
    with pytest.raises(PodiumError) as caught:
        load_state(file)
    assert caught.value.file == file
    assert "delete it" in caught.value.mend
    assert not canary.exists()
    # The canary is alive: a careless reader would have made it.
    torch.load(file, weights_only=False)
    assert canary.exists()


def test_a_plain_pickle_is_refused(tmp_path):
    file, canary = tmp_path / "state.pt", tmp_path / "canary"
    file.write_bytes(pickle.dumps(Touch(canary)))
    with pytest.raises(PodiumError, match="cannot be read"):
        load_state(file)
    assert not canary.exists()


def _empty(file):
    file.write_bytes(b"")


def _half(file):
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])


def _other(file):
    torch.save({"weights": {}}, file)


def _list(file):
    torch.save([1, 2], file)


def _zip(file):
    with zipfile.ZipFile(file, "w") as archive:
        archive.writestr("a.txt", "no state")


@pytest.mark.parametrize("harm", [_empty, _half, _other, _list, _zip])
def test_a_damaged_or_foreign_file_is_named(harm, tmp_path):
    file = tmp_path / "state.pt"
    save_state(file, _state(), model={})
    harm(file)
    with pytest.raises(PodiumError, match="the training state cannot be read") as caught:
        load_state(file)
    assert caught.value.file == file


def test_a_save_that_fails_leaves_the_last_one(tmp_path):
    file = tmp_path / "state.pt"
    save_state(file, _state(), model={})
    with pytest.raises((AttributeError, pickle.PicklingError)):
        save_state(file, State(3), model={"w": lambda: None})
    assert load_state(file)[0].iteration == 2
    assert [entry.name for entry in tmp_path.iterdir()] == ["state.pt"]
