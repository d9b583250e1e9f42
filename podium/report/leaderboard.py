"""What the leaderboard made of uploads: do local scores tell which submission is better?"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import product

import matplotlib as mpl
import numpy as np
from matplotlib.figure import Figure
from scipy.stats import pearsonr, spearmanr

from podium.errors import PodiumError
from podium.report.blocks import Plot, Section, Table, Text, number
from podium.report.drawing import INK, SERIES, STYLE, inline, plain, svg
from podium.report.names import in_words

LOCAL = ("validation_score", "cross_fitted_score")
LEADERBOARD = ("public_score", "private_score")
FEWEST = 3
"""Fewer points always lie on a line."""


@dataclass(frozen=True)
class ScoredUpload:
    """A row of the ledger; NaN where a score is not known."""

    name: str
    scores: dict[str, float]


def leaderboard_section(rows: Sequence[dict[str, str]]) -> Section | None:
    """Compare local scores with the leaderboard's over all uploads; None where no upload has one of the latter.

    `rows` are those of the ledger (podium.submission.ledger.read_ledger). Higher scores are taken to be better, as in
    all of `podium.evaluation.metrics`.
    """
    uploads = [_upload(row) for row in rows]
    if all(np.isnan(upload.scores[name]) for upload in uploads for name in LEADERBOARD):
        return None
    missing = {name: sum(np.isnan(upload.scores[name]) for upload in uploads) for name in (*LOCAL, *LEADERBOARD)}
    words = ", ".join(f"{in_words(name)}: {count}" for name, count in missing.items() if count)
    label = "Scores of the leaderboard over local ones, a point for each upload"
    blocks = [
        *([Plot(inline(scatter(uploads), "leaderboard", label), f"{label}.")] if _drawable(uploads) else []),
        correlations(uploads),
        best(uploads),
        *(
            [Text(f"Uploads of {len(uploads)} without a score: {words}. They are not drawn and not counted there.")]
            if words
            else []
        ),
    ]
    return Section("Leaderboard", "leaderboard", blocks)


def correlations(uploads: Sequence[ScoredUpload]) -> Table:
    """Return Pearson's and Spearman's correlation of each local score with each of the leaderboard's.

    Over the uploads that have both; a dash with fewer than three of them, or where all have the same score.
    """
    rows = []
    for local, remote in product(LOCAL, LEADERBOARD):
        x, y, _ = _pairs(uploads, local, remote)
        rows.append([in_words(local), in_words(remote), number(len(x)), *map(number, _correlated(x, y))])
    caption = "Correlation of local scores with the leaderboard's, from three uploads on"
    return Table(caption, ["local", "leaderboard", "uploads", "Pearson", "Spearman"], rows)


def best(uploads: Sequence[ScoredUpload]) -> Table:
    """Return the best upload by each score, with its other scores, and what choosing by that score has cost.

    The cost is the leaderboard's best score less that of the chosen upload, among uploads that have both scores. Of
    equal ones the first upload counts.
    """
    rows = []
    for by in (*LOCAL, *LEADERBOARD):
        known = [upload for upload in uploads if not np.isnan(upload.scores[by])]
        if not known:
            rows.append([in_words(by), *[number(None)] * (1 + len(LOCAL) + 2 * len(LEADERBOARD))])
            continue
        chosen = max(known, key=lambda upload: upload.scores[by])
        shown = [number(_known(chosen.scores[name]), 5) for name in (*LOCAL, *LEADERBOARD)]
        rows.append([in_words(by), chosen.name, *shown, *(number(cost(uploads, by, name), 5) for name in LEADERBOARD)])
    columns = ["chosen by", "upload", *map(in_words, (*LOCAL, *LEADERBOARD)), "cost, public", "cost, private"]
    return Table("The best upload by each score, and what choosing by it has cost on the leaderboard", columns, rows)


def cost(uploads: Sequence[ScoredUpload], by: str, remote: str) -> float | None:
    """Return what choosing the upload with the best score `by` loses of the score `remote`; None without both."""
    x, y, _ = _pairs(uploads, by, remote)
    return float(y.max() - y[np.argmax(x)]) if len(x) else None


def scatter(uploads: Sequence[ScoredUpload]) -> str:
    """Return the SVG of the leaderboard's scores over each local score that there is, each point with its name."""
    drawable = _drawable(uploads)

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(4.6 * len(drawable) + 0.6, 3.4), layout="constrained")
        for panel, local in zip(figure.subplots(1, len(drawable), squeeze=False)[0], drawable, strict=True):
            for colour, marker, remote in zip(SERIES, "os", LEADERBOARD, strict=False):
                x, y, names = _pairs(uploads, local, remote)
                if not len(x):
                    continue
                panel.plot(x, y, marker, color=colour, markersize=5, label=in_words(remote))
                for at, height, name in zip(x, y, names, strict=True):
                    panel.annotate(
                        plain(name, 60), (at, height), (4, 3), textcoords="offset points", fontsize=7, color=INK
                    )
            panel.margins(0.15)
            panel.set(xlabel=in_words(local), ylabel="leaderboard")
            panel.legend(loc="best")
        return svg(figure)


def _upload(row: dict[str, str]) -> ScoredUpload:
    scores = {}
    for name in (*LOCAL, *LEADERBOARD):
        try:
            scores[name] = float(row[name] or "nan")
        except ValueError:
            raise PodiumError(
                f"{row[name]!r} is no number",
                file="ledger.csv",
                record=f"ref {row['ref']}",
                key=name,
                mend="write the score as a number, or leave the cell empty",
            ) from None
    return ScoredUpload(f"{row['experiment']} {row['sha256'][:6]}", scores)


def _drawable(uploads: Sequence[ScoredUpload]) -> list[str]:
    return [local for local in LOCAL if any(len(_pairs(uploads, local, remote)[0]) for remote in LEADERBOARD)]


def _pairs(uploads: Sequence[ScoredUpload], local: str, remote: str) -> tuple[np.ndarray, np.ndarray, list[str]]:
    """Return both scores, and the names, of the uploads that have both."""
    both = [each for each in uploads if not np.isnan([each.scores[local], each.scores[remote]]).any()]
    x, y = (np.array([each.scores[name] for each in both], dtype=float) for name in (local, remote))
    return x, y, [each.name for each in both]


def _correlated(x: np.ndarray, y: np.ndarray) -> Iterator[float | None]:
    if len(x) < FEWEST or np.ptp(x) == 0 or np.ptp(y) == 0:
        return iter((None, None))
    return (float(measure(x, y).statistic) for measure in (pearsonr, spearmanr))


def _known(score: float) -> float | None:
    return None if np.isnan(score) else score
