"""A site with an accounting database, which the profile asks nothing: what happens while it is away."""

import time

import pytest

from tests.slurm.run import MODEL, driver, write_profile

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("accounting")]


def test_without_its_accounting_database_all_goes_on_and_nothing_is_forgotten(accounted, brief):
    write_profile(brief)
    accounted.stop_accounting()
    try:
        assert "Connection refused" in accounted("sacct", "--allusers", check=False, errors=True)
        with driver(accounted, brief, MODEL) as run:
            assert run.end() == 0, run.said[-5000:]
        (job,) = run.jobs
    finally:
        accounted.start_accounting()
    deadline = time.monotonic() + 60
    asked = ("sacct", "--noheader", "--allocations", "--parsable2", "--format=account,state", f"--jobs={job}")
    while (told := accounted(*asked, check=False)) != "default|COMPLETED":
        assert time.monotonic() < deadline, told
        time.sleep(0.5)


def test_an_account_that_does_not_exist_is_said_at_once(accounted, brief):
    write_profile(brief, {"default-resources": {"slurm_account": "unknown"}, "retries": 0})
    with driver(accounted, brief, MODEL) as run:
        assert run.end() != 0
        assert "The given account unknown appears to be invalid. Available accounts:" in run.said
        assert run.jobs == []
