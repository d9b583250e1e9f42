"""The page's part on the choice of an experiment, and which experiments the page describes."""

from pathlib import Path

from podium.config.competition import Competition
from podium.report.ablations import with_interval
from podium.report.blocks import Missing, Section, Table, Text, number, optional_json
from podium.report.names import SCORES, in_words

FILE = "selection.json"


def shown(competition: Competition, results: Path) -> dict[str, list[str]]:
    """Return by station the experiments that have a part of their own: written ones, and what was selected."""
    record = optional_json(results, FILE) if competition.selection else None
    chain = competition.chain(record["station"], record["experiment"]) if record else {}
    stations = ("detection", "segmentation", "instances")
    return {each: [*dict.fromkeys([*competition.written(each), *chain.get(each, [])])] for each in stations}


def selection_section(competition: Competition, results: Path) -> list[Section]:
    """Describe which experiment was chosen and why; nothing where the configuration has no selection."""
    if not competition.selection:
        return []
    section = Section("Selection", "selection")
    record = optional_json(results, FILE)
    if record is None:
        section.blocks.append(Missing("The choice", FILE))
        return [section]
    metric = SCORES.get(record["metric"], in_words(record["metric"]))
    ties = f" The same value have: {', '.join(record['ties'])}." if record["ties"] else ""
    words = f"Chosen: {record['experiment']} ({record['station']}), by the rule: {record['rule']}.{ties}"
    rows = [
        [
            each["experiment"],
            number(each["value"]),
            *_compared(None if "low" not in each or each["value"] is None else each["value"] - record["value"], each),
        ]
        for each in record["candidates"]
    ]
    columns = ["experiment", metric, "difference to the choice", "share of resamples above it"]
    caption = f"Candidates on the {number(record['images'])} validation images, with 95% paired bootstrap intervals"
    after = "The test split was read for the chosen experiment alone, after it was chosen."
    section.blocks += [Text(words), Table(caption, columns, rows), Text(after)]
    return [section]


def _compared(difference: float | None, row: dict) -> list[str]:
    return [with_interval(difference, row.get("low"), row.get("high")), number(row.get("above"))]
