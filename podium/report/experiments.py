"""The page's parts on trained models: settings, curves and metrics of each experiment."""

import base64
from collections.abc import Mapping, Sequence
from pathlib import Path

from podium.config.chosen import Chosen, judged_parts
from podium.config.competition import Competition
from podium.config.judging import Station
from podium.config.metrics import METRIC_NAMES
from podium.config.section import Section as Settings
from podium.config.solver import Solver
from podium.report.blocks import (
    Drawing,
    Listing,
    Missing,
    Plot,
    Plots,
    Section,
    Table,
    Text,
    number,
    optional_json,
    records_table,
)
from podium.report.detail import detail_blocks
from podium.report.drawing import inline
from podium.report.names import SPLITS, title_of
from podium.report.plots import loss_curve, read_history, validation_curve
from podium.report.settings import as_yaml
from podium.report.tuning import tuning_blocks
from podium.training.schedule_advice import advice


def detection_section(name: str, competition: Competition, results: Path, chosen: Chosen = None) -> Section:
    """Describe a detection experiment; `results` is the folder `results/<name>`, `chosen` what was selected."""
    folder = f"detection/{name}"
    return Section(
        name,
        f"detection-{name}",
        [
            _settings(competition.detection[name]),
            *_schedule(results, f"{folder}/schedule.svg", competition.detection[name].solver),
            *_curves(results, f"{folder}/history.csv", f"detection-{name}"),
            *_instance_metrics(results, "detection", name, competition, chosen),
            *tuning_blocks(competition, results, "detection", name),
        ],
    )


def segmentation_section(name: str, competition: Competition, results: Path, chosen: Chosen = None) -> Section:
    """Describe a segmentation experiment; `results` is the folder `results/<name>`, `chosen` what was selected."""
    folder = f"segmentation/{name}"
    found, missing = _metrics(results, folder, judged_parts(competition, "segmentation", name, chosen))
    rows = [{"split": SPLITS[split], **_plain(metrics)} for split, metrics in found.items()]
    table = [records_table("Masks in crops around true boxes", rows)] if rows else []
    return Section(
        name,
        f"segmentation-{name}",
        [
            _settings(competition.segmentation[name]),
            *_schedule(results, f"{folder}/schedule.svg", competition.segmentation[name].solver),
            *_curves(results, f"{folder}/history.csv", f"segmentation-{name}"),
            *table,
            *missing,
        ],
    )


def instances_section(name: str, competition: Competition, results: Path, chosen: Chosen = None) -> Section:
    """Describe an instances experiment; `results` is the folder `results/<name>`, `chosen` what was selected."""
    blocks = [
        _settings(competition.instances[name]),
        *_instance_metrics(results, "instances", name, competition, chosen),
        *tuning_blocks(competition, results, "instances", name),
    ]
    return Section(name, f"instances-{name}", blocks)


def _settings(experiment: Settings) -> Listing:
    return Listing("Settings", as_yaml(experiment.model_dump(mode="json")))


def _schedule(results: Path, file: str, solver: Solver) -> list[Drawing]:
    path = results / file
    if not path.exists():
        return []
    source = "data:image/svg+xml;base64," + base64.b64encode(path.read_bytes()).decode("ascii")
    caption = "The learning rate as it was planned before training."
    # The drawing shows the advice; its words are also for those who do not see it, and for searching.
    return [Drawing(source, " ".join(["Planned learning rate over iterations.", *advice(solver)]), caption)]


def _curves(results: Path, file: str, anchor: str) -> list:
    if not (results / file).exists():
        return [Missing("The curves of the training", file)]
    history = read_history(results / file)
    plots = []
    for kind, draw, label in (
        ("loss", loss_curve, f"Loss and learning rate over {number(len(history))} iterations"),
        ("validation", validation_curve, "Metrics on the validation split"),
    ):
        if svg := draw(history):
            plots.append(Plot(inline(svg, f"{anchor}-{kind}", label), f"{label}."))
    if not plots:
        return [Text("No iterations were trained: the model is as it was initialised.")]
    return [Plots(plots)]


def _metrics(results: Path, folder: str, parts: Sequence[str]) -> tuple[dict[str, dict], list[Missing]]:
    """Return the metrics that there are by split, and notes on those that are not."""
    found, missing = {}, []
    for split in parts:
        file = f"{folder}/metrics.{split}.json"
        metrics = optional_json(results, file)
        if metrics is None:
            missing.append(Missing(f"The metrics on the {SPLITS[split]} split", file))
        else:
            found[split] = metrics
    return found, missing


def _plain(metrics: Mapping) -> dict:
    return {key: value for key, value in metrics.items() if not isinstance(value, dict | list)}


def _instance_metrics(results: Path, station: Station, name: str, competition: Competition, chosen: Chosen) -> list:
    found, missing = _metrics(results, f"{station}/{name}", judged_parts(competition, station, name, chosen))
    scores = _scores(found, competition.own_metric)
    return [*_precision(found), *scores, *detail_blocks(found, f"{station}-{name}"), *missing]


def _precision(found: Mapping[str, dict]) -> list[Table]:
    rows = []
    for shape in ("box", "mask"):
        for split, metrics in found.items():
            if numbers := metrics.get(shape):
                counted = {key: metrics[key] for key in ("images", "instances")}
                rows.append({"": f"{shape}, {SPLITS[split]}", **counted, **numbers})
    caption = "Average precision and recall as COCO defines them"
    return [records_table(caption, rows)] if rows else []


def _scores(found: Mapping[str, dict], own: str) -> list[Table]:
    """Make the table of the competitions' scores, `own` first: that of the competition itself."""
    names = dict.fromkeys(name for metrics in found.values() for name in metrics.get("scores") or {})
    if not names:
        return []
    names = sorted(names, key=lambda name: name != own)
    rows = [
        [title_of(name), *(_with_interval(metrics["scores"].get(name)) for metrics in found.values())] for name in names
    ]
    thresholds = {split: metrics["score_threshold"] for split, metrics in found.items() if "score_threshold" in metrics}
    words = [f"{threshold:g} ({SPLITS[split]})" for split, threshold in thresholds.items()]
    if len(set(thresholds.values())) == 1:
        words = [f"{threshold:g}" for threshold in set(thresholds.values())]
    counted = f", instances from a confidence of {' and '.join(words)} on" if words else ""
    if ranked := [title_of(name) for name in names if name in METRIC_NAMES and METRIC_NAMES[name].ranked]:
        counted += f", all for {', '.join(ranked)}"
    caption = f"Competitions' scores over images with 95% bootstrap intervals{counted}"
    return [Table(caption, ["score", *(SPLITS[split] for split in found)], rows)]


def _with_interval(score: Mapping | float | None) -> str:
    if not isinstance(score, Mapping):
        return number(score)
    if score.get("low") is None:
        return number(score.get("mean"))
    return f"{number(score['mean'])} [{number(score['low'])}, {number(score['high'])}]"
