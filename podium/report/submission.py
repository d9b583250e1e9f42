"""The page's part on the file that is sent: its check, its score, how it is uploaded, and what became of uploads."""

import shlex
from pathlib import Path

from podium.config.competition import Competition
from podium.data.dataset import Dataset
from podium.report.blocks import Link, Listing, Missing, Section, Table, Text, number, optional_json
from podium.report.galleries import submission_gallery
from podium.report.leaderboard import leaderboard_section
from podium.report.names import in_words, title_of
from podium.submission.ledger import read_ledger
from podium.submission.uploads import mark


def submission_section(competition: Competition, dataset: Dataset, results: Path, submissions: Path) -> Section:
    """Describe the submission; `results` is `results/<name>`, `submissions` is `submissions/<name>`."""
    section = Section("Submission", "submission")
    if not competition.submission:
        section.blocks.append(Text("Nothing is sent to a competition: the configuration has no submission."))
        return section
    ledger = submissions / "ledger.csv"
    rows = read_ledger(ledger) if ledger.exists() else None
    section.blocks += [
        *_file(competition.submission.experiment, submissions),
        *_score(competition, submissions),
        *_upload(competition, submissions),
        *_ledger(competition, rows),
        *submission_gallery(competition, dataset, results),
    ]
    if leaderboard := leaderboard_section(rows or []):
        section.sections.append(leaderboard)
    return section


def local_score(competition: Competition, submissions: Path) -> dict | None:
    """Return what is known of the submission's score: `metric`, `score`, and `low`, `high` where there are."""
    if not competition.submission:
        return None
    return optional_json(submissions, f"{competition.submission.experiment}.score.json")


def _file(experiment: str, submissions: Path) -> list:
    name = f"{experiment}.csv"
    if not (submissions / name).exists():
        return [Missing("The submission", name)]
    check = optional_json(submissions, f"{experiment}.check.json")
    if check is None:
        return [Text(f"File: {name}"), Missing("The check of the submission", f"{experiment}.check.json")]
    problems = check.get("problems", [])
    facts = [
        ["file", name],
        ["check", "passed" if check["ok"] else f"{number(check.get('problem_count', len(problems)))} problems"],
        *([words, number(check[key])] for key, words in _FACTS.items() if key in check),
    ]
    blocks = [Table("The file", ["", ""], facts)]
    if problems:
        rows = [[number(each.get("row")), number(each.get("key")), each["problem"]] for each in problems[:20]]
        blocks.append(Table("The first problems that the check found", ["row", "image", "problem"], rows))
    return blocks


_FACTS = {"rows": "rows", "images": "images", "instances": "objects", "bytes": "bytes", "sha256": "SHA-256"}


def _score(competition: Competition, submissions: Path) -> list:
    score = local_score(competition, submissions)
    if score is None and not competition.submission.solution:
        return [Text("No solution is known here, so there is no local score.")]
    if score is None:
        return [Missing("The local score", f"{competition.submission.experiment}.score.json")]
    images = score.get("images")
    images = len(images) if isinstance(images, dict | list) else images
    interval = [number(score.get("low")), number(score.get("high"))]
    row = [title_of(score["metric"]), number(score["score"]), *interval, number(images)]
    columns = ["metric", "score", "low", "high", "images"]
    return [Table("Local score against the known solution, with a 95% bootstrap interval", columns, [row])]


def _upload(competition: Competition, submissions: Path) -> list:
    name = competition.kaggle_name
    if name is None:
        return [Text("No competition of Kaggle is named: there is no place to upload the file to.")]
    file = f"submissions/{competition.name}/{competition.submission.experiment}.csv"
    commands = (
        "# with the same configuration files as the run that made this page:\n"
        "snakemake submit --cores 1 --configfile …\n"
    )
    check = optional_json(submissions, f"{competition.submission.experiment}.check.json")
    if check and check["ok"]:
        message = shlex.quote(f"{competition.submission.message} {mark(check['sha256'])}")
        commands += (
            "# or by hand; by the mark in the message a later `snakemake submit` knows the upload:\n"
            f"kaggle competitions submit -f {file} -m {message} {name}\n"
        )
    return [
        Link("Uploads and their scores:", f"https://www.kaggle.com/competitions/{name}/submissions"),
        Listing("How to upload", commands),
    ]


def _ledger(competition: Competition, rows: list[dict[str, str]] | None) -> list:
    if rows is None:
        return [Missing("The ledger of uploads", "ledger.csv")] if competition.kaggle_name else []
    if not rows:
        return [Text("Nothing was uploaded yet.")]
    cells = [[cell[:12] if name == "sha256" else cell or number(None) for name, cell in row.items()] for row in rows]
    return [Table("Uploads", [in_words(name) for name in rows[0]], cells)]
