"""Faults of Snakemake's Slurm plugin that make it wait for ever, or too long, mended from outside.

Found in version 2.8.0, which pyproject.toml therefore names exactly. Each is caused for real in tests/slurm: what a
later version has mended itself can go.
"""

import sys

PLUGIN = "snakemake_executor_plugin_slurm"

# Seconds between two looks at the queue, at most: so late an ended job is noticed. It is one squeue for all jobs.
LONGEST_PAUSE = 20


def submits_to_slurm(settings: object) -> bool:
    """Whether a run with these settings of its executor gives its jobs to Slurm."""
    return PLUGIN in sys.modules and isinstance(settings, sys.modules[PLUGIN].ExecutorSettings)


def mend_slurm_plugin(settings: object) -> None:
    """Let the plugin survive a controller that is away, and learn soon that a job has ended, or was pre-empted.

    - Before each look at the queue it asks the controller for MinJobAge. Without an answer it takes the accounting
      database for the queue from then on, which many a site does not have. The first answer is good for the whole run.
    - A job that was pre-empted counts as running, for Slurm may run it again. Where it does, squeue has the job as
      pending at once; where squeue has it as pre-empted, it is gone for good. The accounting database does not tell one
      from the other, but without --requeue it is gone, too.
    - Each look at the queue that finds nothing new makes the next pause 10 s longer, up to 180 s, which every job of a
      chain would wait through after a long one: at most LONGEST_PAUSE here, or what the profile says for the first.

    Parameters
    ----------
    settings
        The executor's; nothing is done where it is another than Slurm.
    """
    if not submits_to_slurm(settings):
        return
    plugin = sys.modules[PLUGIN]
    ask_age, ask_status, known = plugin.get_min_job_age, plugin.query_job_status, []

    def get_min_job_age() -> int | None:
        if not known and (age := ask_age()) is not None:
            known.append(age)
        return known[0] if known else None

    async def query_job_status(command: str, logger: object) -> tuple[dict[str, str] | None, float | None]:
        status, seconds = await ask_status(command, logger)
        if status and ("squeue" in command or not settings.requeue):
            status = {job: "CANCELLED" if state == "PREEMPTED" else state for job, state in status.items()}
        return status, seconds

    pause = plugin.RemoteExecutor.next_seconds_between_status_checks

    def set_pause(executor: object, seconds: float) -> None:
        pause.fset(executor, min(seconds, max(LONGEST_PAUSE, settings.init_seconds_before_status_checks)))

    get_min_job_age()
    plugin.Executor.next_seconds_between_status_checks = pause.setter(set_pause)
    plugin.get_min_job_age, plugin.query_job_status = get_min_job_age, query_job_status
