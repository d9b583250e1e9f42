"""An ablation's figure: the metric on validation against what varies, with every seed and the spread of them."""

import itertools
from collections.abc import Callable, Mapping, Sequence
from functools import partial

import matplotlib as mpl
import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from podium.config.key_paths import told_apart
from podium.evaluation.ablation import in_column
from podium.report.drawing import INK, SERIES, STYLE, plain, svg
from podium.report.names import title_of

MOST_BARS = 40
"""Of more points the best are drawn."""

LONGEST = 60
"""Characters of a value or a point that are written."""


def ablation_plot(by_seed: pd.DataFrame, keys: Sequence[str], metric: str) -> str:
    """Return the SVG of an ablation: one key against the metric, lines or a heat map for two, sorted bars for more.

    Dots are trained models, lines and bars go through the means over seeds, whiskers are one standard deviation.

    Parameters
    ----------
    by_seed
        A row per trained experiment, as `podium.evaluation.ablation.ablation_tables` returns it.
    keys
        The columns of what varies.
    metric
        The metric's name.
    """
    table = by_seed.rename(columns={metric: "value"})
    table = table.assign(**{key: in_column(table[key].tolist()) for key in keys})
    title = f"{title_of(metric)}, validation"
    names = {key: plain(name, LONGEST) for key, name in told_apart(keys).items()}
    if len(keys) > 2:
        bars = min(table["point"].nunique(), MOST_BARS)
        return _drawn(partial(_bars, table, title), 0.9 + 0.24 * bars)
    if len(keys) == 2 and not any(_numeric(table[key]) for key in keys):
        return _drawn(partial(_heat_map, table, names, title), 1.2 + 0.5 * table[keys[0]].nunique())
    return _drawn(partial(_lines, table, names, title), 3.2)


def _drawn(draw: Callable[[Figure], None], height: float) -> str:
    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(5.2, height), layout="constrained")
        draw(figure)
        return svg(figure)


def _lines(table: pd.DataFrame, names: Mapping[str, str], title: str, figure: Figure) -> None:
    """Draw a number, where there is one, along the axis, and a line for each value of the other key."""
    axes = figure.add_subplot()
    along = next((key for key in names if _numeric(table[key])), next(iter(names)))
    others = [key for key in names if key != along]
    for place, (value, group) in enumerate(table.groupby(others[0], sort=False) if others else [("", table)]):
        label = f"{names[others[0]]} {_shown(value)}" if others else None
        _line(axes, group, along, _places(table, along), SERIES[place % len(SERIES)], label)
    _ticks(axes, table, along)
    axes.set(title=title, xlabel=names[along])
    if others:
        axes.legend(loc="best")


def _line(axes: Axes, table: pd.DataFrame, key: str, places: dict, colour: str, label: str | None) -> None:
    x = table[key].map(places)
    axes.plot(x, table["value"], linestyle="none", marker="o", markersize=3.5, color=colour, alpha=0.55, gid="seeds")
    groups = table.assign(x=x).groupby("x")["value"]
    mean, spread = groups.mean(), groups.std()
    # Between two names there is nothing.
    means = {"linewidth": 1.4} if _numeric(table[key]) else {"linestyle": "none", "marker": "_", "markersize": 16}
    axes.errorbar(mean.index, mean, yerr=spread.fillna(0.0), color=colour, capsize=3, label=label, **means)


def _places(table: pd.DataFrame, key: str) -> dict:
    """Return where each value of a key is drawn: a number at itself, other values beside each other."""
    values = table[key].drop_duplicates().tolist()
    return {value: value for value in values} if _numeric(table[key]) else {v: place for place, v in enumerate(values)}


def _ticks(axes: Axes, table: pd.DataFrame, key: str) -> None:
    places = _places(table, key)
    values = np.array([*places.values()], dtype=float)
    # Rates and lengths of training are compared by their ratios.
    if _numeric(table[key]) and values.min() > 0 and values.max() >= 4 * values.min():
        axes.set_xscale("log")
        axes.minorticks_off()
    axes.set_xticks(values, [_shown(value) for value in places])
    if not _numeric(table[key]):
        axes.set_xlim(-0.5, len(places) - 0.5)
        axes.grid(axis="x", visible=False)


def _heat_map(table: pd.DataFrame, names: Mapping[str, str], title: str, figure: Figure) -> None:
    rows, columns = (table[key].drop_duplicates().tolist() for key in names)
    means = table.groupby([*names])["value"].mean()
    grid = np.array([[means.get((row, column), np.nan) for column in columns] for row in rows], dtype=float)
    axes = figure.add_subplot()
    axes.grid(visible=False)
    image = axes.pcolormesh(grid, cmap="viridis")
    axes.invert_yaxis()
    for row, column in itertools.product(range(len(rows)), range(len(columns))):
        dark = image.norm(grid[row, column]) < 0.6
        text = f"{grid[row, column]:.3f}"
        axes.text(column + 0.5, row + 0.5, text, ha="center", va="center", color="#fdfdfd" if dark else "#111111")
    axes.set_xticks(np.arange(len(columns)) + 0.5, [_shown(each) for each in columns])
    axes.set_yticks(np.arange(len(rows)) + 0.5, [_shown(each) for each in rows])
    below, beside = reversed(names.values())
    axes.set(title=title, xlabel=below, ylabel=beside)


def _bars(table: pd.DataFrame, title: str, figure: Figure) -> None:
    groups = table.groupby("point", sort=False)["value"]
    mean = groups.mean().sort_values(ascending=False).head(MOST_BARS)
    spread = groups.std().reindex(mean.index).fillna(0.0)
    axes = figure.add_subplot()
    places = np.arange(len(mean))
    axes.barh(places, mean, xerr=spread, height=0.7, color=SERIES[0], alpha=0.8, ecolor=INK, capsize=2)
    seeds = table[table["point"].isin(mean.index)]
    at = seeds["point"].map(dict(zip(mean.index, places, strict=True)))
    axes.plot(seeds["value"], at, linestyle="none", marker="o", markersize=3, color=SERIES[1], gid="seeds")
    axes.set_yticks(places, [plain(point, LONGEST) for point in mean.index])
    axes.invert_yaxis()
    axes.grid(axis="y", visible=False)
    best = f", the best {MOST_BARS}" if len(groups) > MOST_BARS else ""
    axes.set(title=f"{title}{best}")


def _numeric(values: pd.Series) -> bool:
    return pd.api.types.is_numeric_dtype(values)


def _shown(value: float | str) -> str:
    return plain(value, LONGEST) if isinstance(value, str) else f"{value:g}"
