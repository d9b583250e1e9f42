"""The page's part on thresholds that were tuned: what was chosen, how far to trust it, and the surface of scores."""

from collections.abc import Mapping
from pathlib import Path

import matplotlib as mpl
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from podium.config.competition import Competition
from podium.report.blocks import DASH, Missing, Plot, Table, Text, number, optional_json
from podium.report.drawing import INK, SERIES, STYLE, inline, svg
from podium.report.names import SCORES, in_words

_ROWS = {
    "untuned": "untuned: the configured thresholds",
    "cross_fitted": "tuned, cross-fitted: chosen on the other parts of the images",
    "gain": "gain: cross-fitted less untuned",
    "tuned_in_sample": "tuned, on the images that it was chosen on: too good",
}
# Numbers in cells of the heat map, which has its own ground at night, too.
_ON_DARK, _ON_LIGHT = "#fdfdfd", "#111111"


def tuning_of(competition: Competition, results: Path, station: str, experiment: str) -> dict | None:
    """Return an experiment's tuning.json; None where its thresholds are not tuned, or not yet."""
    if not (competition.submission and competition.submission.tuning):
        return None
    return optional_json(results, f"{station}/{experiment}/tuning.json")


def tuning_blocks(competition: Competition, results: Path, station: str, experiment: str) -> list:
    """Describe an experiment's tuned thresholds; nothing where they are not tuned."""
    tuning = tuning_of(competition, results, station, experiment)
    if tuning is None:
        expected = competition.submission and competition.submission.tuning and station == "instances"
        return [Missing("The tuned thresholds", f"{station}/{experiment}/tuning.json")] if expected else []
    words = SCORES.get(tuning["metric"], tuning["metric"])
    label = f"{words} on validation over the thresholds that were tried"
    plot = inline(surface_plot(tuning), f"{station}-{experiment}-tuning", label)
    return [_chosen(tuning), *_scores(tuning, words), *_at_the_end(tuning), Plot(plot, f"{label}.")]


def _chosen(tuning: Mapping) -> Table:
    axes = tuning["axes"]
    rows = [[name, *(_value(tuning[name][axis]) for axis in axes)] for name in ("configured", "choice")]
    if tuning["agreement"]:
        ranges = [" to ".join(dict.fromkeys(map(_value, tuning["agreement"]["range"][axis]))) for axis in axes]
        rows.append(["range over the parts", *ranges])
    rows.append(["values tried", *(", ".join(map(_value, values)) for values in axes.values())])
    return Table("Thresholds, chosen on validation and used for all other parts", ["", *map(in_words, axes)], rows)


def _scores(tuning: Mapping, words: str) -> list:
    rows = [
        [row, *(number(tuning[name][key]) for key in ("score", "low", "high"))]
        for name, row in _ROWS.items()
        if tuning[name]
    ]
    caption = f"{words} on the {number(tuning['images'])} validation images, with 95% bootstrap intervals"
    table = Table(caption, ["", "score", "low", "high"], rows)
    if not tuning["agreement"]:
        return [table, Text("The validation images cannot be divided: there is no cross-fitted score.")]
    same, parts = tuning["agreement"]["same"], tuning["agreement"]["parts"]
    return [table, Text(f"{same} of {parts} parts chose what all validation images together chose.")]


def _at_the_end(tuning: Mapping) -> list[Text]:
    """Say where better values may lie beyond those tried. A choice that drops nothing has nothing beyond it."""
    ends = []
    for axis, values in tuning["axes"].items():
        tried, chosen = [value for value in values if value is not None], tuning["choice"][axis]
        if len(tried) > 1 and chosen in (tried[0], tried[-1]) and (axis, chosen) != ("min_area", 1):
            ends.append(f"{in_words(axis)} {_value(chosen)}")
    if not ends:
        return []
    return [Text(f"At the end of the values tried, beyond which better ones may lie: {', '.join(ends)}.")]


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
    panel.set(title=SCORES.get(tuning["metric"], tuning["metric"]), xlabel="score threshold")
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
    panel.set_xticks(np.arange(scores.shape[1]) + 0.5, [_value(each) for each in axes["min_area"]])
    panel.set_yticks(np.arange(scores.shape[0]) + 0.5, [_value(each) for each in axes["nms_iou"]])
    panel.grid(visible=False)
    panel.set(title="at the chosen thresholds", xlabel="minimum area (pixels)", ylabel="IoU of duplicates")


def _value(value: float | None) -> str:
    return "none" if value is None else f"{value:g}"
