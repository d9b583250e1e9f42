"""What a cluster costs: the wall time of a competition on a Slurm with enough slots, and how often Slurm is asked.

    python benchmarks/cluster_overhead.py [COMPETITION.yaml]       the wall time; of the demo, without an argument
    python benchmarks/cluster_overhead.py --waiting 1 20 200       the questions of a run with that many waiting jobs

Starts a Slurm on this computer (tests/slurm/cluster.py: root, Linux, Debian's packages) and takes the project's own
profile, slurm/, as it is. The critical path is the longest chain of work that needs each other's files: in seconds that
the scripts themselves took (provenance), and that their jobs took. A level is a job of Slurm's on that path; a group is
one job. Goal: the wall time is at most the path's, and 30 s for each level.
"""

import argparse
import collections
import csv
import importlib.util
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from datetime import datetime
from functools import cache
from pathlib import Path

ROOT = Path(__file__).parents[1]

# `tests` is no package that can be imported from everywhere.
_spec = importlib.util.spec_from_file_location("cluster", ROOT / "tests/slurm/cluster.py")
cluster = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(cluster)

# More than the nodes have: jobs that wait for ever.
WAITING = """
import sys
sys.path.insert(0, config["root"])
from podium.workflow.slurm_plugin import mend_slurm_plugin
onstart: mend_slurm_plugin(workflow.executor_settings)
rule all:
    input: expand("{number}.txt", number=range(int(config["number"])))
rule wait:
    output: "{number}.txt"
    shell: "touch {output}"
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("competition", nargs="?", type=Path, default=ROOT / "config/demo.yaml")
    parser.add_argument("--waiting", type=int, nargs="*", default=[], help="numbers of jobs to wait")
    parser.add_argument("--seconds", type=int, default=180, help="how long their questions are counted")
    asked = parser.parse_args()
    if reason := cluster.why_not():
        sys.exit(reason)
    folder = Path(tempfile.mkdtemp(prefix="slurm", dir="/tmp"))  # a short name: sockets lie in it
    work = Path(tempfile.mkdtemp(prefix="competition"))
    try:
        with cluster.running_cluster(folder) as slurm:
            if asked.waiting:
                for name in cluster.NODES:
                    slurm("scontrol", "update", f"nodename={name}", "state=drain", "reason=benchmark")
                for number in asked.waiting:
                    print(questions(slurm, work / str(number), number, asked.seconds), flush=True)
            else:
                print(overhead(slurm, work / "run", asked.competition), flush=True)
    finally:
        shutil.rmtree(work)


def overhead(slurm: "cluster.Cluster", folder: Path, competition: Path) -> str:
    """Run a competition to its end; compare its wall time with its critical path."""
    folder.mkdir()
    shutil.copy(competition, folder / "competition.yaml")
    shutil.copytree(ROOT / "slurm", folder / "slurm")
    files = ["--snakefile", ROOT / "Snakefile", "--workflow-profile", ROOT / "profiles/default"]
    command = [sys.executable, "-m", "snakemake", *files]
    options = {"cwd": folder, "env": slurm.environment, "capture_output": True, "text": True}
    began = time.monotonic()
    # The nodes claim more processors than there are.
    asked = ["--profile", "slurm", "--max-threads", "1", "--configfile", "competition.yaml"]
    done = subprocess.run([*command, *asked], **options)
    wall = time.monotonic() - began
    if done.returncode:
        sys.exit(done.stderr[-5000:])
    command += ["--cores", "1", "--detailed-summary", "--configfile", "competition.yaml"]
    table = subprocess.run(command, check=True, **options).stdout
    path = critical_path(folder, table)
    numbers, times = submissions(folder), job_seconds(slurm)
    work = sum(path.values())
    queued = {numbers[job] for job in path if job in numbers}
    jobs = sum(seconds for job, seconds in path.items() if job not in numbers) + sum(times[each] for each in queued)
    lines = [f"{seconds:8.1f} s  {name}" for name, seconds in path.items()]
    levels = len(queued)
    lines.append(f"critical path: {work:.0f} s of work, {jobs:.0f} s of jobs, {levels} levels; wall time: {wall:.0f} s")
    for what, seconds in (("work", work), ("job", jobs)):
        lines.append(f"a level costs {(wall - seconds) / levels:.1f} s besides its {what}")
    return "\n".join(lines)


def critical_path(folder: Path, table: str) -> dict[str, float]:
    """Return the seconds of the work on the longest chain of a finished competition, by the names of the logs."""
    made, needs = {}, collections.defaultdict(set)
    for row in csv.DictReader(table.splitlines(), delimiter="\t"):
        job = Path(row["log-file(s)"]).stem
        made[row["output_file"]] = job
        needs[job].update(row["input-file(s)"].split(","))
    provenance = {file.stem: json.loads(file.read_text()) for file in folder.glob("results/*/provenance/*.json")}

    @cache
    def longest(job: str) -> tuple[float, tuple[str, ...]]:
        before = {made[file] for file in needs[job] if file in made}
        seconds, chain = max(map(longest, before), default=(0.0, ()))
        return seconds + provenance[job]["seconds"], (*chain, job)

    _, chain = max(map(longest, needs))
    return {job: provenance[job]["seconds"] for job in chain}


def submissions(folder: Path) -> dict[str, str]:
    """Return the number of the Slurm job that each job was done in, by its log's name, where it was done in one."""
    printed = (folder / ".snakemake/slurm_logs").rglob("*.log")
    logs = re.compile(r"^\s+log: (\S+)", re.MULTILINE)
    return {Path(log).stem: file.stem for file in printed for log in logs.findall(file.read_text())}


def job_seconds(slurm: "cluster.Cluster") -> dict[str, float]:
    """Return how long each job of the cluster ran, by its number."""
    found = re.findall(r"JobId=(\d+) .*StartTime=(\S+) EndTime=(\S+)", (slurm.folder / "completed").read_text())
    return {
        number: (datetime.fromisoformat(end) - datetime.fromisoformat(start)).total_seconds()
        for number, start, end in found
    }


def questions(slurm: "cluster.Cluster", folder: Path, number: int, seconds: int) -> str:
    """Give Slurm so many jobs, and count what it is asked from then on, and what it was asked to take them."""
    folder.mkdir()
    (folder / "Snakefile").write_text(WAITING)
    shutil.copytree(ROOT / "slurm", folder / "slurm")
    calls = slurm.folder / "calls"
    calls.write_text("")
    command = [sys.executable, "-m", "snakemake", "--profile", "slurm", "--jobs", str(number)]
    command += ["--config", f"number={number}", f"root={ROOT}"]
    with (folder / "said").open("w") as said:
        run = subprocess.Popen(
            command, cwd=folder, env=slurm.environment, stdout=said, stderr=said, start_new_session=True
        )
    began = time.monotonic()
    while (folder / "said").read_text().count("has been submitted") < number:
        if run.poll() is not None:
            sys.exit((folder / "said").read_text()[-5000:])
        time.sleep(0.2)
    took = time.monotonic() - began
    submitting = _counted(calls)
    calls.write_text("")
    time.sleep(seconds)
    waiting = _counted(calls)
    os.killpg(run.pid, signal.SIGINT)
    run.wait()
    minutes = {name: round(count * 60 / seconds, 1) for name, count in waiting.items()}
    return f"{number} jobs: submitted in {took:.0f} s by {submitting}; then, a minute: {minutes}"


def _counted(calls: Path) -> dict[str, int]:
    return dict(collections.Counter(line.split()[1] for line in calls.read_text().splitlines()))


if __name__ == "__main__":
    main()
