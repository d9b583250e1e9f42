"""Tests on a real Slurm: only where they are asked for (`make test-slurm`), for they may install its packages."""

import shutil
import tempfile
from functools import partial
from pathlib import Path

import pytest

from tests.slurm.cluster import ACCOUNTING, SLURM, running_cluster, why_not
from tests.slurm.run import BRIEF, ENDLESS, MODEL, SHORT, assert_same_training, configure_training
from tests.workflow.run import snakemake

HERE = Path(__file__).parent


def pytest_collection_modifyitems(items):
    """Let one process run all tests that compare with the same training on this computer."""
    for item in items:
        if "uninterrupted" in getattr(item, "fixturenames", ()) and HERE in item.path.parents:
            item.add_marker(pytest.mark.xdist_group("uninterrupted"))


@pytest.fixture(scope="session")
def asked(request):
    """Skip what starts a Slurm, unless these tests were asked for by their place."""
    places = [Path(argument.split("::")[0]).absolute() for argument in request.config.args]
    if not any(HERE in (path, *path.parents) for path in places):
        pytest.skip("starts a Slurm and may install it: run `make test-slurm`")


@pytest.fixture(scope="session")
def cluster(asked):
    """A Slurm with three nodes of four GPUs each."""
    yield from started(SLURM)


@pytest.fixture(scope="module")
def accounted(asked):
    """Another with an accounting database."""
    yield from started(SLURM | ACCOUNTING)


def started(daemons: dict[str, str]):
    if reason := why_not(daemons):
        pytest.skip(reason)
    folder = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp"))  # a short name: sockets lie in it
    with running_cluster(folder, accounting=ACCOUNTING.keys() <= daemons.keys()) as slurm:
        yield slurm


@pytest.fixture(scope="session")
def prepared(asked, tmp_path_factory):
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
def brief(short):
    """A folder in which the next step is a training of two iterations."""
    configure_training(short, BRIEF)
    return short


@pytest.fixture
def endless(short):
    """A folder in which the next step is a training that does not end."""
    configure_training(short, ENDLESS)
    return short


@pytest.fixture
def same_as_uninterrupted(uninterrupted):
    """Assert that a folder's detector and history are equal to the uninterrupted training's."""
    return partial(assert_same_training, uninterrupted)
