"""The page's part on cost and origin: what each job took, and with which versions it ran."""

from collections import defaultdict
from pathlib import Path

from podium.config.competition import Competition
from podium.files import canonical_json, read_json
from podium.report.blocks import Folded, Missing, Section, Table, Text, number


def provenance_section(competition: Competition, results: Path) -> Section:
    """Describe the records in `results/<name>/provenance`, but those of experiments that are configured no more."""
    section = Section("Cost and provenance", "provenance")
    records = [read_json(path) for path in sorted((results / "provenance").glob("*.json"))]
    # An earlier report's own record would make the page differ from run to run.
    records = [record for record in records if record["rule"] != "report"]
    names = {*competition.detection, *competition.segmentation, *competition.instances}
    now = [record for record in records if (record.get("wildcards") or {}).get("experiment", None) in {None, *names}]
    if not now:
        section.blocks.append(Missing("What the jobs took, and their versions", "provenance/"))
        return section
    section.blocks += [_cost_by_rule(now), Folded("Cost of each job", [_cost(now)]), *_versions(now)]
    if len(now) < len(records):
        count = number(len(records) - len(now))
        section.blocks.append(Text(f"Left out: {count} records of experiments that the configuration has no more."))
    return section


def _cost_by_rule(records: list[dict]) -> Table:
    by_rule = defaultdict(list)
    for record in sorted(records, key=lambda record: record.get("finished") or ""):
        by_rule[record["rule"]].append(record)
    rows = [[rule, *_sums(own)] for rule, own in by_rule.items()]
    rows.append(["all jobs", *_sums(records)])
    columns = ["rule", "jobs", "time (h:mm:ss)", "GPU hours", "most memory of a job (MiB)", "on GPU"]
    return Table("Cost: times are sums over jobs, as if one had run after the other", columns, rows)


def _sums(records: list[dict]) -> list[str]:
    gpu = [record for record in records if record.get("gpus")]
    hours = sum(record["gpus"] * (record.get("seconds") or 0) for record in gpu) / 3600 if gpu else None
    most = [max((record.get(key) or 0 for record in records), default=0) or None for key in _MEMORY]
    seconds = sum(record.get("seconds") or 0 for record in records)
    return [number(len(records)), _clock(seconds), number(hours, 2), *map(memory, most)]


_MEMORY = ("peak_memory_bytes", "peak_gpu_memory_bytes")


def _cost(records: list[dict]) -> Table:
    rows = [
        [
            record["rule"],
            _of(record),
            _clock(record.get("seconds")),
            memory(record.get("peak_memory_bytes")),
            memory(record.get("peak_gpu_memory_bytes")),
            number(record.get("threads")),
            record.get("device") or number(None),
            _short(record.get("code")),
            _short(record.get("data_digest")),
        ]
        for record in records
    ]
    columns = ["rule", "of", "time (h:mm:ss)", "peak memory (MiB)", "on GPU", "threads", "device", "code", "data"]
    return Table("Cost of each job; code and data are the first digits of their fingerprints", columns, rows)


def _versions(records: list[dict]) -> list:
    """A table for each set of versions that some jobs ran with."""
    groups = defaultdict(list)
    for record in records:
        if record.get("versions"):
            groups[canonical_json(record["versions"])].append(record)
    blocks = []
    if len(groups) > 1:
        blocks.append(Text(f"The jobs ran with {len(groups)} different sets of versions."))
    for group in groups.values():
        rules = ", ".join(dict.fromkeys(record["rule"] for record in group))
        caption = "Versions" if len(groups) == 1 else f"Versions of {rules}"
        rows = [[name, str(version)] for name, version in sorted(group[0]["versions"].items())]
        blocks.append(Table(caption, ["package", "version"], rows))
    return blocks


def _of(record: dict) -> str:
    wildcards = record.get("wildcards") or {}
    return record.get("experiment") or ", ".join(map(str, wildcards.values())) or number(None)


def _clock(seconds: float | None) -> str:
    if seconds is None:
        return number(None)
    minutes, rest = divmod(round(seconds), 60)
    return f"{minutes // 60}:{minutes % 60:02d}:{rest:02d}"


def memory(size: int | None) -> str:
    """Return bytes as MiB for a cell."""
    return number(None if size is None else round(size / 2**20))


def _short(digest: str | None) -> str:
    return digest[:12] if digest else number(None)
