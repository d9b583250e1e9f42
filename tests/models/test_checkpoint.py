import pytest
import torch

from podium.errors import PodiumError
from podium.models.checkpoint import Checkpoint, load_checkpoint, save_checkpoint


def _checkpoint(**changes):
    content = {
        "weights": {"w": torch.tensor([0.1, float("inf")]), "n": torch.tensor(3)},
        "settings": {"solver": {"base_lr": 0.1 + 0.2, "steps": [1, 2], "clip_norm": None}},
        "categories": ["düne", "b"],
        "normalisation": {"mean": [0.5], "std": [0.25]},
        "iteration": 7,
    }
    return Checkpoint(**content | changes)


def test_comes_back_as_it_was(tmp_path):
    file = tmp_path / "new" / "model.pt"
    save_checkpoint(file, _checkpoint())
    loaded, saved = load_checkpoint(file), _checkpoint()
    assert loaded.weights.keys() == saved.weights.keys()
    assert all(torch.equal(loaded.weights[name], saved.weights[name]) for name in saved.weights)
    assert (loaded.settings, loaded.categories) == (saved.settings, saved.categories)
    assert (loaded.normalisation, loaded.iteration) == (saved.normalisation, saved.iteration)


class Touch:
    """Unpickled by a careless reader it makes a file."""

    def __init__(self, canary):
        self.canary = canary

    def __reduce__(self):
        return open, (str(self.canary), "w")


def test_a_file_that_would_run_code_is_refused(tmp_path):
    file, canary = tmp_path / "model.pt", tmp_path / "canary"
    save_checkpoint(file, _checkpoint())
    content = torch.load(file, weights_only=True)
    torch.save(content | {"categories": Touch(canary)}, file)
    with pytest.raises(PodiumError, match="no checkpoint of podium") as caught:
        load_checkpoint(file)
    assert caught.value.file == file
    assert not canary.exists()
    torch.load(file, weights_only=False)
    assert canary.exists()


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 half", b"{}"])
def test_a_file_of_another_kind(content, tmp_path):
    file = tmp_path / "model.pt"
    file.write_bytes(content)
    with pytest.raises(PodiumError, match="no checkpoint of podium"):
        load_checkpoint(file)


def test_a_truncated_and_a_foreign_checkpoint(tmp_path):
    file = tmp_path / "model.pt"
    save_checkpoint(file, _checkpoint())
    file.write_bytes(file.read_bytes()[:-200])
    with pytest.raises(PodiumError, match="no checkpoint of podium"):
        load_checkpoint(file)
    torch.save({"model": {"w": torch.zeros(2)}}, file)
    with pytest.raises(PodiumError, match="no checkpoint of podium"):
        load_checkpoint(file)


@pytest.mark.parametrize(
    "changes",
    [
        {"weights": [torch.zeros(2)]},
        {"weights": {"w": 0.5}},
        {"weights": {1: torch.zeros(2)}},
        {"categories": "plane"},
        {"categories": [1, 2]},
        {"settings": "model"},
    ],
)
def test_contents_of_another_kind(changes, tmp_path):
    save_checkpoint(tmp_path / "model.pt", _checkpoint(**changes))
    with pytest.raises(PodiumError, match="no checkpoint of podium"):
        load_checkpoint(tmp_path / "model.pt")


def test_a_missing_checkpoint(tmp_path):
    with pytest.raises(PodiumError, match="no such checkpoint"):
        load_checkpoint(tmp_path / "model.pt")
