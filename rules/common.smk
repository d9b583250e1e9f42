"""What all rules share: the checked configuration, the folders, and how settings and code become params."""

import sys

sys.path.insert(0, workflow.basedir)

from snakemake.exceptions import WorkflowError
from snakemake.logging import logger

from podium.config.load import check_competition
from podium.errors import PodiumError
from podium.files import read_json
from podium.workflow.fingerprint import environment, fingerprint
from podium.workflow.plan import Plan, settings_json, share_with_scripts
from podium.workflow.queue import refuse_jobs_left
from podium.workflow.slurm_plugin import mend_slurm_plugin, submits_to_slurm
from podium.workflow.records import keep_records, restore_records
from podium.workflow.summary import summarise
from podium.workflow.why import remember_code

share_with_scripts(workflow.basedir)
try:
    COMPETITION = check_competition(config, workflow.configfiles)
except PodiumError as error:
    raise WorkflowError(str(error)) from None

PLAN = Plan(COMPETITION)
if workflow.is_main_process:
    for notice in PLAN.notices():
        logger.warning(notice)
DATA, RESULTS, SUBMISSIONS = PLAN.data, PLAN.results, PLAN.submissions
DIGEST = PLAN.digest
SUBMISSION = COMPETITION.submission
LOGS = f"{RESULTS}/logs"
restore_records(DIGEST, RESULTS)


def grown(megabytes):
    """Return a job's memory: a job that is tried again, perhaps because it had too little, asks for more."""
    return lambda wildcards, attempt: megabytes * attempt


wildcard_constraints:
    experiment="[A-Za-z0-9][A-Za-z0-9_-]*",
    station="detection|instances",
    training="detection|segmentation",
    ablation="[A-Za-z0-9][A-Za-z0-9_-]*",
    split="val|test|submission",
