"""A category is dropped from the data: a detector that was trained with it goes on with what it knows of the others."""

import json
import shutil

import torch

from podium.config.layout import Checks, CocoLayout
from podium.data.convert import build_dataset
from podium.data.dataset import load_dataset
from podium.models.checkpoint import save_checkpoint
from podium.training.detection import detection_task, train_detector

from .tiny import detection, draw_dataset

SPLIT = {"train": [1, 2, 3, 4], "val": [5, 6]}


def _archive(folder):
    """Lay drawn images out as a competition's archive; the second of the three categories is the one to go."""
    drawn = draw_dataset(folder / "drawn", categories=("disk", "square"))
    coco = json.loads((drawn.folder / "annotations.json").read_text())
    coco["categories"] = [{"id": 1, "name": "disk"}, {"id": 2, "name": "square"}, {"id": 3, "name": "star"}]
    stars = [annotation | {"id": 100 + annotation["id"], "category_id": 3} for annotation in coco["annotations"][::4]]
    (folder / "archive").mkdir()
    (folder / "archive" / "train.json").write_text(json.dumps(coco | {"annotations": coco["annotations"] + stars}))
    shutil.copytree(drawn.folder / "images", folder / "archive" / "train")
    return folder / "archive"


def _dataset(archive, name, **checks):
    layout = CocoLayout(kind="coco", test_images=None)
    build_dataset(archive, layout, Checks(**checks), archive.parent / name, description="drawn")
    return load_dataset(archive.parent / name)


def test_rows_of_the_remaining_categories_survive(tmp_path):
    archive = _archive(tmp_path)
    whole = _dataset(archive, "whole")
    fewer = _dataset(archive, "fewer", drop_categories=["square"])
    assert (whole.category_names, fewer.category_names) == (["disk", "square", "star"], ["disk", "star"])
    assert whole.images == fewer.images
    objects = [sum(map(len, each.annotations.values())) for each in (whole, fewer)]
    assert objects == [15, 9]

    settings = detection()
    before, _ = train_detector(
        whole, SPLIT, settings, max_detections=100, state_file=tmp_path / "state" / "a.pt", workers=0
    )
    save_checkpoint(tmp_path / "model.pt", before)

    settings = detection({"weights": str(tmp_path / "model.pt")}, seed=9)
    task = detection_task(fewer, SPLIT, settings, 100, tmp_path / "model.pt")
    now = task.model.state_dict()
    rows = {
        "roi_heads.box_predictor.cls_score": [0, 2, 3],
        "roi_heads.box_predictor.bbox_pred": [0, 1, 2, 3, 8, 9, 10, 11],
    }
    for name, value in now.items():
        kept = before.weights[name]
        layer = name.rpartition(".")[0]
        assert torch.equal(value, kept[rows[layer]] if layer in rows else kept), name

    after, _ = train_detector(
        fewer,
        SPLIT,
        settings.model_copy(update={"solver": settings.solver.model_copy(update={"max_iter": 0})}),
        max_detections=100,
        state_file=tmp_path / "state" / "b.pt",
        workers=0,
        weights=tmp_path / "model.pt",
    )
    assert after.categories == ["disk", "star"]
    assert all(torch.equal(after.weights[name], now[name]) for name in now)
