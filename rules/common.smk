"""What all rules share: the checked configuration, the folders, and how settings and code become params."""

import sys

sys.path.insert(0, workflow.basedir)

from snakemake.exceptions import WorkflowError

from podium.config.load import check_competition
from podium.errors import PodiumError
from podium.workflow.fingerprint import fingerprint
from podium.workflow.plan import Plan, settings_json, share_with_scripts
from podium.workflow.summary import summarise

share_with_scripts(workflow.basedir)
try:
    COMPETITION = check_competition(config, workflow.configfiles)
except PodiumError as error:
    raise WorkflowError(str(error)) from None

PLAN = Plan(COMPETITION)
DATA, RESULTS, SUBMISSIONS = PLAN.data, PLAN.results, PLAN.submissions
DIGEST = PLAN.digest
LOGS = f"{RESULTS}/logs"


wildcard_constraints:
    experiment="[A-Za-z0-9][A-Za-z0-9_-]*",
    station="detection|instances",
    training="detection|segmentation",
    split="val|test|submission",
