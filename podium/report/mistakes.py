"""The page's pictures of the most confident mistakes."""

from collections.abc import Mapping
from pathlib import Path
from typing import Literal

import numpy as np

from podium.config.competition import Competition
from podium.data.dataset import Dataset
from podium.data.masks import encode
from podium.data.windows import Window, cut, cut_mask, window_around
from podium.report.blocks import Gallery, Specimen, number, optional_json
from podium.report.detail import ERRORS
from podium.report.galleries import of_part, picture
from podium.report.pictures import ALONE, CROWD, Shape, colours, draw

_CONTEXT, _LEAST = 1.0, 64
"""A picture shows a mistake's box with so many times its longer side around it, and at least so many pixels."""


def mistakes_gallery(
    competition: Competition,
    dataset: Dataset,
    results: Path,
    station: Literal["detection", "instances"],
    name: str,
    part: Literal["val", "test"] = "test",
) -> list[Gallery]:
    """Show the wrong predictions of highest confidence on a part with truth, each beside what is true there.

    Nothing where the metrics are missing, or nothing is wrong. `results` is `results/<name>`.
    """
    metrics = optional_json(results, f"{station}/{name}/metrics.{part}.json") or {}
    details = metrics.get("detail") or {}
    detail = details.get("mask") or details.get("box")
    if not detail or not competition.report.gallery:
        return []
    firsts: dict[int, Mapping] = {}
    for mistake in detail["mistakes"]:
        firsts.setdefault(mistake["image_id"], mistake)
    shown = [*firsts.values()][: competition.report.gallery]
    specimens = [_specimen(competition, dataset, mistake) for mistake in shown]
    text = "Highest scores first, the first of each image; left what is true there, right the prediction."
    return [Gallery(of_part("Most confident mistakes", part), text, specimens)] if specimens else []


def _specimen(competition: Competition, dataset: Dataset, mistake: Mapping) -> Specimen:
    image_id, side = mistake["image_id"], competition.report.picture_side // 2
    names = {category["id"]: category["name"] for category in dataset.categories}
    x, y, width, height = mistake["bbox"]
    longest = max(width, height, _LEAST / (1 + 2 * _CONTEXT))
    middle = np.array([x + width / 2, y + height / 2])
    window = window_around(np.concatenate([middle - longest / 2, middle + longest / 2]), _CONTEXT)
    image = cut(dataset.read(image_id), window)
    palette = dict(zip(names, colours(len(names)), strict=True))
    truth = [
        _shape(each, window, CROWD if each["iscrowd"] else palette[each["category_id"]])
        for each in dataset.annotations[image_id]
    ]
    key, what = dataset.images[image_id]["key"], names[mistake["category_id"]]
    pictures = [
        picture(draw(image, truth, side), "truth", f"{key}: truth"),
        picture(draw(image, [_shape(mistake, window, ALONE)], side), "prediction", f"{key}: a prediction of {what}"),
    ]
    return Specimen(pictures, key, f"{what}: {ERRORS[mistake['kind']]}, score {number(mistake['score'])}")


def _shape(each: Mapping, window: Window, colour: tuple[int, int, int]) -> Shape:
    x, y, width, height = each["bbox"]
    mask = each.get("segmentation")
    if mask:
        mask = encode(cut_mask(mask, window))
    return Shape([x - window.x, y - window.y, width, height], mask, colour)
