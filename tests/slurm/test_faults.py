"""What happens to a training on Slurm when it, its computer, the controller or Snakemake is stopped."""

import re
import time
from pathlib import Path

import pytest
import torch

from tests.slurm.run import MODEL, SHORT, STATES, Driver, driver, job_log, jobs_of, wait_until_gone, write_profile

pytestmark = pytest.mark.slow


def saved(folder: Path) -> str:
    """Return after how many iterations the state is that a training has left."""
    (file,) = (folder / STATES).glob("*.pt")
    return str(torch.load(file, weights_only=True)["iteration"])


def continued(said: str) -> list[str]:
    """Return after how many iterations a training says that it went on."""
    return re.findall(r"continuing after (\d+) iterations", said)


def test_a_cancelled_training_is_queued_again_and_goes_on(cluster, short, same_as_uninterrupted):
    write_profile(short)
    with driver(cluster, short, MODEL) as run:
        first = run.until_training()
        assert not list((short / STATES).glob("*.pt"))
        cluster("scancel", first)
        run.until(lambda: f"SLURM-job '{first}' failed, SLURM status is: 'CANCELLED'" in run.said, "the news")
        assert not (short / MODEL).exists()
        iteration = saved(short)
        assert 0 < int(iteration) < SHORT["max_iter"]
        assert run.end() == 0, run.said[-5000:]
        first, second = run.jobs
    assert continued(job_log(short, second)) == [iteration]
    assert "MinMemoryNode=16000M" in cluster("scontrol", "show", "job", first)
    assert "MinMemoryNode=32000M" in cluster("scontrol", "show", "job", second), "it asks for more"
    same_as_uninterrupted(short)


def test_the_state_is_saved_before_the_time_is_over(cluster, endless):
    write_profile(endless)
    with driver(cluster, endless, MODEL) as run:
        first = run.until_training()
        # A minute is left, less than the signal's two; Slurm looks at times every half minute.
        cluster("scontrol", "update", f"jobid={first}", "timelimit=2")
        run.until(lambda: f"SLURM-job '{first}' failed" in run.said, "the news")
        assert not (endless / MODEL).exists()
        second = run.until_training(2)
        (iteration,) = set(re.findall(r"stopped by SIGTERM: the state after (\d+) iterations", run.said))
        assert continued(job_log(endless, second)) == [iteration]
        assert "DUE TO TIME LIMIT" not in job_log(endless, first), "it ended before Slurm had to end it"


def test_a_node_that_fails_and_a_training_that_goes_on_elsewhere(cluster, endless):
    write_profile(endless)
    with driver(cluster, endless, MODEL) as run:
        first = run.until_training()
        node = cluster("squeue", "--noheader", "--format=%N", f"--jobs={first}")
        cluster("scontrol", "update", f"nodename={node}", "state=down", "reason=test")
        try:
            run.until(lambda: f"SLURM-job '{first}' failed due to a node failure" in run.said, "the news")
            assert not (endless / MODEL).exists()
            second = run.until_training(2)
            assert cluster("squeue", "--noheader", "--format=%N", f"--jobs={second}") != node
        finally:
            cluster("scontrol", "update", f"nodename={node}", "state=resume")
        assert len(continued(job_log(endless, second))) == 1


def test_a_controller_that_is_away_for_a_while(cluster, short, same_as_uninterrupted):
    write_profile(short)
    with driver(cluster, short, MODEL) as run:
        job = run.until_training()
        cluster.stop_controller()
        time.sleep(15)
        assert run.process.poll() is None
        cluster.start_controller()
        assert run.end() == 0, run.said[-5000:]
        assert run.jobs == [job], "no second job"
    same_as_uninterrupted(short)


def test_too_little_memory_and_then_more(cluster, endless):
    write_profile(endless, {"set-resources": {"train_detector": {"mem_mb": "400 if attempt == 1 else 4000"}}})
    with driver(cluster, endless, MODEL) as run:
        run.until_training()
        first, second = run.jobs
        assert f"SLURM-job '{first}' failed" in run.said
        assert "exceeded memory limit" in job_log(endless, first)
        assert "MinMemoryNode=400M" in cluster("scontrol", "show", "job", first)
        assert "MinMemoryNode=4000M" in cluster("scontrol", "show", "job", second)


@pytest.mark.parametrize(
    ("partition", "settings"),
    [("main", {}), ("spare", {}), ("spare", {"slurm-no-requeue": None, "slurm-requeue": True})],
    ids=["by_requeue", "by_cancel", "by_cancel_though_slurm_may_queue_it_again"],
)
def test_one_that_is_pre_empted_is_queued_again_and_goes_on(cluster, endless, partition, settings):
    asked = {"set-resources": {"train_detector": {"slurm_partition": partition}}}
    write_profile(endless, settings | asked)
    with driver(cluster, endless, MODEL) as run:
        first = run.until_training()
        pre_empt(cluster)
        run.until(lambda: len(run.jobs) == 2, "a second job")
        assert "PREEMPTED" in cluster("scontrol", "show", "job", first)
        iteration = saved(endless)
        if partition == "main":
            second = run.until_training(2)
            assert continued(job_log(endless, second)) == [iteration]


def test_one_that_is_pre_empted_where_slurm_itself_queues_it_again(cluster, endless):
    write_profile(endless, {"slurm-no-requeue": None, "slurm-requeue": True})
    with driver(cluster, endless, MODEL) as run:
        job = run.until_training()
        pre_empt(cluster)
        run.until(lambda: cluster("squeue", "--noheader", "--format=%T", f"--jobs={job}") == "PENDING", "the queue", 60)
        cluster("scontrol", "update", f"jobid={job}", "starttime=now")  # by itself Slurm waits for two minutes
        run.until(lambda: continued(job_log(endless, job)), "it to go on")
        assert run.jobs == [job], "no second job"


def pre_empt(cluster) -> None:
    """Give the cluster a short job that takes all nodes, and takes precedence."""
    cluster("sbatch", "--partition=urgent", "--nodes=3", "--exclusive", "--output=/dev/null", "--wrap=sleep 3")


def test_a_second_run_at_once_is_refused(cluster, endless):
    write_profile(endless)
    with driver(cluster, endless, MODEL) as run:
        job = run.until_training()
        second = Driver(cluster, endless, MODEL)
        assert second.end() != 0
        assert "Directory cannot be locked" in second.said
        assert run.process.poll() is None
        assert jobs_of(cluster, endless) == [job]


@pytest.mark.parametrize("then", ["cancel", "wait"])
def test_a_killed_run_is_not_begun_again_beside_its_own_jobs(cluster, short, same_as_uninterrupted, then):
    write_profile(short)
    with driver(cluster, short, MODEL) as run:
        job = run.until_training()
        run.process.kill()
        run.process.wait()
        assert Driver(cluster, short, "--unlock").end() == 0
        again = Driver(cluster, short, MODEL)
        assert again.end() != 0
        assert f"left jobs in Slurm's queue: {job} (train_detector resnet18)" in again.said
        assert f"`scancel {job}`" in again.said
        assert jobs_of(cluster, short) == [job], "the job runs on, and no other was begun"

        if then == "cancel":
            cluster("scancel", job)
        wait_until_gone(cluster, short)
        iteration = saved(short)
        again = Driver(cluster, short, MODEL)
        assert again.end() == 0, again.said[-5000:]
    assert (int(iteration) < SHORT["max_iter"]) == (then == "cancel")
    assert all(continued(job_log(short, one)) == [iteration] for one in again.jobs), "nothing is trained twice"
    same_as_uninterrupted(short)
