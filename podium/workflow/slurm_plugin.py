"""Two faults of Snakemake's Slurm plugin that make it wait for ever, mended from outside. Found in version 2.8.0.

Each is caused for real in tests/slurm: what a later version has mended itself can go.
"""

import sys


def mend_slurm_plugin(settings: object) -> None:
    """Let the plugin survive a controller that is away, and learn that a pre-empted job is gone.

    - Before each look at the queue it asks the controller for MinJobAge. Without an answer it takes the accounting
      database for the queue from then on, which many a site does not have. The first answer is good for the whole run.
    - A job that was pre-empted counts as running, for Slurm may run it again. It does so with --requeue alone; without,
      the job is as good as cancelled.

    Parameters
    ----------
    settings
        The executor's; nothing is done where it is another than Slurm.
    """
    plugin = sys.modules.get("snakemake_executor_plugin_slurm")
    if plugin is None or not isinstance(settings, plugin.ExecutorSettings):
        return
    ask_age, ask_status, known = plugin.get_min_job_age, plugin.query_job_status, []

    def get_min_job_age() -> int | None:
        if not known and (age := ask_age()) is not None:
            known.append(age)
        return known[0] if known else None

    async def query_job_status(command: str, logger: object) -> tuple[dict[str, str] | None, float | None]:
        status, seconds = await ask_status(command, logger)
        if status and not settings.requeue:
            status = {job: "CANCELLED" if state == "PREEMPTED" else state for job, state in status.items()}
        return status, seconds

    get_min_job_age()
    plugin.get_min_job_age, plugin.query_job_status = get_min_job_age, query_job_status
