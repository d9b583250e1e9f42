"""The page's part on the choice of an experiment."""

from pathlib import Path

from podium.config.competition import Competition
from podium.report.blocks import Missing, Section, Table, Text, number, optional_json, with_interval
from podium.report.names import title_of

FILE = "selection.json"


def selection_section(competition: Competition, results: Path) -> list[Section]:
    """Describe which experiment was chosen and why; nothing where the configuration has no selection."""
    if not competition.selection:
        return []
    section = Section("Selection", "selection")
    record = optional_json(results, FILE)
    if record is None:
        section.blocks.append(Missing("The choice", FILE))
        return [section]
    metric = title_of(record["metric"])
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
    section.blocks += [Text(words), Table(caption, columns, rows)]
    if competition.splits.test:
        section.blocks.append(Text("Of the test split this page has the chosen experiment alone."))
    return [section]


def _compared(difference: float | None, row: dict) -> list[str]:
    return [with_interval(difference, row.get("low"), row.get("high")), number(row.get("above"))]
