"""The profile for Slurm, without Slurm: what it must say, and what nothing may say, so that no job is lost or doubled.

Why is in docs/slurm.md; what it does is shown by tests/slurm.
"""

import re

import pytest
import yaml


@pytest.fixture
def profile(root) -> dict:
    return yaml.safe_load((root / "slurm/config.yaml").read_text())


@pytest.fixture
def rules(root) -> str:
    return "\n".join(file.read_text() for file in [root / "Snakefile", *sorted((root / "rules").glob("*.smk"))])


def test_what_keeps_the_plugin_from_waiting_for_ever(profile):
    assert profile["executor"] == "slurm"
    assert profile["slurm-status-command"] == "squeue"
    assert profile["slurm-status-attempts"] >= 1000
    # Three times as long must not be over Slurm's own MinJobAge, 300 s, or the database is asked after all.
    assert 3 * profile["slurm-init-seconds-before-status-checks"] <= 200


def test_what_keeps_a_job_from_running_twice(profile, rules):
    assert profile["slurm-no-requeue"] is True
    assert profile["retries"] >= 1
    assert not re.search(r"^\s*retries:", rules, re.MULTILINE)
    assert not [key for key in profile if "array" in key]
    assert profile["latency-wait"] >= 60


def test_what_a_job_asks_for(profile, rules):
    default = profile["default-resources"]
    assert default["nodes"] == 1
    assert default["slurm_account"]
    assert "--signal=TERM@" in default["slurm_extra"]
    assert not re.search(r"\bgpus\s*=", rules)
    for rule, resources in profile["set-resources"].items():
        assert re.search(rf"^ *rule {rule}:", rules, re.MULTILINE), f"there is no rule {rule}"
        assert "gpus" not in resources


def test_no_other_profile_takes_its_resources_away(root):
    (default,) = (root / "profiles/default").iterdir()
    assert "default-resources" not in yaml.safe_load(default.read_text())
