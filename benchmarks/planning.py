"""What planning costs: seconds and memory of `snakemake -n`, against a workflow of one empty rule, in one run.

    python benchmarks/planning.py                          the demo competition, finished
    python benchmarks/planning.py --experiments 10 100 500   that many detection experiments, each on five folds

Nothing is trained: outputs are empty files that Snakemake is told to take for finished (`--touch`). The contenders take
turns; printed is the median of the turns, and their range.
"""

import argparse
import os
import re
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import yaml

ROOT = Path(__file__).parents[1]
EMPTY = "rule all:\n    output: 'x.txt'\n    shell: 'touch {output}'\n"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--experiments", type=int, nargs="*", default=[], help="sizes of the competitions to plan")
    parser.add_argument("--folds", type=int, default=5)
    parser.add_argument("--turns", type=int, default=5, help="turns of the finished demo")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        demo(Path(folder), asked.turns)
        for number in asked.experiments:
            many(Path(folder) / str(number), number, asked.folds)


def demo(folder: Path, turns: int) -> None:
    """The finished demo against an empty workflow. The goal: 1.5 times its seconds and 0.01 s for each job."""
    ours, empty = folder / "ours", folder / "empty"
    empty.mkdir()
    (empty / "Snakefile").write_text(EMPTY)
    (empty / "x.txt").touch()
    ours.mkdir()
    configured(ours, yaml.safe_load((ROOT / "config/demo.yaml").read_text()))
    jobs = finish(ours)
    times = {"empty": [], "ours": []}
    for turn in range(turns + 1):
        seconds = {"empty": timed(empty, [])[0], "ours": timed(ours, project())[0]}
        if turn:  # the first one fills caches
            for name, each in seconds.items():
                times[name].append(each)
    medians = {name: statistics.median(each) for name, each in times.items()}
    for name, each in times.items():
        print(f"{name}: {medians[name]:.2f} s ({min(each):.2f} to {max(each):.2f})")
    print(f"goal for {jobs} jobs: {1.5 * medians['empty'] + 0.01 * jobs:.2f} s", flush=True)


def many(folder: Path, experiments: int, folds: int) -> None:
    """A competition of many experiments, before anything is made."""
    folder.mkdir()
    raw = yaml.safe_load((ROOT / "config/demo.yaml").read_text())
    detector = raw["detection"]["resnet18"]
    raw |= {"splits": {**raw["splits"], "folds": folds, "test": 0.0}, "segmentation": {}, "instances": {}}
    raw |= {"submission": None, "detection": {}, "ablations": {}}
    for number in range(experiments):
        for fold in range(folds):
            solver = {**detector["solver"], "base_lr": 0.001 + number * 1e-6}
            raw["detection"][f"e{number}-f{fold}"] = {**detector, "solver": solver, "fold": fold}
    configured(folder, raw)
    seconds, processor, memory = timed(folder, project())
    jobs = len(planned_outputs(folder))
    print(
        f"{experiments} experiments, {folds} folds, {jobs} jobs: {seconds:.1f} s, of a processor "
        f"{processor:.1f} s, {1000 * processor / jobs:.2f} ms a job; {memory / 2**20:.0f} MiB",
        flush=True,
    )


def configured(folder: Path, raw: dict) -> None:
    (folder / "competition.yaml").write_text(yaml.safe_dump(raw))


def project() -> list[str]:
    profile = ["--workflow-profile", str(ROOT / "profiles/default")]
    return ["--snakefile", str(ROOT / "Snakefile"), *profile, "--configfile", "competition.yaml"]


def finish(folder: Path) -> int:
    """Make empty outputs and have them taken for finished; returns the number of jobs."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", *project()]
    outputs = planned_outputs(folder)
    # A directory that is told to have been made is one.
    for line in outputs:
        for name in line.split(", "):
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.mkdir() if path.name in ("images", "share") else path.touch()
    subprocess.run([*command, "--touch", "--forceall", "--no-hooks"], cwd=folder, capture_output=True, check=True)
    assert not planned_outputs(folder)
    return len(outputs)


def planned_outputs(folder: Path) -> list[str]:
    """Return the line of outputs of each job that would run."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", *project()]
    said = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=True)
    return re.findall(r"^\s+output: (.*)$", said.stdout + said.stderr, re.MULTILINE)


def timed(folder: Path, arguments: list[str]) -> tuple[float, float, int]:
    """Return seconds, seconds of a processor, and the most bytes of memory of a dry run."""
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--dry-run", "--quiet", "all", *arguments]
    began = time.monotonic()
    process = subprocess.Popen(command, cwd=folder, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    assert status == 0
    memory = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
    return time.monotonic() - began, usage.ru_utime + usage.ru_stime, memory


if __name__ == "__main__":
    main()
