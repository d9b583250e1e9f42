"""Jobs that a killed run left in the queue; on a real Slurm in tests/slurm."""

import pytest

from podium.errors import PodiumError
from podium.workflow.queue import refuse_jobs_left


@pytest.fixture
def queue(tmp_path, monkeypatch):
    """Put a squeue on the path that prints these lines and ends with this status."""
    commands = tmp_path / "bin"
    commands.mkdir()
    monkeypatch.setenv("PATH", str(commands), prepend=":")

    def write(*lines: str, status: int = 0) -> None:
        script = commands / "squeue"
        script.write_text("\n".join(["#!/bin/sh", *(f"echo '{line}'" for line in lines), f"exit {status}"]))
        script.chmod(0o755)

    return write


def lock(folder, *numbers):
    locks = folder / ".snakemake/locks"
    locks.mkdir(parents=True)
    for number in numbers:
        (locks / f"{number}.output.lock").touch()
        (locks / f"{number}.input.lock").touch()


def test_jobs_of_this_folder_are_named(queue, tmp_path):
    lock(tmp_path, 0)
    queue(f"7|rule_train_detector_wildcards_big|{tmp_path}", f"8|rule_dataset|{tmp_path}")
    with pytest.raises(PodiumError) as raised:
        refuse_jobs_left(tmp_path, submits=True)
    assert "7 (train_detector big), 8 (dataset)" in str(raised.value)
    assert "`scancel 7 8`" in str(raised.value)


@pytest.mark.parametrize(
    "line",
    ["7|rule_train_detector|/somewhere/else", "7|(null)|{folder}", "7|a note of mine|{folder}"],
    ids=["another folder", "no comment", "not Snakemake's"],
)
def test_other_jobs_are_no_hindrance(queue, tmp_path, line):
    lock(tmp_path, 0)
    queue(line.format(folder=tmp_path))
    refuse_jobs_left(tmp_path, submits=True)


def test_nor_are_those_of_another_run_whose_lock_is_there(queue, tmp_path):
    """Snakemake lets it run beside this one because it makes other files: another competition's."""
    lock(tmp_path, 0, 1)
    queue(f"7|rule_train_detector_wildcards_big|{tmp_path}")
    refuse_jobs_left(tmp_path, submits=True)


def test_a_controller_that_does_not_answer_is_said(queue, tmp_path, caplog):
    queue(status=1)
    refuse_jobs_left(tmp_path, submits=True)
    assert "squeue does not answer" in caplog.text
    caplog.clear()
    refuse_jobs_left(tmp_path, submits=False)
    assert caplog.text == "", "it may not be running at all"


def test_without_slurm_nothing_is_asked(tmp_path, monkeypatch, caplog):
    monkeypatch.setenv("PATH", str(tmp_path))
    refuse_jobs_left(tmp_path, submits=True)
    assert caplog.text == ""
