"""A photograph of 13383 x 4287 pixels through every station after training: what is found, in what time and memory.

Run as a script, with a folder and a number of objects: peak memory is that of a process.
"""

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
from PIL import Image
from scene import Blobs, Brightness  # beside this script

from podium.config.detection import DetectionInput, Tiles
from podium.config.formats import resolve_format
from podium.config.instances import InstancesExperiment
from podium.config.segmentation import Crops
from podium.data.dataset import Dataset
from podium.data.masks import encode_at
from podium.evaluation.evaluate import evaluate
from podium.inference.boxes import predict_boxes
from podium.inference.instances import predict_instances
from podium.inference.true_boxes import true_box_scores
from podium.submission.score import score_submission
from podium.submission.write import write_submission

WIDTH, HEIGHT = 13383, 4287
CELLS = 60, 25


def drawn(folder: Path, number: int) -> Dataset:
    """Return a dataset of one photograph with so many bright rectangles, none touching another."""
    rng, cells = np.random.default_rng(0), CELLS[0] * CELLS[1]
    image, objects = np.zeros((HEIGHT, WIDTH, 3), dtype=np.uint8), []
    room = WIDTH // CELLS[0], HEIGHT // CELLS[1]
    for cell in rng.choice(cells, number, replace=False).tolist():
        width, height = rng.integers(8, 60, 2).tolist()
        x, y = (
            place * side + int(rng.integers(0, side - own))
            for place, side, own in zip(divmod(cell, CELLS[1]), room, (width, height), strict=True)
        )
        image[y : y + height, x : x + width] = 255
        mask = encode_at(np.ones((height, width), dtype=bool), x, y, HEIGHT, WIDTH)
        objects.append(
            {"id": len(objects) + 1, "image_id": 1, "category_id": 2, "bbox": [x, y, width, height], "iscrowd": 0}
            | {"area": float(width * height), "segmentation": mask}
        )
    (folder / "images").mkdir(parents=True)
    Image.fromarray(image).save(folder / "images" / "1.tif")
    entry = {"id": 1, "file_name": "1.tif", "width": WIDTH, "height": HEIGHT, "key": "1", "subset": "train"}
    categories = [{"id": 1, "name": "a"}, {"id": 2, "name": "b"}]
    return Dataset(folder, {1: entry | {"digest": ""}}, {1: objects}, categories, "")


def peak() -> int:
    """Return the most memory that this process had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def main(folder: Path, number: int) -> None:
    dataset, clock, report = drawn(folder, number), time.perf_counter(), {}
    truth = dataset.annotations[1]

    def note(stage: str, value: object) -> None:
        report[stage] = {"value": value, "seconds": time.perf_counter() - clock, "peak": peak()}

    note("start", len(truth))
    boxes = predict_boxes(Blobs(), dataset, [1], DetectionInput(min_size_test=0, tiles=Tiles()))
    key = lambda entry: (entry["bbox"], entry["segmentation"]["counts"])  # noqa: E731
    note("equal", sorted(map(key, boxes)) == sorted(map(key, truth)))

    settings, crops = (
        InstancesExperiment(detection="d", segmentation="s", score_threshold=0),
        Crops(size=64, context=0.1),
    )
    instances = predict_instances(Brightness(), dataset, [1], boxes, crops, settings)
    note("instances", len(instances))
    note("true_boxes", true_box_scores(Brightness(), dataset, [1], crops)["iou"])

    numbers, _ = evaluate(
        dataset.restricted([1]), [1], instances, masks=True, max_detections=2000, score_threshold=0, bootstrap_samples=2
    )
    note("evaluated", {"box": numbers["box"]["AP"], "mask": numbers["mask"]["AP50"]})

    images, form = list(dataset.images.values()), resolve_format("planes")
    write_submission(folder / "submission.csv", instances, images, form)
    write_submission(folder / "solution.csv", truth, images, form)
    score = score_submission(folder / "submission.csv", folder / "solution.csv", form, images, "dice")
    note("submitted", score["score"])
    print(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]))
