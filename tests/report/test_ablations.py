"""The page on ablations and on the selection, and an ablation's figure."""

import itertools
import json
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pytest

from podium.config.ablations import Point
from podium.config.competition import Competition
from podium.evaluation.ablation import ablation_tables
from podium.evaluation.totals import mean
from podium.report.ablation_plot import MOST_BARS, ablation_plot
from podium.report.drawing import inline
from podium.report.page import build_report

from .finished import Finished
from .reading import Page
from .reading_svg import dots, texts


def trained(keys: list[str], *choices: tuple, seeds: int = 2) -> pd.DataFrame:
    rows = []
    for values in itertools.product(*choices):
        label = ", ".join(map(str, values))
        for seed in range(seeds):
            value = 0.3 + 0.01 * (len(rows) % 7) + 0.005 * seed
            rows.append({"point": label, **dict(zip(keys, values, strict=True)), "seed": seed, "box_ap": value})
    return pd.DataFrame(rows)


@pytest.mark.parametrize(
    ("keys", "choices"),
    [
        (["solver.base_lr"], [(0.00025, 0.0005, 0.001)]),
        (["model.weights"], [("R101", "X101")]),
        (["solver.base_lr", "loss"], [(0.01, 0.1), ("bce", "dice")]),
        (["loss", "solver.base_lr"], [("bce", "dice"), (0.01, 0.1)]),
    ],
)
def test_every_trained_model_is_a_dot(keys, choices):
    table = trained(keys, *choices)
    svg = ablation_plot(table, keys, "box_ap")
    assert sorted(dots(svg, "seeds")) == pytest.approx(sorted(table["box_ap"]), abs=1e-3)
    assert "COCO box AP, validation" in texts(svg)


def test_values_of_the_axis_and_lines_are_named():
    svg = ablation_plot(trained(["solver.base_lr"], (0.00025, 0.0005, 0.001)), ["solver.base_lr"], "box_ap")
    assert {"base_lr", "0.00025", "0.0005", "0.001"} <= set(texts(svg))
    keys = ["loss", "solver.base_lr"]
    assert {"loss bce", "loss dice", "base_lr"} <= set(
        texts(ablation_plot(trained(keys, ("bce", "dice"), (1, 2)), keys, "box_ap"))
    )


def test_keys_of_one_name_are_told_apart():
    keys = ["detection.solver.base_lr", "segmentation.solver.base_lr"]
    found = texts(ablation_plot(trained(keys, (1, 2), (3, 4)), keys, "box_ap"))
    assert {keys[0], f"{keys[1]} 3", f"{keys[1]} 4"} <= set(found)
    keys = ["detection.model.norm", "segmentation.norm"]
    assert {"model.norm", keys[1]} <= set(texts(ablation_plot(trained(keys, "ab", "ab"), keys, "box_ap")))


@pytest.mark.parametrize("rates", [(0.001,), (0.001, 0.01)])
def test_none_is_a_value_like_others(rates):
    decays = ["solver.ema_decay"]
    table = trained(decays, (None, 0.999))
    svg = ablation_plot(table, decays, "box_ap")
    assert {"None", "0.999"} <= set(texts(svg))
    assert sorted(dots(svg, "seeds")) == pytest.approx(sorted(table["box_ap"]), abs=1e-3)
    keys = ["solver.base_lr", "solver.ema_decay"]
    svg = ablation_plot(trained(keys, rates, (None, 0.999)), keys, "box_ap")
    assert {"ema_decay None", "ema_decay 0.999"} <= set(texts(svg))
    assert len(dots(svg, "seeds")) == 2 * 2 * len(rates)


def test_on_and_off_and_mixed_values_are_texts():
    keys = ["model.norm", "model.amp", "loss"]
    table = trained(keys[:2], ("$frozen$", 3), (True, False))
    found = set(texts(ablation_plot(table, keys[:2], "box_ap")))
    assert {"$frozen$", "3", "True", "False"} <= found
    bars = trained(keys, ("$^$", "_x"), (True, False), ("a",))
    assert {"$^$, True, a", "\u200b_x, False, a"} <= set(texts(ablation_plot(bars, keys, "box_ap")))


def test_two_keys_without_numbers_are_a_map_of_means():
    keys = ["model.encoder", "loss"]
    table = trained(keys, ("a", "b"), ("bce", "dice"))
    found = texts(ablation_plot(table, keys, "box_ap"))
    means = table.groupby(keys)["box_ap"].mean()
    assert {f"{mean:.3f}" for mean in means} <= set(found)
    assert {"a", "b", "bce", "dice", "encoder", "loss"} <= set(found)


def test_more_keys_are_bars_the_best_first_and_not_too_many():
    keys = ["a", "b", "c"]
    table = trained(keys, (1, 2), ("x", "y"), (3, 4), seeds=1)
    best = table.sort_values("box_ap", ascending=False, kind="stable")["point"].tolist()
    found = [each for each in texts(ablation_plot(table, keys, "box_ap")) if each in set(best)]
    assert found[0] == best[0]
    assert set(found) == set(best)
    many = trained(keys, tuple(range(30)), ("x", "y"), (3,), seeds=1)
    assert f"COCO box AP, validation, the best {MOST_BARS}" in texts(ablation_plot(many, keys, "box_ap"))


def compared(made: Finished, ablation: str, points: Sequence[Point]) -> pd.DataFrame:
    """Write the tables of an ablation's points; return the one of trained models."""
    names = [name for point in points for name in point.experiments.values()]
    metrics = {name: {"box": {"AP": 0.5}, "mask": None, "scores": {}} for name in names}
    totals = {name: mean(np.full(4, 0.3 + 0.1 * place)) for place, name in enumerate(names)}
    tables = ablation_tables(points, points[0], "box_ap", totals, metrics, dict.fromkeys(names), 4, 10)
    (made.results / "ablations").mkdir(parents=True)
    for kind, table in zip(("csv", "seeds.csv"), tables, strict=True):
        table.to_csv(made.results / f"ablations/{ablation}.{kind}", index=False)
    return tables[1]


LOST = "faster-base_lr-0p02-seed-1"


@pytest.fixture(scope="module")
def page(tmp_path_factory) -> Page:
    made = Finished(tmp_path_factory.mktemp("ablated"))
    made.complete()
    settings = made.competition.model_dump(mode="json")
    settings["ablations"] = {
        "rate": {"of": "detection.faster", "vary": {"solver.base_lr": [0.01, 0.02]}, "seeds": [0, 1]},
        "unmade": {"of": "instances.both", "vary": {"min_area": [1, 2]}},
    }
    settings["selection"] = {"station": "detection"}
    made.competition = Competition.model_validate(settings)
    (made.results / "ablations").mkdir()
    common = {"solver.base_lr": [0.01, 0.02], "seeds": [2, 2], "box_ap": [0.5, 0.6], "box_ap_sd": [0.01, 0.02]}
    compared = {"difference": [None, 0.1], "difference_low": [None, -0.05], "difference_high": [None, 0.25]}
    points = {"point": ["base_lr 0.01", "base_lr 0.02"], "reference": [True, False], **common, **compared}
    points |= {"box_AP": [0.5, 0.6], "box_AP_sd": [0.01, 0.02]}
    points |= {"share_above": [None, 0.93], "box_APl": [None, None], "box_APl_sd": [None, None], "seconds": [60, None]}
    pd.DataFrame(points).to_csv(made.results / "ablations/rate.csv", index=False)
    seeds = trained(["solver.base_lr"], (0.01, 0.02)).head(3)
    seeds["point"] = "base_lr " + seeds["point"]
    seeds["experiment"] = ["faster", "faster-seed-1", "faster-base_lr-0p02"]
    seeds.to_csv(made.results / "ablations/rate.seeds.csv", index=False)
    made.write(made.results / f"detection/{LOST}/state/1.diverged.json", {"problem": "of other settings"})
    made.predictions("detection", "faster", "val", made.truth_ids)
    made.predictions("detection", "faster-base_lr-0p02", "val", made.truth_ids)
    candidates = [
        {"experiment": "faster-base_lr-0p02", "value": 0.6},
        {"experiment": "faster", "value": 0.5, "low": -0.25, "high": 0.05, "above": 0.07},
        {"experiment": "broken", "value": None, "low": None, "high": None, "above": None},
    ]
    record = {"station": "detection", "experiment": "faster-base_lr-0p02", "metric": "box_ap", "value": 0.6}
    record |= {"images": 4, "rule": "the highest", "ties": ["other"], "candidates": candidates}
    (made.results / "selection.json").write_text(json.dumps(record))
    chosen = {"station": "detection", "experiment": "faster-base_lr-0p02"}
    lost = {f"detection.{LOST}": "the loss is not finite"}
    build_report(made.page, made.competition, made.data, made.results, made.submissions, chosen, lost)
    return Page(made.page.read_text(encoding="utf-8"))


def test_points_are_compared_in_a_table(page):
    header, *rows = page.table("Means over seeds")
    assert header[:3] == ["point", "seeds", "COCO box AP"]
    dash = "\u2013"
    assert rows == [
        ["base_lr 0.01 (reference)", "2", "0.500 \u00b1 0.010", dash, dash, "1.0"],
        ["base_lr 0.02", "2", "0.600 \u00b1 0.020", "+0.100 [-0.050, +0.250]", "0.930", dash],
    ]
    # What no point has is no column.
    assert page.table("On validation")[0] == ["point", "box AP"]


def test_the_same_validation_images_are_shown_for_every_point(page):
    labels = [text for text in page.texts if text.startswith("base_lr 0.0") and ":" in text]
    images = len(labels) // 2
    assert images == 2
    assert [label.split(":")[0] for label in labels] == ["base_lr 0.01", "base_lr 0.02"] * images


def test_a_model_that_diverged_is_told(page):
    assert "Not compared: base_lr 0.02, seed 1. Its training diverged: the loss is not finite." in page.text
    assert page.text.count("Not compared") == 1


def test_pictures_are_of_the_models_that_are_compared(tmp_path):
    """Of one point the first seed diverged, of another all; what an earlier run left of them there is not shown."""
    made = Finished(tmp_path)
    made.splits()
    settings = made.competition.model_dump(mode="json")
    rates = {"of": "detection.faster", "vary": {"solver.base_lr": [0.01, 0.02, 0.03]}, "seeds": [0, 1]}
    settings["ablations"] = {"rate": rates}
    made.competition = Competition.model_validate(settings)
    first, second, third = (point.experiments for point in made.competition.ablations["rate"].points)
    points = made.competition.ablations["rate"].points[:2]
    compared(made, "rate", [points[0], points[1].model_copy(update={"experiments": {1: second[1]}})])
    for name in (first[0], second[1], third[0], third[1]):
        made.predictions("detection", name, "val", made.truth_ids)
    lost = {f"detection.{name}": "the loss is not finite" for name in (second[0], third[0], third[1])}
    build_report(made.page, made.competition, made.data, made.results, made.submissions, lost=lost)
    page = Page(made.page.read_text(encoding="utf-8"))
    labels = [text.split(":")[0] for text in page.texts if text.startswith("base_lr 0.0") and ":" in text]
    assert labels == ["base_lr 0.01", "base_lr 0.02"] * 2
    assert f"detection/{second[0]}/predictions.val.json" not in page.text
    assert "Models of seed 0, of base_lr 0.02 of seed 1." in page.text
    assert page.text.count("Its training diverged: the loss is not finite.") == 3


@pytest.mark.parametrize(
    ("name", "key", "values"),
    [
        ("NA", "solver.ema_decay", [None, 0.9, 0.99]),
        ("7", "input.augmentation", {"1": [{"HorizontalFlip": {"p": 0.5}}], "20": []}),
    ],
)
def test_values_and_names_that_look_like_gaps_or_numbers_are_read_back(tmp_path, name, key, values):
    made = Finished(tmp_path)
    settings = made.competition.model_dump(mode="json")
    solver = settings["detection"]["faster"]["solver"]
    settings["detection"][name] = {**settings["detection"]["faster"], "solver": solver | {"ema_decay": 0.9}}
    settings["ablations"] = {"x": {"of": f"detection.{name}", "vary": {key: values}}}
    made.competition = Competition.model_validate(settings)
    points = made.competition.ablations["x"].points
    assert name in made.competition.ablations["x"].experiments
    by_seed = compared(made, "x", points)
    build_report(made.page, made.competition, made.data, made.results, made.submissions)
    html = made.page.read_text(encoding="utf-8")
    page = Page(html)
    assert "Not compared" not in page.text
    short = key.split(".")[-1]
    assert {short, *map(str, values)} <= {text.strip() for text in page.texts}
    # The page's figure is the file's.
    drawn = ablation_plot(by_seed, [key], "box_ap")
    assert set(map(str, values)) <= set(texts(drawn))
    assert inline(drawn, "ablation-x", f"COCO box AP on validation by {short}") in html


def test_categories_that_are_left_out_are_told(tmp_path):
    made = Finished(tmp_path)
    settings = made.competition.model_dump(mode="json")
    vary = {"drop_categories": {"with": [], "without": ["plane"]}}
    settings["ablations"] = {"fewer": {"of": "detection.faster", "vary": vary}}
    made.competition = Competition.model_validate(settings)
    points = made.competition.ablations["fewer"].points
    compared(made, "fewer", points)
    build_report(made.page, made.competition, made.data, made.results, made.submissions)
    page = Page(made.page.read_text(encoding="utf-8"))
    assert "; compared without plane, which not all points are trained to find" in page.text
    assert "COCO box AP on validation without plane by drop_categories" in page.text
    assert [row[2] for row in page.table("Means over seeds")[1:]] == ["0.300", "0.400"]
    assert page.table("On validation, of all categories")[1:] == [[p.label, "0.500"] for p in points]


def test_what_is_not_made_is_told(page):
    assert "ablations/unmade.csv" in page.text


def test_the_choice_and_its_reasons(page):
    rows = page.table("Candidates on the 4 validation images")[1:]
    dash = "\u2013"
    assert rows == [
        ["faster-base_lr-0p02", "0.600", dash, dash],
        ["faster", "0.500", "-0.100 [-0.250, +0.050]", "0.070"],
        ["broken", dash, dash, dash],
    ]
    assert "The same value have: other." in page.text


def test_the_chosen_point_has_a_part_of_its_own_and_other_points_have_none(page):
    headings = [text for _, text in page.headings]
    assert "faster-base_lr-0p02" in headings
    assert not [text for text in headings if "seed-1" in text]
