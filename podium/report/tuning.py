"""The page's part on thresholds that were tuned: what was chosen, how far to trust it, and the surface of scores."""

from collections.abc import Mapping
from pathlib import Path

from podium.config.competition import Competition
from podium.report.blocks import Missing, Plot, Table, Text, number, optional_json
from podium.report.drawing import inline
from podium.report.names import in_words, title_of
from podium.report.tuning_plot import surface_plot, value_text

_ROWS = {
    "untuned": "untuned: the configured thresholds",
    "cross_fitted": "tuned, cross-fitted: chosen on the other parts of the images",
    "gain": "gain: cross-fitted less untuned",
    "tuned_in_sample": "tuned, on the images that it was chosen on: too good",
}


def tuning_of(competition: Competition, results: Path, station: str, experiment: str) -> dict | None:
    """Return an experiment's tuning.json; None where its thresholds are not tuned, or not yet."""
    submission = competition.submission
    if not (submission and submission.tuning):
        return None
    return optional_json(results, f"{station}/{experiment}/tuning.json")


def tuning_blocks(competition: Competition, results: Path, station: str, experiment: str) -> list:
    """Describe an experiment's tuned thresholds; nothing where they are not tuned."""
    tuning = tuning_of(competition, results, station, experiment)
    if tuning is None:
        submission = competition.submission
        if submission and submission.tuning and (submission.station, submission.experiment) == (station, experiment):
            return [Missing("The tuned thresholds", f"{station}/{experiment}/tuning.json")]
        return []
    words = title_of(tuning["metric"])
    label = f"{words} on validation over the thresholds that were tried"
    plot = inline(surface_plot(tuning), f"{station}-{experiment}-tuning", label)
    return [_chosen(tuning), *_scores(tuning, words), *_at_the_end(tuning), Plot(plot, f"{label}.")]


def _chosen(tuning: Mapping) -> Table:
    axes = tuning["axes"]
    rows = [[name, *(value_text(tuning[name][axis]) for axis in axes)] for name in ("configured", "choice")]
    if tuning["agreement"]:
        ranges = [" to ".join(dict.fromkeys(map(value_text, tuning["agreement"]["range"][axis]))) for axis in axes]
        rows.append(["range over the parts", *ranges])
    rows.append(["values tried", *(", ".join(map(value_text, values)) for values in axes.values())])
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
    return [
        table,
        Text(
            f"{same} of {parts} parts chose what all validation images together chose. Cross-fitting is of thresholds "
            "alone: weights that were kept as the best on these images, and an experiment that was selected by them, "
            "still make the score a bit too good."
        ),
    ]


def _at_the_end(tuning: Mapping) -> list[Text]:
    """Say where better values may lie beyond those tried. A choice that drops nothing has nothing beyond it."""
    ends = []
    for axis, values in tuning["axes"].items():
        tried, chosen = [value for value in values if value is not None], tuning["choice"][axis]
        if len(tried) > 1 and chosen in (tried[0], tried[-1]) and (axis, chosen) != ("min_area", 1):
            ends.append(f"{in_words(axis)} {value_text(chosen)}")
    if not ends:
        return []
    return [Text(f"At the end of the values tried, beyond which better ones may lie: {', '.join(ends)}.")]
