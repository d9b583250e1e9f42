"""The script of the rule `upload`, killed between every two of its steps and run again: one upload, one row."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from podium.files import read_json, write_json
from podium.submission.ledger import read_ledger
from tests.workflow.run import ROOT

pytestmark = pytest.mark.slow

UPLOAD = ROOT / "tests/kaggle/upload.py"


@pytest.fixture
def work(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.csv").write_text("ImageId,EncodedPixels\na,1 1\n")
    write_json(tmp_path / "s/a.validation.json", {"metric": "dice", "score": 0.5})
    return tmp_path


def run(work: Path, step: int | None = None) -> subprocess.Popen:
    """Start the script; it is killed before its `step`-th start of a command or renaming of a file, from 1."""
    command = [sys.executable, str(UPLOAD), str(step or 0)]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    return subprocess.Popen(command, cwd=work, env=environment, start_new_session=True, stderr=subprocess.PIPE)


def finish(work: Path, server) -> None:
    """Run the script to its end and look at what it left."""
    process = run(work)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0, said.decode()
    assert len(server.submissions) == 1
    assert read_json(work / "s/a.upload.json")["ref"] == "1000"
    rows = read_ledger(work / "s/ledger.csv")
    assert [(row["ref"], row["experiment"], row["validation_score"]) for row in rows] == [("1000", "a", "0.5")]


@pytest.mark.parametrize("step", range(3, 10))
def test_killed_once_and_run_again(server, work, step):
    """Once the list and the limit were asked (1, 2): before each command that is run and each file that is written."""
    process = run(work, step)
    process.communicate(timeout=120)
    assert process.returncode in (-signal.SIGKILL, 0)
    finish(work, server)


@pytest.mark.parametrize(
    ("point", "whole"),
    [
        ("PUT", True),
        ("CreateSubmission done", True),
        ("PUT", False),
        ("CreateSubmission done", False),
    ],
)
def test_killed_while_the_command_uploads(server, work, point, whole):
    """With the command, or without it: then it goes on alone, and the next run waits for it."""
    process = run(work)

    def kill():
        del server.hooks[point]
        (os.killpg if whole else os.kill)(process.pid, signal.SIGKILL)
        process.wait()

    server.hooks[point] = kill
    process.communicate(timeout=120)
    assert process.returncode == -signal.SIGKILL
    finish(work, server)
