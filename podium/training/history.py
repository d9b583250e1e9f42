"""history.csv: what a training leaves to look at."""

import csv
import io
from pathlib import Path

from podium.files import write_text


def write_history(path: Path, history: list[dict[str, float]]) -> None:
    """Write one row per iteration; columns are the union of the rows' keys, cells without a value are empty."""
    columns = list(dict.fromkeys(key for row in history for key in row)) or ["iteration", "lr", "loss"]
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, lineterminator="\n")
    writer.writeheader()
    writer.writerows(history)
    write_text(path, text.getvalue())
