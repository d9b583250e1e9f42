"""A photograph of 13383 x 4287 pixels through every station after training: what is found, in what time and memory.

Run as a script, to `draw` so many objects into a folder, then to `work` there: peak memory is that of a process.
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
from podium.data.dataset import load_dataset
from podium.data.masks import encode_at
from podium.evaluation.evaluate import evaluate
from podium.files import write_json, write_text
from podium.inference.boxes import predict_boxes
from podium.inference.instances import predict_instances
from podium.inference.true_boxes import true_box_results
from podium.submission.score import score_submission
from podium.submission.write import write_submission

WIDTH, HEIGHT = 13383, 4287
CELLS = 60, 25


def draw(folder: Path, number: int) -> None:
    """Write a dataset of one photograph with so many bright rectangles, none touching another."""
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
    coco = {"images": [entry | {"digest": ""}], "annotations": objects, "categories": categories}
    write_json(folder / "annotations.json", coco)
    write_text(folder / "digest.txt", "drawn")


def peak() -> int:
    """Return the most memory that this process had so far, in bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * (1 if sys.platform == "darwin" else 1024)


def work(folder: Path) -> None:
    """Print what each station finds, as JSON: [value, seconds until then, peak memory until then in bytes]."""
    dataset, clock, report = load_dataset(folder), time.perf_counter(), {}
    truth = dataset.annotations[1]

    def note(stage: str, value: float) -> None:
        report[stage] = [value, time.perf_counter() - clock, peak()]

    note("start", len(truth))
    boxes = predict_boxes(Blobs(), dataset, [1], DetectionInput(min_size_test=0, tiles=Tiles()))
    found, drawn = ({(*each["bbox"], each["segmentation"]["counts"]) for each in some} for some in (boxes, truth))
    note("boxes", len(boxes))
    note("exact", len(found & drawn))

    settings = InstancesExperiment(detection="d", segmentation="s", score_threshold=0)
    crops = Crops(size=64, context=0.1)
    instances = predict_instances(Brightness(), dataset, [1], boxes, crops, settings)
    note("instances", len(instances))
    note("true_boxes", true_box_results(Brightness(), dataset, [1], crops)[0]["mean_iou"])

    numbers, _ = evaluate(
        dataset.restricted([1]),
        [1],
        instances,
        masks=True,
        metrics=["dsb2018", "dice"],
        max_detections=2000,
        score_threshold=0,
        bootstrap_samples=2,
    )
    note("evaluated", numbers["mask"]["AP50"])

    images, form = list(dataset.images.values()), resolve_format("planes")
    write_submission(folder / "submission.csv", instances, images, form)
    write_submission(folder / "solution.csv", truth, images, form)
    score = score_submission(folder / "submission.csv", folder / "solution.csv", form, images, "dice")
    note("submitted", score["score"])
    print(json.dumps(report))


if __name__ == "__main__":
    what, place, *number = sys.argv[1:]
    draw(Path(place), int(*number)) if what == "draw" else work(Path(place))
