"""Runs the script of the rule `upload` as Snakemake would, in the working folder: `python upload.py STEP`.

It is killed before its STEP-th start of a command or renaming of a file; 0: never.
"""

import os
import runpy
import signal
import sys
from pathlib import Path
from types import SimpleNamespace

from podium.submission import kaggle

INPUTS = {"csv": "s/a.csv", "check": "s/a.check.json", "validation": "s/a.validation.json"}
SETTINGS = '{"competition":"cells","code_competition":false,"message":"m","metric":"dice"}'


class Named(SimpleNamespace):
    """Snakemake's lists of files by name."""

    def get(self, name):
        return getattr(self, name, None)


def main(step: int) -> None:
    count = 0

    def watch(event: str, _: tuple) -> None:
        nonlocal count
        if event in ("subprocess.Popen", "os.rename"):
            count += 1
            if count == step:
                os.kill(os.getpid(), signal.SIGKILL)

    kaggle.SETTLING = (0, 0.5)
    wildcards = {"experiment": "a"}
    given = SimpleNamespace(
        input=Named(**INPUTS),
        output=SimpleNamespace(upload="s/a.upload.json"),
        log=["results/logs/upload.a.log"],
        params=SimpleNamespace(settings=SETTINGS, code="c"),
        wildcards=SimpleNamespace(**wildcards, items=wildcards.items),
        resources={},
        threads=1,
        rule="upload",
    )
    sys.addaudithook(watch)
    script = Path(__file__).parents[2] / "scripts" / "upload.py"
    runpy.run_path(str(script), init_globals={"snakemake": given}, run_name="__main__")


if __name__ == "__main__":
    main(int(sys.argv[1]))
