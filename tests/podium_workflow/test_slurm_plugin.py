"""The mended Slurm plugin, without Slurm; with one in tests/slurm."""

import asyncio
import sys
from types import SimpleNamespace

import pytest
import snakemake_executor_plugin_slurm as plugin

from podium.workflow.slurm_plugin import mend_slurm_plugin


@pytest.fixture
def answers(monkeypatch):
    """What the controller will say: its MinJobAge at each question, and the states of jobs."""
    answers = SimpleNamespace(ages=[], states={})

    async def states(command, logger):
        return answers.states, 0.1

    monkeypatch.setattr(plugin, "get_min_job_age", lambda: answers.ages.pop(0))
    monkeypatch.setattr(plugin, "query_job_status", states)
    return answers


def settings(**values: bool):
    return plugin.ExecutorSettings(status_command="squeue", **values)


def test_the_age_is_known_while_the_controller_is_away(answers):
    answers.ages = [300, None]
    mend_slurm_plugin(settings())
    assert [plugin.get_min_job_age(), plugin.get_min_job_age()] == [300, 300]


def test_an_age_that_was_asked_for_in_vain_is_asked_for_again(answers):
    answers.ages = [None, None, 300]
    mend_slurm_plugin(settings())
    assert [plugin.get_min_job_age(), plugin.get_min_job_age()] == [None, 300]


@pytest.mark.parametrize(("requeue", "expected"), [(False, "CANCELLED"), (True, "PREEMPTED")])
def test_a_pre_empted_job_is_gone_unless_slurm_runs_it_again(answers, requeue, expected):
    answers.ages, answers.states = [300], {"1": "PREEMPTED", "2": "RUNNING"}
    mend_slurm_plugin(settings(requeue=requeue))
    found, seconds = asyncio.run(plugin.query_job_status("squeue", None))
    assert found == {"1": expected, "2": "RUNNING"}
    assert seconds == 0.1


def test_a_question_without_an_answer_stays_one(answers):
    answers.ages, answers.states = [300], None
    mend_slurm_plugin(settings())
    assert asyncio.run(plugin.query_job_status("squeue", None))[0] is None


def test_other_executors_are_left_alone(answers, monkeypatch):
    before = plugin.get_min_job_age
    mend_slurm_plugin(None)
    assert plugin.get_min_job_age is before
    monkeypatch.delitem(sys.modules, "snakemake_executor_plugin_slurm")
    mend_slurm_plugin(settings())
