"""A detector's masks into a format that forbids overlaps: what is sent is what is judged and shared."""

import json
import logging
import runpy
from types import SimpleNamespace

import pytest

from podium.config.formats import resolve_format
from podium.config.share import Share
from podium.data.dataset import load_dataset
from podium.data.masks import box_of, decode
from podium.evaluation.coco import average_precision
from podium.evaluation.metrics import METRICS
from podium.submission.read import read_predictions
from tests.report.finished import Finished
from tests.workflow.run import ROOT, read


class Named(dict):
    __getattr__ = dict.__getitem__


@pytest.fixture
def script(tmp_path, monkeypatch):
    monkeypatch.setattr(logging.root, "handlers", [])
    for name in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
        monkeypatch.setenv(name, "1")

    def run(name: str, inputs: dict, outputs: dict, settings: dict, **wildcards: str) -> None:
        snakemake = SimpleNamespace(
            rule=name,
            input=Named({key: str(value) for key, value in inputs.items() if key != "predictions"}),
            output=Named({key: str(value) for key, value in outputs.items()}),
            params=SimpleNamespace(settings=json.dumps(settings), code=""),
            log=[str(tmp_path / f"results/logs/{name}.{wildcards.get('split', '')}.log")],
            wildcards=Named(wildcards),
            resources={},
            threads=1,
        )
        files = inputs["predictions"]
        snakemake.input["predictions"] = [*map(str, files)] if isinstance(files, list) else str(files)
        runpy.run_path(str(ROOT / f"scripts/{name}.py"), {"snakemake": Named(vars(snakemake))}, "__main__")

    yield run
    for handler in logging.root.handlers:
        handler.close()
    logging.captureWarnings(False)


def masks_of(results):
    return sorted(decode(each["segmentation"]).tobytes() for each in results)


def found_in(made: Finished, number: int) -> list[dict]:
    """The object, half of it with a higher score, a small square far away and one of two pixels."""
    x, y, side, _ = made.square(number)
    boxes = [([x, y, side, side], 0.8), ([x, y, side // 2, side], 0.9), ([30, 30, 9, 9], 0.7), ([40, 40, 2, 1], 0.6)]
    return [
        {"image_id": number, "category_id": 1, "bbox": box, "segmentation": made.rle(box), "score": score}
        for box, score in boxes
    ]


@pytest.mark.parametrize(("tuned", "count"), [(False, 3), (True, 2)])
def test_one_set_of_objects_is_sent_judged_and_shared(tmp_path, script, tuned, count):
    made = Finished(tmp_path)
    made.splits()
    dataset, split = load_dataset(made.data / "dataset"), made.data / "splits/0.json"
    test = read(split)["test"]
    for part, ids in (("test", test), ("submission", [*made.keys])):
        found = [each for number in ids for each in found_in(made, number)]
        made.write(tmp_path / f"predictions.{part}.json", found)
    inputs = {"digest": made.data / "dataset/digest.txt", "split": split}
    if tuned:  # 81 pixels are enough, and a score of 0.75 is
        made.write(tmp_path / "choice.json", {"score_threshold": 0.75, "min_area": 50, "nms_iou": None})
        inputs["choice"] = tmp_path / "choice.json"
    configured = 0.99 if tuned else 0.65
    form, common = resolve_format("dsb2018"), {"score_threshold": configured, "shares_out": True}

    script(
        "write_submission",
        inputs | {"predictions": tmp_path / "predictions.submission.json"},
        {"csv": tmp_path / "s.csv"},
        common | {"format": form.model_dump(mode="json"), "images": "train_and_test"},
    )
    sent = read_predictions(tmp_path / "s.csv", form, list(dataset.images.values()))
    sent = {each[0]["image_id"]: each for each in sent.values()}
    assert [len(own) for own in sent.values()] == [count] * len(made.keys)
    assert all(sum(decode(each["segmentation"]).astype(int) for each in own).max() == 1 for own in sent.values())

    evaluation = {"score_threshold": configured, "metrics": ["dsb2018", "box_ap"], "bootstrap_samples": 100}
    script(
        "evaluate",
        inputs | {"predictions": tmp_path / "predictions.test.json"},
        {"metrics": tmp_path / "metrics.test.json"},
        {"evaluation": evaluation, "masks": True, "shares_out": True},
        split="test",
    )
    metrics, metric = read(tmp_path / "metrics.test.json"), METRICS["dsb2018"]
    judged = [metric.image(dataset.annotations[number], sent[number], 48, 48) for number in test]
    assert metrics["scores"]["dsb2018"]["mean"] == pytest.approx(metric.total(judged))
    assert [row["n_pred"] for row in metrics["per_image"]] == [count] * len(test)
    # COCO's numbers are of all that was found, as it was found.
    found = read(tmp_path / "predictions.test.json")
    for shape, iou_type in (("box", "bbox"), ("mask", "segm")):
        assert metrics[shape] == average_precision(dataset.restricted(test), test, found, iou_type)[0]

    if not tuned:  # What the ledger tells is the score on validation of the very file; these two are validation.
        validation = read(split)["val"]
        inputs |= {"predictions": tmp_path / "predictions.submission.json"}
        settings = common | {"metric": "dsb2018", "max_detections": 100, "bootstrap_samples": 100}
        script("score_validation", inputs, {"score": tmp_path / "validation.json"}, settings)
        judged = [metric.image(dataset.annotations[number], sent[number], 48, 48) for number in validation]
        assert read(tmp_path / "validation.json")["score"] == pytest.approx(metric.total(judged))

    script(
        "share",
        inputs | {"predictions": [tmp_path / "predictions.test.json"]},
        {"folder": tmp_path / "share"},
        common | {"share": Share(formats=["coco"]).model_dump(mode="json"), "title": "", "experiment": "faster"},
    )
    shared = read(tmp_path / "share/coco/test.predictions.json")
    certain = [each for each in shared if each["score"] >= metrics["score_threshold"]]
    assert masks_of(certain) == masks_of([each for number in test for each in sent[number]])
    assert all(each["bbox"] == box_of(each["segmentation"]) for each in certain)
