import json
import logging
from types import SimpleNamespace

import pytest

from podium.errors import PodiumError
from podium.training.signals import Interrupted
from podium.workflow.plan import settings_json
from podium.workflow.script import running


@pytest.fixture
def job(tmp_path):
    """What Snakemake gives to a script; log handlers are put back afterwards."""
    logger = logging.getLogger()
    handlers, level = logger.handlers[:], logger.level
    digest = tmp_path / "digest.txt"
    digest.write_text("abc123\n")
    yield SimpleNamespace(
        rule="train_detector",
        threads=1,
        resources={},
        log=[str(tmp_path / "results" / "x" / "logs" / "train_detector.small.log")],
        params=SimpleNamespace(settings=settings_json(a=1), code="0123"),
        wildcards={"experiment": "small"},
        input={"digest": str(digest)},
    )
    for handler in logger.handlers[:]:
        if handler not in handlers:
            handler.close()
    logger.handlers[:], logger.level = handlers, level
    logging.captureWarnings(False)


def _provenance(tmp_path):
    return tmp_path / "results" / "x" / "provenance" / "train_detector.small.json"


def test_a_run_that_ends_well_leaves_its_provenance(job, tmp_path):
    with running(job) as settings:
        assert settings == {"a": 1}
        logging.getLogger("podium").info("half way")
    found = json.loads(_provenance(tmp_path).read_text())
    assert (found["rule"], found["wildcards"], found["threads"]) == ("train_detector", {"experiment": "small"}, 1)
    assert (found["settings"], found["code"], found["data_digest"]) == ({"a": 1}, "0123", "abc123")
    assert 0 <= found["seconds"] < 60
    assert 10**7 < found["peak_memory_bytes"] < 10**12
    for package in ("python", "snakemake", "torch", "lightning-fabric"):
        assert found["versions"][package].split(".")[0].isdigit()
    log = (tmp_path / "results" / "x" / "logs" / "train_detector.small.log").read_text()
    assert "half way" in log


def test_the_seconds_are_those_of_all_runs(job, tmp_path):
    with running(job, earlier=lambda: 3600.0):
        pass
    assert 3600 <= json.loads(_provenance(tmp_path).read_text())["seconds"] < 3660


@pytest.mark.parametrize("error", [PodiumError("the box is wrong", key="a.b"), Interrupted("SIGTERM: saved")])
def test_an_error_of_the_user_and_an_interruption_end_it_with_their_text_alone(error, job, tmp_path):
    with pytest.raises(SystemExit) as ended, running(job):
        raise error
    assert ended.value.code == 1
    assert not _provenance(tmp_path).exists()
    log = (tmp_path / "results" / "x" / "logs" / "train_detector.small.log").read_text()
    assert str(error) in log
    assert "Traceback" not in log


def test_an_error_of_the_code_leaves_its_traceback(job, tmp_path):
    with pytest.raises(ZeroDivisionError), running(job):
        _ = 1 / 0
    log = (tmp_path / "results" / "x" / "logs" / "train_detector.small.log").read_text()
    assert "train_detector failed" in log
    assert "Traceback" in log
    assert not _provenance(tmp_path).exists()
