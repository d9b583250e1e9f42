"""What a run says when it ends."""

from pathlib import Path

from podium.files import read_json


def summarise(page: str, submission_files: list[str], shared: str | None = None) -> str:
    """Return the lines that name submission, local score, page and viewer, as far as they are made."""
    lines = []
    for file in filter(_exists, submission_files):
        if file.endswith(".csv"):
            lines.append(f"Submission:  {file}")
        elif file.endswith(".check.json"):
            check = read_json(file)
            lines.append(f"Checked:     {check['rows']} rows, {check['images']} images, {check['instances']} instances")
        elif file.endswith(".score.json"):
            score = read_json(file)
            interval = f"95 % interval {score['low']:.4f} to {score['high']:.4f}"
            lines.append(f"Local score: {score['score']:.4f} {score['metric']} ({interval})")
    if _exists(page):
        lines.append(f"Report:      {page}")
    if shared and _exists(viewer := f"{shared}/index.html"):
        lines.append(f"Viewer:      {viewer}")
    return "\n".join(lines)


def _exists(file: str) -> bool:
    return Path(file).exists()
