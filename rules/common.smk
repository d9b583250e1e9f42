"""What all rules share: the checked configuration, the folders, and how settings and code become params."""

import os
import sys

sys.path.insert(0, workflow.basedir)
# Scripts import podium from this checkout, installed or not.
os.environ["PYTHONPATH"] = os.pathsep.join(
    [workflow.basedir, *filter(None, [os.environ.get("PYTHONPATH")])]
)

from snakemake.exceptions import WorkflowError

from podium.config.load import check_competition
from podium.errors import PodiumError
from podium.workflow.fingerprint import fingerprint
from podium.workflow.plan import settings_json

try:
    COMPETITION = check_competition(config, workflow.configfiles)
except PodiumError as error:
    raise WorkflowError(str(error)) from None

DATA = f"data/{COMPETITION.name}"
RESULTS = f"results/{COMPETITION.name}"
SUBMISSIONS = f"submissions/{COMPETITION.name}"
LOGS = f"{RESULTS}/logs"
DIGEST = f"{DATA}/dataset/digest.txt"


wildcard_constraints:
    experiment="[A-Za-z0-9][A-Za-z0-9_-]*",
    station="detection|instances",
    split="val|test|submission",


def split_file(wildcards, station):
    """The split of the fold that an experiment is trained on."""
    experiment = getattr(COMPETITION, station)[wildcards.experiment]
    if station == "instances":
        experiment = COMPETITION.detection[experiment.detection]
    return f"{DATA}/splits/{experiment.fold}.json"
