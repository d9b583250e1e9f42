"""Answers what would run: `python planner.py`, a request in JSON on each line of stdin, an answer on each of stdout.

Each dry run is Snakemake's own, in a process forked for it from one that has imported everything: a third of the time
of the command. A request may change what no file can: a value of the checked configuration, a package's version.
"""

import importlib.metadata
import json
import os
import sys
import traceback

import snakemake.api
import snakemake.cli  # noqa: F401  imported once, for all that is forked

import podium.config.load
import podium.workflow.plan
from podium.config.section import Section
from podium.workflow.why import dry_run


def answer(request: dict) -> dict:
    os.chdir(request["folder"])
    change_value(request.get("value"))
    change_versions(request.get("versions", {}))
    jobs = dry_run(["--snakefile", request["snakefile"], *request["arguments"]])
    return {"jobs": [[job.rule, job.output, job.changes] for job in jobs]}


def change_value(path: list[str] | None) -> None:
    """Change one value of the configuration after it was checked, so that any other value will do."""
    check = podium.config.load.check_competition
    if path:
        podium.config.load.check_competition = lambda *given: changed(check(*given), path)


def change_versions(versions: dict[str, str]) -> None:
    installed = importlib.metadata.version
    importlib.metadata.version = lambda package: versions.get(package) or installed(package)


def changed(value: object, path: list[str]) -> object:
    if isinstance(value, Section):
        part = getattr(value, path[0])
        return value.model_copy(update={path[0]: changed(part, path[1:]) if path[1:] else other(part)})
    part = value[path[0]]
    return {**value, path[0]: changed(part, path[1:]) if path[1:] else other(part)}


def other(value: object) -> object:
    if isinstance(value, bool):
        return not value
    if isinstance(value, int | float):
        return value + 1
    if isinstance(value, str):
        return f"{value}x"
    if value is None:
        return "x"
    if isinstance(value, tuple | list):
        return (*value, *value[-1:]) or (1,)
    return value.model_copy(update={"root": (*value.root, *value.root[-1:])})  # a list of augmentations


def main() -> None:
    out = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what anything else prints is no answer
    for line in sys.stdin:
        read, write = os.pipe()
        child = os.fork()
        if not child:
            try:
                found = answer(json.loads(line))
            except BaseException:
                found = {"error": traceback.format_exc()}
            with os.fdopen(write, "w") as pipe:
                json.dump(found, pipe)
            os._exit(0)
        os.close(write)
        with os.fdopen(read) as pipe:
            found = pipe.read()
        os.waitpid(child, 0)
        print(found, file=out, flush=True)


if __name__ == "__main__":
    main()
