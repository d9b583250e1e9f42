"""Running the workflow as a user does, in a folder of the test's own."""

import json
import re
import subprocess
import sys
from pathlib import Path

import yaml

from podium.config.load import merge

ROOT = Path(__file__).parents[2]

# The demo competition with few images and few iterations: what is run is the whole chain all the same.
TINY = {
    "name": "tiny",
    "source": {"train_images": 24, "test_images": 4, "size": 96},
    "detection": {
        "resnet18": {
            "input": {"min_size_train": [96], "min_size_test": 96},
            "solver": {"max_iter": 4, "eval_period": 2, "checkpoint_period": 1},
        }
    },
    "segmentation": {"unet": {"solver": {"max_iter": 4, "eval_period": 2, "checkpoint_period": 1}}},
    "submission": {"solution": "data/tiny/solution.csv"},
}


def configure(folder: Path, changes: dict | None = None, **sections: dict) -> None:
    """Write competition.yaml: the demo's, the tiny settings and changes laid over it, whole sections replaced."""
    raw = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    del raw["ablations"]  # tests that need some have smaller ones
    raw = merge(merge(raw, TINY), changes or {}) | sections
    (folder / "competition.yaml").write_text(yaml.safe_dump(raw))


def command(*arguments: str) -> list[str]:
    return [
        *(sys.executable, "-m", "snakemake", "--snakefile", str(ROOT / "Snakefile")),
        *("--workflow-profile", str(ROOT / "profiles/default")),
        *arguments,
        *("--configfile", "competition.yaml"),
    ]


def snakemake(folder: Path, *arguments: str) -> subprocess.CompletedProcess:
    """Run Snakemake in a folder that holds competition.yaml; standard error goes into standard output."""
    return subprocess.run(
        command("--cores", "1", *arguments),
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=900,
    )


def planned(folder: Path) -> dict[str, int]:
    """Return how many jobs of each rule would run, `all` left out."""
    done = snakemake(folder, "--dry-run")
    assert done.returncode == 0, done.stdout
    if "Nothing to be done" in done.stdout:
        return {}
    table = done.stdout.split("Job stats:")[-1].split("total")[0]
    jobs = {rule: int(count) for rule, count in re.findall(r"^(\w+) +(\d+)$", table, re.MULTILINE)}
    jobs.pop("all", None)
    return jobs


def read(path: Path) -> object:
    return json.loads(path.read_text())
