"""An experiment's identity, and what is known of a training that can come to no end."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from podium.errors import PodiumError
from podium.files import file_digest, read_json, text_digest, write_json


def state_file(model: str | Path, settings: str, code: str, inputs: list[str | Path]) -> Path:
    """Return where a training keeps its state: beside the declared outputs, named after all that it depends on.

    Snakemake deletes the declared outputs of a job that fails; this file is not declared, and a training with any
    other setting, code or data has another name, so that no run ever continues a foreign state.

    Parameters
    ----------
    model
        The training's model.pt.
    settings, code
        The rule's settings as canonical JSON, and its fingerprint.
    inputs
        Small files that stand for the data: digest.txt, the split.
    """
    identity = text_digest("\n".join([settings, code, *(file_digest(path) for path in inputs)]))
    return Path(model).parent / "state" / f"{identity[:16]}.pt"


def remove_foreign_states(state: Path) -> None:
    """Delete the states of other settings, code or data, which nothing will continue."""
    for other in state.parent.glob("*.pt"):
        if other != state:
            other.unlink()


@contextmanager
def divergence_kept(state: Path) -> Iterator[None]:
    """Write down beside a training's state that it diverged, which it will again with equal settings, code and data."""
    try:
        yield
    except PodiumError as error:
        if type(error).__name__ == "Diverged":  # by its name, for its module imports torch
            write_json(_divergence_file(state), {"problem": error.problem}, indent=1)
        raise


def divergence(state: Path) -> str | None:
    """Return how the training of a state diverged, None where that is not known of it."""
    file = _divergence_file(state)
    return read_json(file)["problem"] if file.exists() else None


def _divergence_file(state: Path) -> Path:
    return state.with_suffix(".diverged.json")
