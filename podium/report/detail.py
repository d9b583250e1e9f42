"""The page's part on how an experiment's predictions go wrong: by category, by confidence, by kind of error."""

from collections.abc import Mapping

from podium.report.blocks import Folded, Plot, Plots, Table, number, records_table
from podium.report.detail_plots import confusion_plot, f1_plot, precision_recall_plot
from podium.report.drawing import inline
from podium.report.names import SPLITS

MOST_CATEGORIES = 12
"""A longer table of categories is folded."""

SHAPES = ("box", "mask")
ERRORS = {
    "right": "right",
    "duplicate": "duplicate",
    "localisation": "badly placed",
    "confusion": "other category",
    "both": "badly placed, other category",
    "background": "on background",
    "missed": "missed",
}


def detail_blocks(found: Mapping[str, Mapping], anchor: str) -> list:
    """Describe metrics, by split, of an experiment with `anchor` in the page; curves are of the last split."""
    there = {split: metrics for split, metrics in found.items() if metrics.get("detail")}
    blocks = _categories(there)
    if there:
        split, metrics = list(there.items())[-1]
        blocks += [_errors(there), *_plots(metrics, SPLITS[split], f"{anchor}-{split}")]
    return blocks


def _categories(found: Mapping[str, Mapping]) -> list:
    records = []
    for split, metrics in found.items():
        rows = metrics["per_category"]
        if len(rows) > 1:
            rows = [*rows, _all(metrics)]
        for row in rows:
            shown = {key: value for key, value in row.items() if key != "category_id"}
            records.append({"category": shown.pop("name"), "split": SPLITS[split], **shown})
    if not records:
        return []
    order = {record["category"]: place for place, record in reversed([*enumerate(records)])}
    records = sorted(records, key=lambda record: order[record["category"]])
    confidences = "; ".join(
        f"{SPLITS[split]} {shape} {number(detail['confidence'])}"
        for split, metrics in found.items()
        for shape, detail in _shapes(metrics)
    )
    caption = (
        "By category. P and R: precision and recall at IoU 0.5 and the confidence where the mean F1 over categories is "
        f"best ({confidences}); all: means over categories"
    )
    table = records_table(caption, records)
    return [table] if len(records) <= 2 * MOST_CATEGORIES else [Folded("Metrics by category", [table])]


def _all(metrics: Mapping) -> dict:
    row = {"name": "all", "images": metrics["images"], "instances": metrics["instances"]}
    for shape, detail in _shapes(metrics):
        row |= {f"{shape}_{key}": detail[key] for key in ("P", "R")}
        row |= {f"{shape}_{key}": metrics[shape][key] for key in ("AP50", "AP")}
    return row


def _errors(found: Mapping[str, Mapping]) -> Table:
    rows = [
        [f"{shape}, {SPLITS[split]}", *(number(detail["errors"][kind]) for kind in ERRORS)]
        for shape in SHAPES
        for split, metrics in found.items()
        for own, detail in _shapes(metrics)
        if own == shape
    ]
    details = [detail for metrics in found.values() for _, detail in _shapes(metrics)]
    bare = " (all of them where there is no object)" if any(each["confidence"] is None for each in details) else ""
    caption = f"What the predictions are, from that confidence on{bare}, as TIDE tells errors apart (Bolya et al. 2020)"
    return Table(caption, ["", *ERRORS.values()], rows)


def _plots(metrics: Mapping, split: str, anchor: str) -> list[Plots]:
    names = [row["name"] for row in metrics["per_category"]]
    blocks = []
    for shape, detail in _shapes(metrics):
        if detail["confidence"] is None:
            continue
        drawn = {
            f"Precision over recall, IoU 0.5: {shape}, {split} split": precision_recall_plot(
                detail["precision"], names
            ),
            f"F1 over confidence, IoU 0.5: {shape}, {split} split": f1_plot(
                detail["curves"], detail["confidence"], names
            ),
        }
        if len(names) > 1:
            drawn[f"Objects found and confused: {shape}, {split} split"] = confusion_plot(detail["confusion"], names)
        plots = [
            Plot(inline(svg, f"{anchor}-{shape}-{place}", label), f"{label}.")
            for place, (label, svg) in enumerate(drawn.items())
        ]
        blocks.append(Plots(plots))
    return blocks


def _shapes(metrics: Mapping) -> list[tuple[str, Mapping]]:
    return [(shape, metrics["detail"][shape]) for shape in SHAPES if metrics["detail"].get(shape)]
