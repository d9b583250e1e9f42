"""The page's part on the data: counts, sizes, categories, what was left out, and how it was divided."""

from collections import Counter
from pathlib import Path

import numpy as np

from podium.config.competition import Competition
from podium.data.dataset import Dataset
from podium.report.blocks import (
    Folded,
    Listing,
    Missing,
    Plot,
    Section,
    Table,
    Text,
    number,
    optional_json,
    records_table,
)
from podium.report.drawing import inline
from podium.report.names import in_words
from podium.report.plots import histogram
from podium.report.settings import as_yaml

MOST_LISTED = 200
"""Findings of each kind that the page lists; the file has all."""

SUBSETS = {"train": "with truth", "test": "the competition's test"}


def data_section(competition: Competition, dataset: Dataset, data: Path) -> Section:
    """Describe a dataset; `data` is the folder `data/<name>`."""
    parts = {"source", "layout", "checks", "splits", "evaluation", "submission"}
    settings = competition.model_dump(mode="json", include=parts)
    return Section(
        "Data",
        "data",
        [
            _counts(dataset),
            _categories(dataset),
            *_sizes(dataset),
            *_quarantine(data),
            Listing("Settings of data, splits, evaluation and submission", as_yaml(settings)),
            Text(f"Fingerprint of the checked dataset: {dataset.digest[:12]}."),
        ],
        [_splits(competition, data, fold) for fold in range(competition.splits.folds)],
    )


def _counts(dataset: Dataset) -> Table:
    rows = []
    for subset, words in SUBSETS.items():
        ids = dataset.subset(subset)
        objects = [len(dataset.annotations[image_id]) for image_id in ids]
        if subset == "test":
            rows.append([words, number(len(ids)), *[number(None)] * 4])
            continue
        middle = f"{np.median(objects):g}" if objects else number(None)
        most = number(max(objects, default=None))
        rows.append([words, number(len(ids)), number(sum(objects)), number(objects.count(0)), middle, most])
    columns = ["images", "number", "objects", "without objects", "objects per image, median", "most"]
    return Table("Images and objects", columns, rows)


def _categories(dataset: Dataset) -> Table:
    objects, images = Counter(), Counter()
    for entries in dataset.annotations.values():
        objects.update(entry["category_id"] for entry in entries)
        images.update({entry["category_id"] for entry in entries})
    ids = [category["id"] for category in dataset.categories]
    rows = [
        [name, number(images[category_id]), number(objects[category_id])]
        for category_id, name in zip(ids, dataset.category_names, strict=True)
    ]
    return Table("Categories", ["category", "images with it", "objects"], rows)


def _sizes(dataset: Dataset) -> list:
    sides = np.array([(entry["width"], entry["height"]) for entry in dataset.images.values()])
    areas = np.array([entry["area"] for entries in dataset.annotations.values() for entry in entries], dtype=float)
    rows = []
    if len(sides):
        rows += [_quantiles("image width (pixels)", sides[:, 0]), _quantiles("image height (pixels)", sides[:, 1])]
    if len(areas):
        rows.append(_quantiles("object size (square root of area, pixels)", np.sqrt(areas)))
    columns = ["", "least", "25%", "median", "75%", "most"]
    blocks = [Table("Sizes", columns, rows)]
    if (areas > 0).any():
        # COCO's limits: https://cocodataset.org/#detection-eval
        small, large = (areas < 32**2).mean(), (areas >= 96**2).mean()
        caption = (
            f"Sizes of objects as the square root of their area. In COCO's terms {small:.0%} are small (under 32), "
            f"{1 - small - large:.0%} medium, {large:.0%} large (from 96)."
        )
        svg = histogram(np.sqrt(areas[areas > 0]), "size", "pixels")
        blocks.append(Plot(inline(svg, "object-sizes", "Histogram of object sizes"), caption))
    return blocks


def _quantiles(name: str, values: np.ndarray) -> list[str]:
    return [name, *(f"{value:.0f}" for value in np.quantile(values, [0, 0.25, 0.5, 0.75, 1]))]


_FINDINGS = {"left_out": "left out", "mended": "mended", "notes": "noted"}


def _quarantine(data: Path) -> list:
    file = "dataset/quarantine.json"
    found = optional_json(data, file)
    if found is None:
        return [Missing("The list of records that were left out", file)]
    kinds = [(found.get(key, []), words) for key, words in _FINDINGS.items()]
    blocks = [Text(f"Records {', '.join(f'{words}: {number(len(entries))}' for entries, words in kinds)}.")]
    for entries, words in kinds:
        if not entries:
            continue
        listed = records_table(f"Records {words}: {len(entries)}", entries[:MOST_LISTED])
        rest = [Text(f"… and {len(entries) - MOST_LISTED} more, in {file}.")] if len(entries) > MOST_LISTED else []
        blocks.append(Folded(f"The records {words}", [listed, *rest]))
    return blocks


def _splits(competition: Competition, data: Path, fold: int) -> Section:
    title = "Splits" if competition.splits.folds == 1 else f"Splits, fold {fold}"
    section = Section(title, f"splits-{fold}")
    file = f"splits/{fold}.json"
    split = optional_json(data, file)
    if split is None:
        section.blocks.append(Missing("The division into training, validation and test images", file))
        return section
    caption = f"What ended where; seed {split.get('seed', competition.splits.seed)}"
    section.blocks += _split_table(caption, split["table"])
    if split.get("missing"):
        section.blocks.append(records_table("Categories that are not in every part", split["missing"]))
    if split.get("leak_check"):
        section.blocks.append(_leak_check(split["leak_check"]))
    return section


def _split_table(caption: str, rows: list[dict]) -> list:
    """Show the rows of the parts as wholes, and those of their categories, where there are several, folded."""
    whole = [{key: value for key, value in row.items() if key != "category"} for row in rows if not row.get("category")]
    categories = [row for row in rows if row.get("category")]
    blocks = [records_table(caption, whole)]
    if len({row["category"] for row in categories}) > 1:
        shown = [{key: value for key, value in row.items() if value is not None} for row in categories]
        blocks.append(Folded("The same by category", [records_table("Categories in each part", shown)]))
    return blocks


def _leak_check(check: dict) -> Table:
    rows = [[in_words(key), number(value)] for key, value in check.items()]
    return Table("Check for leaks between the parts", ["checked", "found"], rows)
