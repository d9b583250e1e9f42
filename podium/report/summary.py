"""The page's first lines: how much data, and the numbers that a reader looks for."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from podium.config.chosen import Chosen, chosen_chain, judged_parts, shown_experiments
from podium.config.competition import SELECTED, Competition
from podium.config.judging import Station
from podium.data.dataset import Dataset
from podium.report.blocks import number, optional_json
from podium.report.names import title_of
from podium.report.submission import local_score


@dataclass(frozen=True)
class Headline:
    """A number with its name and what it is of."""

    name: str
    value: str
    note: str


def headlines(
    competition: Competition,
    dataset: Dataset,
    data: Path,
    results: Path,
    submissions: Path,
    chosen: Chosen = None,
) -> list[Headline]:
    """Return the page's first numbers: those of what was `chosen` or is submitted, and of what that is made of.

    Without either the best on validation, of the experiments that the page describes, gives its number on test.
    """
    metric, submission = competition.own_metric, competition.submission
    # Of detections alone a competition can ask for boxes.
    judged = "instances" if competition.instances else "detection"
    if submission:
        judged = submission.station
    wanted: list[tuple[Station, str, Callable[[Mapping], float | None]]] = [
        ("detection", "Box AP", lambda metrics: (metrics["box"] or {}).get("AP")),
        ("detection", "Box AP50", lambda metrics: (metrics["box"] or {}).get("AP50")),
        ("segmentation", "Mean IoU in crops", lambda metrics: metrics.get("mean_iou")),
        ("instances", "Mask AP", lambda metrics: (metrics["mask"] or {}).get("AP")),
        (judged, title_of(metric), lambda metrics: _mean(metrics, metric)),
    ]
    told = chosen_chain(competition, chosen)
    if not told and submission and submission.experiment != SELECTED:
        told = competition.chain(submission.station, submission.experiment)
    found = [
        _best(competition, results, chosen, told.get(each[0]) or shown_experiments(competition, each[0], chosen), *each)
        for each in wanted
    ]
    return [*_images(dataset, data), *(each for each in found if each), *_submitted(competition, submissions)]


def _images(dataset: Dataset, data: Path) -> list[Headline]:
    split = optional_json(data, "splits/0.json")
    note = ""
    if split:
        parts = (("train", "training"), ("val", "validation"), ("test", "test"))
        note = ", ".join(f"{len(split[part])} {words}" for part, words in parts)
    train, test = (len(dataset.subset(subset)) for subset in ("train", "test"))
    own = [Headline("Competition's test images", number(test), "without truth")] if test else []
    return [Headline("Images with truth", number(train), note), *own]


def _best(
    competition: Competition,
    results: Path,
    chosen: Chosen,
    experiments: Sequence[str],
    station: Station,
    name: str,
    value: Callable[[Mapping], float | None],
) -> Headline | None:
    """Choose by validation, tell the number on test; without test metrics the number on validation."""
    candidates = []
    for experiment in experiments:
        files = {
            part: optional_json(results, f"{station}/{experiment}/metrics.{part}.json")
            for part in judged_parts(competition, station, experiment, chosen)
        }
        val, test = (None if files.get(part) is None else value(files[part]) for part in ("val", "test"))
        candidates.append((-1.0 if val is None else val, experiment, val, test))
    # What was not selected has no numbers on test.
    candidates = [each for each in candidates if each[3] is not None] or candidates
    _, experiment, val, test = max(candidates, key=lambda each: each[0], default=(0, "", None, None))
    if val is None and test is None:
        return None
    shown, split = (val, "validation") if test is None else (test, "test")
    return Headline(name, number(shown), f"{experiment}, {split} split")


def _mean(metrics: Mapping, metric: str) -> float | None:
    return ((metrics.get("scores") or {}).get(metric) or {}).get("mean")


def _submitted(competition: Competition, submissions: Path) -> list[Headline]:
    score = local_score(competition, submissions)
    if score is None:
        return []
    interval = f" [{number(score['low'])}, {number(score['high'])}]" if score.get("low") is not None else ""
    note = f"{title_of(score['metric'])}{interval}, known solution"
    return [Headline("Submission's local score", number(score["score"]), note)]
