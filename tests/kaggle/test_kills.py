"""The script of the rule `upload`, killed between every two of its steps and run again: one upload, one row."""

import os
import runpy
import signal
import subprocess
import sys
from collections import Counter
from pathlib import Path
from types import SimpleNamespace

import pytest

from podium.files import read_json, write_json
from podium.submission import kaggle
from podium.submission.ledger import read_ledger
from tests.workflow.run import ROOT

pytestmark = pytest.mark.slow

INPUTS = {"csv": "s/a.csv", "check": "s/a.check.json", "validation": "metrics.val.json"}
SETTINGS = '{"competition":"cells","code_competition":false,"message":"m","metric":"dice"}'


@pytest.fixture
def work(tmp_path):
    (tmp_path / "s").mkdir()
    (tmp_path / "s" / "a.csv").write_text("ImageId,EncodedPixels\na,1 1\n")
    write_json(tmp_path / "metrics.val.json", {"scores": {"dice": {"mean": 0.5}}})
    return tmp_path


def run(work: Path, step: int | None = None) -> subprocess.Popen:
    """Start the script; it is killed before its `step`-th start of a command or renaming of a file, from 1."""
    command = [sys.executable, __file__, str(step or 0)]
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


def test_killed_before_each_step(server, work):
    """All steps of one run: each is killed once, all in the same folder, so that each goes on where the last ended."""
    ends = Counter()
    for step in range(1, 40):
        process = run(work, step)
        process.communicate(timeout=120)
        ends[process.returncode] += 1
        assert len(server.submissions) <= 1
        if process.returncode == 0:
            break
    assert set(ends) == {0, -signal.SIGKILL}
    finish(work, server)


@pytest.mark.parametrize("step", range(3, 11))
def test_killed_once_and_run_again(server, work, step):
    """Before the limit is asked (2) and after: each command that is run and each file that is written, until the end."""
    process = run(work, step)
    process.communicate(timeout=120)
    assert process.returncode in (-signal.SIGKILL, 0)
    finish(work, server)


@pytest.mark.parametrize("point", ["StartSubmissionUpload", "PUT", "CreateSubmission", "CreateSubmission done"])
@pytest.mark.parametrize("whole", [True, False], ids=["all", "script"])
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


def main() -> None:
    step, count = int(sys.argv[1]), 0

    def watch(event: str, arguments: tuple) -> None:
        nonlocal count
        if event in ("subprocess.Popen", "os.rename"):
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    kaggle.SETTLING = (0, 0.5)
    named = type("Named", (SimpleNamespace,), {"get": lambda self, name: getattr(self, name, None)})
    wildcards = {"experiment": "a"}
    given = SimpleNamespace(
        input=named(**INPUTS),
        output=SimpleNamespace(upload="s/a.upload.json"),
        log=["results/logs/upload.a.log"],
        params=SimpleNamespace(settings=SETTINGS, code="c"),
        wildcards=SimpleNamespace(**wildcards, items=wildcards.items),
        resources={},
        threads=1,
        rule="upload",
    )
    sys.addaudithook(watch)
    runpy.run_path(str(ROOT / "scripts/upload.py"), init_globals={"snakemake": given}, run_name="__main__")


if __name__ == "__main__":
    main()
