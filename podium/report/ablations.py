"""The page's part on ablations: what varies, how the points compare, the same validation images for every point."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import pandas as pd

from podium.config.ablations import Ablation
from podium.config.competition import Competition
from podium.config.key_paths import told_apart
from podium.data.dataset import Dataset
from podium.report.ablation_plot import ablation_plot
from podium.report.blocks import (
    Folded,
    Gallery,
    Listing,
    Missing,
    Plot,
    Section,
    Table,
    Text,
    number,
    optional_json,
    with_interval,
)
from podium.report.drawing import inline
from podium.report.galleries import Showing, predictions_file, sample, shown_objects
from podium.report.names import in_words, title_of
from podium.report.settings import as_yaml


def ablations_section(
    competition: Competition, dataset: Dataset, data: Path, results: Path, lost: Mapping[str, str]
) -> list[Section]:
    """Describe the ablations; nothing where there are none. Parameters as of `podium.report.page.build_report`."""
    if not competition.ablations:
        return []
    text = "All points are compared on the validation split; the test split is not read for them."
    sections = [
        Section(name, f"ablation-{name}", [*_blocks(name, ablation, competition, dataset, data, results, lost)])
        for name, ablation in competition.ablations.items()
    ]
    return [Section("Ablations", "ablations", [Text(text)], sections)]


def _blocks(
    name: str,
    ablation: Ablation,
    competition: Competition,
    dataset: Dataset,
    data: Path,
    results: Path,
    lost: Mapping[str, str],
) -> Iterator[object]:
    words = {key: value for key, value in ablation.model_dump(mode="json").items() if key not in ("points", "made")}
    yield Listing("What varies and what is fixed", as_yaml(words))
    files = [f"ablations/{name}.{kind}" for kind in ("csv", "seeds.csv")]
    for file in files:
        if not (results / file).exists():
            yield Missing("The comparison of the points", file)
            return
    keys = [*ablation.points[0].values]
    by_point, by_seed = (_read(results / file, ablation, keys) for file in files)
    rows = [
        {key: None if pd.isna(value) else value for key, value in row.items()} for row in by_point.to_dict("records")
    ]
    metric = title_of(ablation.metric)
    dropped = competition.dropped(ablation.station, by_seed["experiment"])
    yield _comparison(rows, ablation, metric, competition, dropped)
    yield from _lost(ablation, by_seed, lost)
    label = f"{metric} on validation{_without(dropped)} by {', '.join(told_apart(keys).values())}"
    dots = "Dots are trained models, the line goes through their means, whiskers are one standard deviation over seeds."
    yield Plot(inline(ablation_plot(by_seed, keys, ablation.metric), f"ablation-{name}", label), f"{label}. {dots}")
    yield _numbers(rows, [*keys, ablation.metric], dropped)
    yield from _gallery(ablation, competition, dataset, data, results, by_seed)


def _read(file: Path, ablation: Ablation, keys: list[str]) -> pd.DataFrame:
    """Read a table with names and values as they are, also such as 1, NA and None: only an empty cell is a gap."""
    named = [key for key in keys if any(isinstance(point.values[key], str) for point in ablation.points)]
    texts = dict.fromkeys(["point", "experiment", *named], str)
    return pd.read_csv(file, keep_default_na=False, na_values=[""], dtype=texts)


def _lost(ablation: Ablation, by_seed: pd.DataFrame, lost: Mapping[str, str]) -> Iterator[Text]:
    """Tell of the models that are not compared, and how their trainings diverged."""
    there = set(by_seed["experiment"])
    for point in ablation.points:
        for seed, name in point.experiments.items():
            if name not in there:
                problem = lost.get(f"{ablation.station}.{name}")
                why = f" Its training diverged: {problem}." if problem else ""
                yield Text(f"Not compared: {point.label}, seed {seed}.{why}")


def _without(dropped: list[str]) -> str:
    return f" without {', '.join(dropped)}" if dropped else ""


def _comparison(
    rows: list[dict], ablation: Ablation, metric: str, competition: Competition, dropped: list[str]
) -> Table:
    columns = [
        "point",
        "seeds",
        metric,
        "difference to the reference",
        "share of resamples above 0",
        "training, minutes",
    ]
    cells = [
        [
            f"{row['point']} (reference)" if row["reference"] else row["point"],
            number(row["seeds"]),
            _with_spread(row, ablation.metric),
            with_interval(row["difference"], row["difference_low"], row["difference_high"]),
            number(row["share_above"]),
            number(None if row["seconds"] is None else row["seconds"] / 60, 1),
        ]
        for row in rows
    ]
    samples = number(competition.evaluation.bootstrap_samples)
    caption = (
        f"Means over seeds \u00b1 standard deviation; differences with 95% intervals of a paired bootstrap, {samples} "
        "resamples of the validation images"
    )
    if dropped:
        caption += f"; compared{_without(dropped)}, which not all points are trained to find"
    return Table(caption, columns, cells)


def _numbers(rows: list[dict], shown: list[str], dropped: list[str]) -> Folded:
    """Show every number of the metrics files but what is shown already."""
    apart = {"point", "reference", "seeds", "difference", "difference_low", "difference_high", "share_above", "seconds"}
    names = [name for name in rows[0] if name not in apart | {*shown} and not name.endswith("_sd")]
    names = [name for name in names if any(row[name] is not None for row in rows)]
    cells = [[row["point"], *(_with_spread(row, name) for name in names)] for row in rows]
    caption = f"On validation{', of all categories' if dropped else ''}"
    return Folded("All numbers", [Table(caption, ["point", *map(in_words, names)], cells)])


def _with_spread(row: Mapping, name: str) -> str:
    spread = row.get(f"{name}_sd")
    return number(row[name]) + ("" if spread is None else f" \u00b1 {number(spread)}")


def _gallery(
    ablation: Ablation,
    competition: Competition,
    dataset: Dataset,
    data: Path,
    results: Path,
    by_seed: pd.DataFrame,
) -> Iterator[Gallery | Missing]:
    """Show some validation images with their truth and what each point, by its first model that is compared, finds."""
    if not competition.report.gallery:
        return
    split = f"splits/{competition.fold(ablation.station, ablation.experiments[0])}.json"
    images = optional_json(data, split)
    if images is None:
        yield Missing("Pictures of the validation split", split)
        return
    found = {}
    first = by_seed.drop_duplicates("point")
    for label, experiment in zip(first["point"], first["experiment"], strict=True):
        file = predictions_file(ablation.station, experiment, "val")
        predictions = optional_json(results, file)
        if predictions is None:
            yield Missing(f"Pictures of the point {label}", file)
        else:
            found[label] = shown_objects(
                *(competition, dataset, results, ablation.station, experiment, "val", predictions),
                competition.evaluation.score_threshold,
            )
    full = [each for each in images["val"] if dataset.annotations[each]] or images["val"]
    show = Showing(competition, dataset, {}, with_truth=True)
    chosen = sample(full, competition.report.gallery, competition.splits.seed)
    specimens = [show.beside(image_id, found) for image_id in chosen]
    seeds = _seeds(by_seed, first) if len(ablation.points[0].experiments) > 1 else ""
    text = f"Validation images at random, of those with objects.{seeds} {show.key}".strip()
    yield Gallery("Side by side", text, specimens, show.legend, wide=True)


def _seeds(by_seed: pd.DataFrame, first: pd.DataFrame) -> str:
    """Say of which seed the points' models are."""
    seed = by_seed["seed"].iloc[0]
    others = "".join(f", of {row.point} of seed {row.seed}" for row in first.itertuples() if row.seed != seed)
    return f" Models of seed {seed}{others}."
