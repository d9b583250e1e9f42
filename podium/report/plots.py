"""The plots of data and trainings, as SVG texts."""

import textwrap
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from podium.errors import PodiumError
from podium.report.drawing import INK, SERIES, STYLE, plain, svg
from podium.report.names import in_words

MOST_POINTS = 2000
"""A line with more points keeps the lowest and the highest of each of half as many stretches."""


def read_history(path: str | Path) -> pd.DataFrame:
    """Read a training's history.csv.

    Returns
    -------
    DataFrame
        A row per iteration, all columns float64 (NaN where a cell is empty), among them `iteration`, from 1 on.

    Raises
    ------
    PodiumError
        Where the file is missing, has no column `iteration`, or holds something that is no number.
    """
    mend = "remove the file and run again: the training writes it anew from its state"
    try:
        history = pd.read_csv(path)
    except FileNotFoundError:
        raise PodiumError("the file is missing", file=path, mend=mend) from None
    except (pd.errors.ParserError, pd.errors.EmptyDataError, UnicodeDecodeError) as error:
        raise PodiumError(f"not a table: {error}", file=path, mend=mend) from None
    if "iteration" not in history.columns:
        raise PodiumError("the column is missing", file=path, key="iteration", mend=mend)
    try:
        return history.astype("float64")
    except ValueError as error:
        raise PodiumError(f"a cell is no number: {error}", file=path, mend=mend) from None


def curves(history: pd.DataFrame) -> str:
    """Return the SVG of a training: loss, learning rate, validation metrics over iterations, below each other.

    What the history has no values for is not drawn; without any values the SVG says so. `history` is as `read_history`
    returns it: `iteration`, `lr`, `loss` (total), `loss_*` (its parts), `val_*` (NaN between validations).
    """
    return _curves(history, [each for each in (_loss, _rate, _validation) if each(None, history)])


def loss_curve(history: pd.DataFrame) -> str | None:
    """Return the SVG of loss and learning rate alone, None where the history has neither."""
    drawn = [each for each in (_loss, _rate) if each(None, history)]
    return _curves(history, drawn) if drawn else None


def validation_curve(history: pd.DataFrame) -> str | None:
    """Return the SVG of the validation metrics alone, None where there are none."""
    return _curves(history, [_validation]) if _validation(None, history) else None


def schedule_plot(rates: Sequence[float], notes: Sequence[str], heads_only: int = 0) -> str:
    """Return the SVG of the rates of a training's iterations, with sentences about them under it.

    Parameters
    ----------
    rates
        One for each iteration. Up to `MOST_POINTS` of them, each is a point of the line.
    notes
        Sentences; lines are broken so that they fit the width.
    heads_only
        The number of iterations at the start that train the heads alone: a shaded region.
    """
    lines = [line for note in notes for line in textwrap.wrap(f"• {note}", 76)]
    height = 2.8 + (0.165 * len(lines) + 0.1 if lines else 0)
    # Unsimplified, for a line to be trusted at every iteration.
    with mpl.rc_context(STYLE | {"path.simplify": False}):
        figure = Figure(figsize=(5.2, height), layout="constrained")
        figure.get_layout_engine().set(rect=(0, 1 - 2.8 / height, 1, 2.8 / height))
        axes = figure.add_subplot()
        x, y = np.arange(1.0, len(rates) + 1), np.array(rates, dtype=float)
        axes.plot(*_thinned(x, y), color=SERIES[0], linewidth=1.3, gid="rates", **_dots(x))
        if heads_only and len(x):
            axes.axvspan(0, min(heads_only, len(x)) + 0.5, color=SERIES[6], alpha=0.2, linewidth=0, gid="heads only")
            axes.annotate("heads only", (0, 1), (4, -3), "axes fraction", "offset points", va="top", color=INK)
        if len(x):
            axes.set_ylim(0, max(rates) * (1.25 if heads_only else 1.06) or None)
            axes.set_xlim(0, len(x) + 1)
            axes.yaxis.set_major_formatter("{x:.3g}")
        else:
            axes.text(0.5, 0.5, "no iterations", ha="center", va="center", transform=axes.transAxes)
        axes.set(title="learning rate", xlabel="iteration")
        figure.text(0.02, 0.06 / height, "\n".join(lines), va="bottom", linespacing=1.25)
        return svg(figure)


def range_test_plot(table: pd.DataFrame, marks: Mapping[str, float]) -> str:
    """Return the SVG of a learning-rate range test.

    Parameters
    ----------
    table
        `lr`, `loss` and `smoothed`, a row an iteration.
    marks
        Rates to be marked, by what they are called.
    """
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 3.2), layout="constrained")
        axes = figure.add_subplot()
        axes.plot(table["lr"], table["loss"], color=SERIES[0], alpha=0.35, linewidth=0.7, label="loss")
        axes.plot(table["lr"], table["smoothed"], color=SERIES[0], linewidth=1.5, label="smoothed")
        for place, (name, rate) in enumerate(marks.items(), start=1):
            axes.axvline(rate, color=SERIES[place], linewidth=1.2, linestyle="--", label=f"{name}: {rate:.2g}")
        axes.set_xscale("log")
        # What diverges at the end would flatten all that comes before it.
        if len(table):
            low, high = table["smoothed"].min(), table["smoothed"].iloc[: len(table) // 2 + 1].max()
            axes.set_ylim(max(0.0, low - 0.5 * (high - low) - 0.02 * high), high + 0.5 * (high - low) + 0.02 * high)
        axes.set(title="loss while the learning rate rises", xlabel="learning rate")
        axes.legend(loc="best")
        return svg(figure)


def histogram(values: Sequence[float], label: str, unit: str) -> str:
    """Return the SVG of how often values occur, on a logarithmic axis; `values` are positive."""
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, 2.2), layout="constrained")
        axes = figure.add_subplot()
        low, high = min(values), max(values)
        bins = np.geomspace(low, high, 41) if high > low else [low / 1.1, low * 1.1]
        axes.hist(values, bins=bins, color=SERIES[0], alpha=0.85, linewidth=0)
        axes.set_xscale("log")
        axes.xaxis.set_major_formatter("{x:g}")
        if high < 10 * low:
            axes.xaxis.set_minor_formatter("{x:g}")
        axes.set(xlabel=f"{label} ({unit})", ylabel="objects")
        axes.grid(axis="x", visible=False)
        return svg(figure)


Drawer = Callable[[Axes | None, pd.DataFrame], bool]
"""Draws a part of the history, where axes are given; returns whether there is anything of it."""


def _curves(history: pd.DataFrame, drawers: Sequence[Drawer]) -> str:
    heights = [1.0 if each is _rate else 2.3 for each in drawers] if len(drawers) > 1 else [3.3]
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, sum(heights) + 0.45), layout="constrained")
        rows = figure.subplots(len(heights), sharex=True, squeeze=False, height_ratios=heights)[:, 0]
        for drawer, axes in zip(drawers, rows, strict=False):
            drawer(axes, history)
        if not drawers:
            rows[0].set_axis_off()
            rows[0].text(0.5, 0.5, "no iterations", ha="center", va="center", transform=rows[0].transAxes)
        rows[-1].set_xlabel("iteration")
        rows[-1].set_xlim(left=0)
        return svg(figure)


def _loss(axes: Axes | None, history: pd.DataFrame) -> bool:
    lines = _with_values(history, "loss")
    if axes is None:
        return bool(lines)
    window = max(1, len(history) // 40)
    for place, name in enumerate(lines):
        colour, whole = SERIES[place % len(SERIES)], name == "loss"
        x, y = _finite(history, name)
        if whole and window > 1:
            axes.plot(*_thinned(x, y), color=colour, alpha=0.3, linewidth=0.6)
        mean = pd.Series(y).rolling(window, center=True, min_periods=1).mean().to_numpy()
        label = "total" if whole else plain(in_words(name.removeprefix("loss_")), 40)
        axes.plot(*_thinned(x, mean), color=colour, linewidth=1.5 if whole else 1.0, label=label, **_dots(x))
    for name in _with_values(history, "val_loss"):
        x, y = _finite(history, name)
        label = plain(in_words(name.replace("val", "validation", 1)), 40)
        axes.plot(x, y, color=INK, linewidth=1, marker="o", markersize=3, label=label)
    # One outlier at the start would flatten all that follows.
    total = history[lines[0]].to_numpy()
    highest = np.nanquantile(np.where(np.isfinite(total), total, np.nan), 0.995) * 1.08
    if highest > 0:
        axes.set_ylim(0, highest)
    axes.set_title("loss" if window == 1 else f"loss, mean of {window} iterations")
    axes.legend(loc="upper right", ncols=2 if len(lines) > 2 else 1)
    return True


def _rate(axes: Axes | None, history: pd.DataFrame) -> bool:
    if axes is None:
        return bool(_with_values(history, "lr"))
    x, y = _finite(history, "lr")
    axes.plot(*_thinned(x, y), color=SERIES[5], linewidth=1.3, **_dots(x))
    axes.set_ylim(bottom=0)
    axes.yaxis.set_major_formatter("{x:.3g}")
    axes.set_title("learning rate")
    return True


def _validation(axes: Axes | None, history: pd.DataFrame) -> bool:
    names = [name for name in _with_values(history, "val") if not name.startswith("val_loss")]
    if axes is None:
        return bool(names)
    highest = 0.0
    for place, name in enumerate(names):
        x, y = _finite(history, name)
        highest = max(highest, *y)
        label = plain(in_words(name.removeprefix("val_")), 40)
        colour = SERIES[place % len(SERIES)]
        axes.plot(x, y, color=colour, linewidth=1.3, marker="o", markersize=3, label=label)
    axes.set_ylim(0, 1 if 0.5 < highest <= 1 else None)
    axes.set_title("validation")
    axes.legend(loc="best", ncols=1 + len(names) // 5)
    return True


def _with_values(history: pd.DataFrame, stem: str) -> list[str]:
    """List the columns `stem` and `stem_*` that hold a finite number, the total first."""
    named = [name for name in history.columns if name == stem or name.startswith(f"{stem}_")]
    return sorted((name for name in named if np.isfinite(history[name]).any()), key=lambda name: name != stem)


def _finite(history: pd.DataFrame, name: str) -> tuple[np.ndarray, np.ndarray]:
    there = np.isfinite(history[name].to_numpy())
    return history["iteration"].to_numpy()[there], history[name].to_numpy()[there]


def _dots(x: np.ndarray) -> Mapping[str, object]:
    """A line of one point shows nothing without a marker."""
    return {"marker": "o", "markersize": 3} if len(x) == 1 else {}


def _thinned(x: np.ndarray, y: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return at most `MOST_POINTS` points, among them every bin's lowest and highest: no peak is lost."""
    if len(x) <= MOST_POINTS:
        return x, y
    kept = set()
    for part in np.array_split(np.arange(len(x)), MOST_POINTS // 2):
        kept |= {part[np.argmin(y[part])], part[np.argmax(y[part])]}
    places = sorted(kept)
    return x[places], y[places]
