"""An experiment's identity."""

from pathlib import Path

from podium.files import file_digest, text_digest


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
