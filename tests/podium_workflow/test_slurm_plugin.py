"""The mended Slurm plugin, without Slurm; with one in tests/slurm."""

import asyncio
import sys
import tomllib
from importlib import metadata
from types import SimpleNamespace

import pytest
import snakemake_executor_plugin_slurm as plugin

from podium.workflow.slurm_plugin import mend_slurm_plugin

PAUSE = "next_seconds_between_status_checks"


@pytest.fixture
def answers(monkeypatch):
    """What the controller will say: its MinJobAge at each question, and the states of jobs."""
    answers = SimpleNamespace(ages=[], states={})

    async def states(command, logger):
        return answers.states, 0.1

    monkeypatch.setattr(plugin, "get_min_job_age", lambda: answers.ages.pop(0))
    monkeypatch.setattr(plugin, "query_job_status", states)
    monkeypatch.setattr(plugin.Executor, PAUSE, getattr(plugin.RemoteExecutor, PAUSE))
    return answers


def settings(**values: object):
    return plugin.ExecutorSettings(status_command="squeue", **values)


def test_the_age_is_known_while_the_controller_is_away(answers):
    answers.ages = [300, None]
    mend_slurm_plugin(settings())
    assert [plugin.get_min_job_age(), plugin.get_min_job_age()] == [300, 300]


def test_an_age_that_was_asked_for_in_vain_is_asked_for_again(answers):
    answers.ages = [None, None, 300]
    mend_slurm_plugin(settings())
    assert [plugin.get_min_job_age(), plugin.get_min_job_age()] == [None, 300]


@pytest.mark.parametrize(
    ("command", "requeue", "expected"),
    [
        ("squeue", False, "CANCELLED"),
        ("squeue", True, "CANCELLED"),
        ("sacct", False, "CANCELLED"),
        ("sacct", True, "PREEMPTED"),
    ],
)
def test_a_pre_empted_job_is_gone_unless_slurm_may_run_it_again(answers, command, requeue, expected):
    answers.ages, answers.states = [300], {"1": "PREEMPTED", "2": "RUNNING"}
    mend_slurm_plugin(settings(requeue=requeue))
    query = {"squeue": plugin.query_job_status_squeue, "sacct": plugin.query_job_status_sacct}[command]("run")
    found, seconds = asyncio.run(plugin.query_job_status(query, None))
    assert found == {"1": expected, "2": "RUNNING"}
    assert seconds == 0.1


def test_a_question_without_an_answer_stays_one(answers):
    answers.ages, answers.states = [300], None
    mend_slurm_plugin(settings())
    assert asyncio.run(plugin.query_job_status("squeue", None))[0] is None


@pytest.mark.parametrize(("first", "asked", "pause"), [(10, 180, 20), (10, 10, 10), (40, 180, 40)])
def test_the_queue_is_looked_at_often_enough(answers, first, asked, pause):
    answers.ages = [300]
    mend_slurm_plugin(settings(init_seconds_before_status_checks=first))
    executor = object.__new__(plugin.Executor)
    executor.next_seconds_between_status_checks = asked
    assert executor.next_seconds_between_status_checks == pause


def test_the_faults_are_in_the_version_that_is_pinned(root):
    """With another version this may fail: then each mend goes, where tests/slurm passes without it."""
    dependencies = tomllib.loads((root / "pyproject.toml").read_text())["project"]["dependencies"]
    for package in ("snakemake-executor-plugin-slurm", "snakemake-executor-plugin-slurm-jobstep"):
        assert f"{package}=={metadata.version(package)}" in dependencies
    check = plugin.Executor.check_active_jobs.__code__
    assert {"get_min_job_age", "query_job_status"} <= set(check.co_names), "the names that are replaced are used"
    assert 180 in check.co_consts, "the longest pause"
    (failed,) = (each for each in check.co_consts if isinstance(each, tuple) and "NODE_FAIL" in each)
    assert "PREEMPTED" in check.co_consts
    assert "PREEMPTED" not in failed


def test_other_executors_are_left_alone(answers, monkeypatch):
    before = plugin.get_min_job_age
    mend_slurm_plugin(None)
    assert plugin.get_min_job_age is before
    monkeypatch.delitem(sys.modules, "snakemake_executor_plugin_slurm")
    mend_slurm_plugin(settings())
