"""Plots of what lies behind average precision; podium.evaluation.detail says what their numbers are."""

from collections.abc import Mapping, Sequence

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from podium.report.drawing import INK, SERIES, STYLE, plain, svg

MOST_LINES = 10
"""With more categories than that, only their mean has a colour and a name."""


def precision_recall_plot(precision: Sequence[Sequence[float] | None], names: Sequence[str]) -> str:
    """Return the SVG of precision over recall at IoU 0.5.

    `precision` holds, for each category of `names`, the values at recalls 0, 0.01 … 1, or None without true objects.
    """
    with mpl.rc_context(STYLE):
        figure, axes = _square()
        _lines(axes, np.linspace(0, 1, 101), precision, names)
        axes.set(title="precision over recall", xlabel="recall", ylabel="precision")
        return svg(figure)


def f1_plot(curves: Mapping, confidence: float, names: Sequence[str]) -> str:
    """Return the SVG of F1 over confidence, with the best confidence marked."""
    with mpl.rc_context(STYLE):
        figure, axes = _square()
        axes.axvline(confidence, color=INK, linewidth=0.8, linestyle="--", label=f"best: {confidence:.3g}")
        _lines(axes, np.array(curves["confidence"]), curves["F1"], names)
        axes.set(title="F1 over confidence", xlabel="confidence", ylabel="F1")
        return svg(figure)


def confusion_plot(counts: Sequence[Sequence[int]], names: Sequence[str]) -> str:
    """Return the SVG of what true objects (rows) were taken for (columns); background last. Shades are by row."""
    table = np.array(counts, dtype=float)
    shares = table / np.maximum(table.sum(axis=1, keepdims=True), 1)
    labels = [*map(plain, names), "background"]
    side = min(max(3.4, 0.42 * len(labels) + 1.3), 9.0)
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(side + 0.6, side), layout="constrained")
        axes = figure.add_subplot()
        shades = mpl.colors.LinearSegmentedColormap.from_list("", ["#3f7fd000", SERIES[0]])
        axes.pcolormesh(shares, cmap=shades, vmin=0, vmax=1, edgecolors="#99999940", linewidth=0.5)
        axes.invert_yaxis()
        for row, column in np.argwhere(table > 0):
            text = f"{counts[row][column]:,}".replace(",", "\u202f")
            axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", fontsize=8 if len(labels) <= 12 else 6)
        places, turned = np.arange(len(labels)) + 0.5, len(labels) > 3
        axes.set_xticks(places, labels, rotation=45 if turned else 0, ha="right" if turned else "center")
        axes.set_yticks(places, labels)
        axes.grid(visible=False)
        axes.set(title="what was taken for what", xlabel="predicted", ylabel="true")
        return svg(figure)


def _square() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(4.2, 3.4), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    return figure, axes


def _lines(axes: Axes, x: np.ndarray, rows: Sequence[Sequence[float] | None], names: Sequence[str]) -> None:
    """Draw a line for each category that has one, and their mean where there are several."""
    known = [
        (plain(name), np.array(row, dtype=float)) for name, row in zip(names, rows, strict=True) if row is not None
    ]
    few = len(known) <= MOST_LINES
    for place, (name, row) in enumerate(known):
        colour = SERIES[place % len(SERIES)] if few else SERIES[5]
        axes.plot(
            x, row, color=colour, linewidth=1.2 if few else 0.6, alpha=1 if few else 0.5, label=name if few else None
        )
    if len(known) > 1:
        mean = np.mean([row for _, row in known], axis=0)
        axes.plot(x, mean, color=INK, linewidth=1.8, label="mean of categories")
    if axes.get_legend_handles_labels()[1]:
        axes.legend(loc="best")
