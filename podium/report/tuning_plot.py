"""The scores of all combinations of thresholds that were tried, drawn."""

from collections.abc import Mapping

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from podium.report.blocks import DASH
from podium.report.drawing import INK, SERIES, STYLE, svg
from podium.report.names import title_of

# Numbers in cells of the heat map, which has its own ground at night, too.
_ON_DARK, _ON_LIGHT = "#fdfdfd", "#111111"


def surface_plot(tuning: Mapping) -> str:
    """Return the SVG of a tuning's scores (see `podium.evaluation.tuning.tune`), cut at the choice.

    Left, the score over score thresholds, a line for each mask threshold; right, over minimum area and IoU of
    duplicates, where more than one value of either was tried. The other axes are at the choice in each.
    """
    axes = tuning["axes"]
    scores = np.array(tuning["surface"], dtype=float).reshape([len(values) for values in axes.values()])
    chosen = [values.index(tuning["choice"][name]) for name, values in axes.items()]
    more = len(axes["nms_iou"]) > 1 or len(axes["min_area"]) > 1

    with mpl.rc_context(STYLE):
        figure = Figure(figsize=(8.6 if more else 5.2, 3.3), layout="constrained")
        panels = figure.subplots(1, 2, width_ratios=[3, 2]) if more else [figure.subplots()]
        _lines(panels[0], tuning, scores[:, :, chosen[2], chosen[3]])
        if more:
            _cells(panels[1], axes, scores[chosen[0], chosen[1]], chosen)
        return svg(figure)


def _lines(panel: Axes, tuning: Mapping, scores: np.ndarray) -> None:
    axes = tuning["axes"]
    thresholds = axes["score_threshold"]
    for place, (value, line) in enumerate(zip(axes["mask_threshold"], scores.T, strict=True)):
        label = None if value is None else f"mask threshold {value:g}"
        panel.plot(thresholds, line, color=SERIES[place % len(SERIES)], linewidth=1.3, marker=".", label=label)
    for name, score, fill in (("choice", "tuned_in_sample", INK), ("configured", "untuned", "none")):
        height = np.nan if tuning[score]["score"] is None else tuning[score]["score"]
        at = tuning[name]["score_threshold"]
        panel.plot([at], [height], "o", markersize=8, markeredgecolor=INK, markerfacecolor=fill, label=name)
    panel.set(title=title_of(tuning["metric"]), xlabel="score threshold")
    panel.legend(loc="best")


def _cells(panel: Axes, axes: Mapping, scores: np.ndarray, chosen: list[int]) -> None:
    mesh = panel.pcolormesh(scores, cmap="viridis", edgecolors="none")
    defined = scores[~np.isnan(scores)]
    low, high = (defined.min(), defined.max()) if len(defined) else (0.0, 1.0)
    for (row, column), score in np.ndenumerate(scores):
        dark = not score > (low + high) / 2
        text = DASH if np.isnan(score) else f"{score:.3f}"
        weight = "bold" if [row, column] == chosen[2:] else "normal"
        middle = (column + 0.5, row + 0.5)
        panel.annotate(
            text, middle, ha="center", va="center", color=_ON_DARK if dark else _ON_LIGHT, weight=weight, fontsize=8
        )
    mesh.set_clim(low, high if high > low else low + 1)
    panel.set_xticks(np.arange(scores.shape[1]) + 0.5, [value_text(each) for each in axes["min_area"]])
    panel.set_yticks(np.arange(scores.shape[0]) + 0.5, [value_text(each) for each in axes["nms_iou"]])
    panel.grid(visible=False)
    panel.set(title="at the chosen thresholds", xlabel="minimum area (pixels)", ylabel="IoU of duplicates")


def value_text(value: float | None) -> str:
    """Return how a threshold is written."""
    return "none" if value is None else f"{value:g}"
