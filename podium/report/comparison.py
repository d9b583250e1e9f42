"""The page's part on ways to the same objects: what each finds and costs, and the same images side by side."""

from collections.abc import Iterator, Mapping
from pathlib import Path

from podium.config.competition import Competition
from podium.config.metrics import METRIC_NAMES
from podium.config.ways import Way, compared_part, on_other_folds, ways
from podium.data.dataset import Dataset
from podium.report.blocks import Gallery, Missing, Section, Table, Text, number, optional_json, with_interval
from podium.report.galleries import Showing, predictions_file, sample, shown_objects
from podium.report.names import SPLITS, title_of
from podium.report.tuning import tuning_of
from podium.report.way_costs import cost_table

FILE = "comparison.json"

_SIZES = {"": "AP", "50": "AP50", "75": "AP75", "s": "small", "m": "medium", "l": "large"}


def comparison_section(competition: Competition, dataset: Dataset, results: Path) -> list[Section]:
    """Compare the ways that a competition has to its objects; nothing where there are no two. `results/<name>`."""
    found = ways(competition)
    if not found:
        return []
    section, part = Section("Comparison", "comparison"), compared_part(competition)
    names = _names(found)
    record = optional_json(results, FILE)
    if record is None:
        section.blocks.append(Missing("How ways to the same objects compare", FILE))
        return [section]
    files = {way: f"{way[0]}/{way[1]}/metrics.{part}.json" for way in found}
    metrics = {way: numbers for way, file in files.items() if (numbers := optional_json(results, file)) is not None}
    section.blocks += [
        Text(_in_words(record, names)),
        *_own_scores(record, names, competition, results),
        *_precision("box", "box_ap", record, metrics, names),
        *_precision("mask", "mask_ap", record, metrics, names),
        *(Missing(f"Numbers of {names[way]}", file) for way, file in files.items() if way not in metrics),
        cost_table(competition, {names[way]: way for way in found}, part, record["images"], results),
    ]
    if others := on_other_folds(competition):
        told = ", ".join(f"{station}.{name}" for station, name in others)
        section.blocks.append(Text(f"Not compared, for they are trained on other folds: {told}."))
    section.blocks += _galleries(competition, dataset, results, part, metrics, names)
    return [section]


def _names(found: list[Way]) -> dict[Way, str]:
    """Return what ways are called: by their experiments' names, where these differ."""
    names = [name for _, name in found]
    return {way: way[1] if names.count(way[1]) == 1 else ".".join(way) for way in found}


def _in_words(record: Mapping, names: Mapping[Way, str]) -> str:
    """Say which way is the best by each metric, or which ones are, and how to read differences."""
    best: dict[tuple[str, ...], list[str]] = {}
    for metric, compared in record["metrics"].items():
        values = {way: row["value"] for way, row in compared["ways"].items() if row["value"] is not None}
        if len(values) > 1:
            highest = max(values.values())
            leaders = tuple(names[tuple(way.split("."))] for way, value in values.items() if value == highest)
            best.setdefault(leaders, []).append(f"{title_of(metric)} ({number(highest)})")
    told = [
        f"{' and '.join(leaders)} {'have' if len(leaders) > 1 else 'has'} the highest {', '.join(metrics)}."
        for leaders, metrics in best.items()
    ]
    counted = f"{number(record['images'])} images, {number(record['instances'])} objects"
    where = f"Ways to the same objects on the {SPLITS[record['part']]} split: {counted}."
    joined = any(station == "instances" for station, _ in names)
    bootstrap = (
        "Differences are to the reference, with 95% intervals of a paired bootstrap over the images: one that holds 0 "
        "may be chance."
    )
    around = ["Where a segmenter finds the mask, the box is the one around it."] if joined else []
    return " ".join([where, *told, bootstrap, *around])


def _name(way: Way, names: Mapping[Way, str], compared: Mapping) -> str:
    return f"{names[way]} (reference)" if ".".join(way) == compared["reference"] else names[way]


def _difference(row: Mapping) -> list[str]:
    return [with_interval(row.get("difference"), row.get("low"), row.get("high")), number(row.get("above"))]


_COMPARED = ["difference", "share of resamples above 0"]


def _own_scores(record: Mapping, names: Mapping[Way, str], competition: Competition, results: Path) -> Iterator[Table]:
    """The competition's metric, unless that is COCO's AP, which has a table of its own."""
    metric = competition.own_metric
    compared = record["metrics"].get(metric)
    if compared is None or metric in ("box_ap", "mask_ap"):
        return
    rows, ranked = [], METRIC_NAMES[metric].ranked
    for way in names:
        if row := compared["ways"].get(".".join(way)):
            threshold = [] if ranked else [f"{record['score_thresholds']['.'.join(way)]:g}"]
            tuned = record["part"] != "val" and tuning_of(competition, results, *way) is not None
            own = [number(row["value"]), *_difference(row), *threshold, "yes" if tuned else "no"]
            rows.append([_name(way, names, compared), *own])
    columns = ["way", "score", *_COMPARED, *([] if ranked else ["from a confidence of"]), "tuned"]
    counted = "all predictions" if ranked else "each way at its own threshold of confidence"
    yield Table(f"{title_of(metric)} on the {SPLITS[record['part']]} split, {counted}", columns, rows)


def _precision(
    shape: str, metric: str, record: Mapping, metrics: Mapping[Way, Mapping], names: Mapping[Way, str]
) -> Iterator[Table]:
    """COCO's average precision of one shape, overall, at two IoUs, by size, and its difference."""
    compared = record["metrics"].get(metric, {"ways": {}})
    rows = [
        [_name(way, names, compared), *(number(numbers[shape][f"AP{size}"]) for size in _SIZES), *_difference(row)]
        for way, numbers in metrics.items()
        if numbers.get(shape) and (row := compared["ways"].get(".".join(way)))
    ]
    if rows:
        what = "boxes" if shape == "box" else "masks"
        caption = (
            f"COCO's average precision of {what} on the {SPLITS[record['part']]} split; small is under 32\u00b2 "
            "pixels, large from 96\u00b2 on; differences are of AP"
        )
        yield Table(caption, ["way", *_SIZES.values(), *_COMPARED], rows)


def _galleries(
    competition: Competition,
    dataset: Dataset,
    results: Path,
    part: str,
    metrics: Mapping[Way, Mapping],
    names: Mapping[Way, str],
) -> Iterator[Gallery | Missing]:
    """Show images with their truth and what each way makes of them: at random, and where they differ most."""
    count = competition.report.gallery
    if not count or not metrics:
        return
    images = [row["image_id"] for row in next(iter(metrics.values()))["per_image"]]
    found = {}
    for way, numbers in metrics.items():
        file = predictions_file(*way, part)
        predictions = optional_json(results, file)
        if predictions is None:
            yield Missing(f"Pictures of {names[way]}", file)
            continue
        found[names[way]] = shown_objects(
            *(competition, dataset, results, *way, part, predictions), numbers["score_threshold"]
        )
    show = Showing(competition, dataset, {}, with_truth=True)
    full = [each for each in images if dataset.annotations[each]] or images
    spread = _spread(competition.own_metric, metrics)
    most = sorted((each for each in spread if spread[each] > 0), key=lambda each: (-spread[each], each))[:count]
    words = SPLITS[part].capitalize()
    for title, text, chosen in (
        ("Side by side", f"{words} images at random, of those with objects.", sample(full, count, 0)),
        ("Where they differ most", f"{words} images by {title_of(competition.own_metric)}.", most),
    ):
        if chosen:
            specimens = [show.beside(image_id, found) for image_id in chosen]
            yield Gallery(title, f"{text} {show.key}".strip(), specimens, show.legend, wide=True)


def _spread(metric: str, metrics: Mapping[Way, Mapping]) -> dict[int, float]:
    """Return by image how far apart the ways' scores are, of those that have one."""
    scores: dict[int, list[float]] = {}
    for numbers in metrics.values():
        for row in numbers["per_image"]:
            if row.get(metric) is not None:
                scores.setdefault(row["image_id"], []).append(row[metric])
    return {image_id: max(values) - min(values) for image_id, values in scores.items()}
