"""Tests on a real Slurm: only where they are asked for (`make test-slurm`), for they may install its packages."""

import shutil
import tempfile
from pathlib import Path

import pytest
import torch

from tests.slurm.cluster import running_cluster, why_not
from tests.slurm.run import ENDLESS, MODEL, SHORT, configure_training
from tests.workflow.run import snakemake

HERE = Path(__file__).parent


@pytest.fixture(scope="session")
def cluster(request):
    """A Slurm with three nodes of four GPUs each."""
    asked = [Path(argument.split("::")[0]).absolute() for argument in request.config.args]
    if not any(HERE in (path, *path.parents) for path in asked):
        pytest.skip("starts a Slurm and may install it: run `make test-slurm`")
    if reason := why_not():
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp"))  # a short name: sockets lie in it
    with running_cluster(folder) as slurm:
        yield slurm


@pytest.fixture(scope="session")
def prepared(cluster, tmp_path_factory):
    """A folder with dataset and splits, made on this computer."""
    folder = tmp_path_factory.mktemp("prepared")
    configure_training(folder, SHORT)
    done = snakemake(folder, "data/tiny/splits/0.json")
    assert done.returncode == 0, done.stdout[-5000:]
    return folder


@pytest.fixture(scope="session")
def uninterrupted(prepared, tmp_path_factory):
    """A folder in which a detector was trained on this computer, without any Slurm."""
    folder = shutil.copytree(prepared, tmp_path_factory.mktemp("uninterrupted") / "run")
    done = snakemake(folder, MODEL)
    assert done.returncode == 0, done.stdout[-5000:]
    return folder


@pytest.fixture
def short(prepared, tmp_path):
    """A folder in which the next step is a training of about half a minute."""
    return shutil.copytree(prepared, tmp_path / "run")


@pytest.fixture
def endless(short):
    """A folder in which the next step is a training that does not end."""
    configure_training(short, ENDLESS)
    return short


@pytest.fixture
def same_as_uninterrupted(uninterrupted):
    """Assert that a folder's detector and history are equal to the uninterrupted training's, to the last bit."""

    def check(folder: Path) -> None:
        first, second = (torch.load(place / MODEL, weights_only=True)["weights"] for place in (uninterrupted, folder))
        assert first.keys() == second.keys()
        assert all(torch.equal(first[name], second[name]) for name in first)
        history = Path(MODEL).with_name("history.csv")
        assert (uninterrupted / history).read_text() == (folder / history).read_text()

    return check
