"""Why jobs would run, in words: which key, which module, which library, which input.

    python -m podium.workflow.why --configfile config/planes.yaml        takes what `snakemake -n` takes

Snakemake keeps the params of each output's last job; they are compared with those of now. That a fingerprint changed
does not tell which module did: `remember_code` keeps what each fingerprint was made of, in results/<name>/code.json.
"""

import ast
import contextlib
import io
import json
import os
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from podium.files import read_json, write_json
from podium.workflow.fingerprint import ROOT, fingerprint, modules

# More are not kept: code that is so old is told of without naming its modules.
_MOST_KEPT = 300


@dataclass(frozen=True)
class Job:
    """A job that would run: its first output, what changed in words, and the rules that it follows from."""

    rule: str
    output: str
    changes: list[str] = field(default_factory=list)
    follows: list[str] = field(default_factory=list)


def remember_code(results: str | Path) -> None:
    """Keep what the fingerprints of now are made of, beside the results that jobs of now will make."""
    file = Path(results) / "code.json"
    kept = read_json(file) if file.exists() else {}
    scripts = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "scripts").glob("*.py"))
    now = {fingerprint(script): modules(script) for script in scripts}
    if not now.keys() <= kept.keys():
        before = {key: table for key, table in kept.items() if key not in now}
        write_json(file, dict(list(before.items())[-_MOST_KEPT:]) | now)


def dry_run(arguments: Sequence[str]) -> list[Job]:
    """Plan as `snakemake -n` does with these arguments; SystemExit with Snakemake's words where it cannot."""
    from snakemake import api, cli

    jobs: list[Job] = []
    execute = api.DAGApi.execute_workflow

    def look(self, *given, **named):
        execute(self, *given, **named)
        jobs.extend(_jobs(self.workflow_api._workflow.dag))

    said = io.StringIO()
    api.DAGApi.execute_workflow = look
    try:
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            cli.main([*arguments, "--dry-run", "--quiet", "all"])
    except SystemExit as end:
        if end.code:
            raise SystemExit(said.getvalue()) from None
    finally:
        api.DAGApi.execute_workflow = execute
    return jobs


def _jobs(dag) -> Iterator[Job]:
    """Yield the jobs of Snakemake's graph that would run, in order; those without outputs, as `all`, are left out."""
    for level in dag.toposorted():
        for job in sorted((job for job in level if dag.needrun(job) and job.output), key=str):
            reason = dag.reason(job)
            changes = [f"missing: {file}" for file in sorted(map(str, reason.missing_output))]
            record = dag.workflow.persistence.metadata(job.output[0])
            if reason.forced:
                changes.append("forced")
            if record is not None and not reason.missing_output:
                changes += _differences(record, job)
                own = reason.updated_input - reason.updated_input_run
                changes += [f"input changed: {file}" for file in sorted(map(str, own))]
            follows = sorted({before.rule.name for before in dag.dependencies[job] if dag.needrun(before)})
            yield Job(job.rule.name, str(job.output[0]), changes, follows)


def _differences(record, job) -> Iterator[str]:
    """Yield what differs between the record of an output's last job and the job that would make it now."""
    was = _params([ast.literal_eval(text) for text in record.params or []])
    now = _params(list(job.params))
    yield from differences(json.loads(was["settings"]), json.loads(now["settings"]))
    if was["code"] != now["code"]:
        parts = Path(job.log[0]).parts  # results/<name>/logs/<job>.log
        file = Path(*parts[:2]) / "code.json"
        tables = read_json(file) if file.exists() else {}
        script = f"scripts/{Path(job.rule.script).name}"
        yield from code_differences(tables.get(was["code"]), modules(script))
    if was["environment"] != now["environment"]:
        yield f"library: {was['environment'] or 'none'} -> {now['environment'] or 'none'}"
    before, after = set(record.input or []), set(map(str, job.input))
    yield from (f"input added: {file}" for file in sorted(after - before))
    yield from (f"input gone: {file}" for file in sorted(before - after))


def _params(values: list[str]) -> dict[str, str]:
    """Tell params apart by what they look like, for Snakemake keeps their values without their names."""
    found = {"settings": "{}", "code": "", "environment": ""}
    for value in values:
        is_code = len(value) == 16 and set(value) <= set("0123456789abcdef")
        found["settings" if value.startswith("{") else "code" if is_code else "environment"] = value
    return found


def differences(was: object, now: object, path: str = "") -> Iterator[str]:
    """Yield a line for each key of nested settings whose value differs."""
    if isinstance(was, Mapping) and isinstance(now, Mapping):
        for key in sorted({*was, *now}):
            here = f"{path}.{key}" if path else key
            if key not in was:
                yield f"setting {here}: new, {json.dumps(now[key])}"
            elif key not in now:
                yield f"setting {here}: gone, was {json.dumps(was[key])}"
            else:
                yield from differences(was[key], now[key], here)
    elif was != now or type(was) is not type(now):
        yield f"setting {path}: {json.dumps(was)} -> {json.dumps(now)}"


def code_differences(was: Mapping[str, str] | None, now: Mapping[str, str]) -> Iterator[str]:
    """Yield a line for each file of a fingerprint that differs."""
    if was is None:
        yield "code: changed; what it was made of is not kept"
        return
    for file in sorted({*was, *now}):
        if file not in was:
            yield f"code: {file} is new"
        elif file not in now:
            yield f"code: {file} is no longer used"
        elif was[file] != now[file]:
            yield f"code: {file} changed"


def in_words(jobs: Sequence[Job]) -> str:
    """Return the text that is printed: each job with a reason of its own, then a count of those that follow."""
    if not jobs:
        return "Nothing to be done: every result is what its settings, code, data and libraries make it."
    lines = []
    own: dict[tuple, list[str]] = {}
    for job in jobs:
        if job.changes:
            own.setdefault((job.rule, *dict.fromkeys(job.changes)), []).append(job.output)
    for (rule, *changes), outputs in own.items():
        more = f" and {len(outputs) - 1} more" if outputs[1:] else ""
        lines += [f"{rule}: {outputs[0]}{more}", *(f"    {change}" for change in changes)]
    counts: dict[tuple[str, str], int] = {}
    for job in jobs:
        if not job.changes:
            key = (job.rule, ", ".join(job.follows))
            counts[key] = counts.get(key, 0) + 1
    if counts:
        lines.append("what follows from these:" if own else "what is to be done:")
        lines += [f"    {count} x {rule}, after {after}" for (rule, after), count in counts.items()]
    return "\n".join(lines)


def main() -> None:
    print(in_words(dry_run(sys.argv[1:])))


if __name__ == "__main__":
    # As a module it is found from the project's root; Snakemake is given the same Snakefile.
    os.environ.setdefault("PYTHONPATH", str(ROOT))
    main()
