"""Merging what tiles of a photograph show: ours, a library's, and none; tiled against untiled accuracy.

    python benchmarks/tiling.py
    python benchmarks/tiling.py --model results/demo/detection/resnet18/model.pt

The library is SAHI (pip install sahi), which is no dependency: where it is missing, ours is measured alone. Its greedy
non-maximum merging of the common area over the smaller's (what it does by default) and its non-maximum suppression of
the IoU are run on the same arrays of detections, without what it adds around them.

First, boxes that are known are seen by tiles of 800 pixels that overlap by 200, in a photograph of 13383 x 4287: each
tile reports the part of an object in it, where a fifth or more shows, with edges moved at random by 3 % of its side.
Then, with a detector of the demo competition, photographs of 24 generated scenes side by side.
"""

import argparse
import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PIL import Image

from podium.config.detection import Tiles
from podium.data.dataset import Dataset
from podium.data.generated.competition import scene_at
from podium.data.masks import area, box_of, encode_at
from podium.data.tiles import Tile, tiles_of
from podium.evaluation.coco import average_precision
from podium.inference.boxes import predict_boxes
from podium.inference.merge import merge
from podium.inference.tiles import seen_in_tiles
from podium.models.load_detector import load_detector

try:
    from sahi.postprocess import combine
except ImportError:
    combine = None

WIDTH, HEIGHT, OBJECTS = 13383, 4287, 1500

# Boxes xyxy, labels, scores, tiles' numbers; and the tiles.
Found = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
Merging = Callable[[Found, list[Tile]], list[tuple[list[int], float]]]


def ours(found: Found, tiles: list[Tile]) -> list[tuple[list[int], float]]:
    return merge(*found, tiles)


def none(found: Found, tiles: list[Tile]) -> list[tuple[list[int], float]]:
    return [([place], score) for place, score in enumerate(found[2].tolist())]


def sahi_merging(found: Found, tiles: list[Tile]) -> list[tuple[list[int], float]]:
    groups = combine.batched_greedy_nmm(_array(found), "IOS", 0.5)
    return [([int(one), *map(int, others)], found[2][[one, *others]].max()) for one, others in groups.items()]


def sahi_suppression(found: Found, tiles: list[Tile]) -> list[tuple[list[int], float]]:
    return [([int(place)], found[2][place]) for place in combine.batched_nms(_array(found), "IOU", 0.5)]


def _array(found: Found) -> np.ndarray:
    boxes, labels, scores, _ = found
    return np.column_stack([boxes, scores, labels]).astype(np.float32)


MERGINGS: dict[str, Merging] = {"ours": ours, "none": none}
if combine:
    MERGINGS |= {"SAHI, greedy merging": sahi_merging, "SAHI, suppression": sahi_suppression}


def scattered(rng: np.random.Generator, shortest: int, longest: int, most: float) -> np.ndarray:
    """Return boxes, xyxy, of which no two have a larger IoU."""
    boxes = np.zeros((0, 4))
    while len(boxes) < OBJECTS:
        sides = rng.uniform(shortest, longest) * rng.uniform(0.5, 1, 2)
        corner = rng.uniform(0, [WIDTH, HEIGHT] - sides)
        box = np.concatenate([corner, corner + sides])[None]
        if not len(boxes) or _ious(boxes, box).max() <= most:
            boxes = np.concatenate([boxes, box])
    return boxes


def reported(rng: np.random.Generator, truth: np.ndarray, tiles: list[Tile]) -> Found:
    found = []
    for view, (x, y, width, height) in enumerate(tiles):
        frame = [x, y] * 2, [x + width, y + height] * 2
        part = np.clip(truth, *frame)
        sides = part[:, 2:] - part[:, :2]
        part = part[sides.prod(axis=1) >= 0.2 * (truth[:, 2:] - truth[:, :2]).prod(axis=1)]
        moved = part + rng.normal(0, 0.03, part.shape) * np.tile(part[:, 2:] - part[:, :2], 2)
        found.append(np.column_stack([np.clip(moved, *frame), np.full(len(part), view)]))
    found = np.concatenate(found)
    return found[:, :4], np.ones(len(found), dtype=int), rng.uniform(0.5, 1, len(found)), found[:, 4].astype(int)


def _ious(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    low, high = np.maximum(one[:, None, :2], other[:, :2]), np.minimum(one[:, None, 2:], other[:, 2:])
    common = np.maximum(high - low, 0).prod(axis=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (one, other)]
    return common / (areas[0][:, None] + areas[1] - common)


def hulls(boxes: np.ndarray, objects: list[tuple[list[int], float]]) -> np.ndarray:
    return np.array([[*boxes[each, :2].min(axis=0), *boxes[each, 2:].max(axis=0)] for each, _ in objects])


def known_boxes(turns: int) -> None:
    print("| objects | merging | reported | found | wrong or twice | mean IoU | ms | ratio to ours |")
    print("|---|---|---|---|---|---|---|---|")
    tiles = tiles_of(HEIGHT, WIDTH, Tiles())
    kinds = {"apart, to 150 px": (20, 150, 0.0), "crowded, to 150 px": (20, 150, 0.3), "to 500 px": (20, 500, 0.0)}
    for kind, sizes in kinds.items():
        rng = np.random.default_rng(0)
        truth = scattered(rng, *sizes)
        found = reported(rng, truth, tiles)
        seconds = {name: [] for name in MERGINGS}
        for turn in range(turns):
            for name, merging in list(MERGINGS.items())[:: 1 - 2 * (turn % 2)]:
                start = time.process_time()
                merging(found, tiles)
                seconds[name].append(time.process_time() - start)
        for name, merging in MERGINGS.items():
            objects = merging(found, tiles)
            best = _ious(truth, hulls(found[0], objects))
            right = best.max(axis=1) >= 0.5
            ratio = statistics.median(own / our for own, our in zip(seconds[name], seconds["ours"], strict=True))
            print(
                f"| {kind} | {name} | {len(objects)} | {right.sum()} | {len(objects) - right.sum()} "
                f"| {best.max(axis=1).mean():.3f} | {1000 * statistics.median(seconds[name]):.0f} | {ratio:.2f} |"
            )


def stitched(folder: Path, photographs: int, rows: int = 4, columns: int = 6, size: int = 192) -> Dataset:
    """Return a dataset of photographs that are square scenes side by side."""
    (folder / "images").mkdir()
    images, annotations, place = {}, {}, 0
    height, width = rows * size - size // 2, columns * size - size // 2
    for image_id in range(1, photographs + 1):
        pixels, annotations[image_id] = np.zeros((height, width, 3), dtype=np.uint8), []
        for cell in range(rows * columns):
            while (scene := scene_at(1, "train", place, size)).image.shape[:2] != (size, size):
                place += 1
            place += 1
            # The photograph begins amid a scene, so that tiles of a scene's size coincide with none.
            y, x = size * (cell // columns) - size // 2, size * (cell % columns) - size // 2
            shown = slice(max(-y, 0), size), slice(max(-x, 0), size)
            y, x = max(y, 0), max(x, 0)
            part = scene.image[shown]
            pixels[y : y + part.shape[0], x : x + part.shape[1]] = part
            for mask in scene.masks:
                if not mask[shown].any():
                    continue
                code = encode_at(mask[shown], x, y, height, width)
                annotations[image_id].append(
                    {"id": place * 100 + len(annotations[image_id]), "image_id": image_id, "category_id": 1}
                    | {"bbox": box_of(code), "area": float(area(code)), "iscrowd": 0, "segmentation": code}
                )
        Image.fromarray(pixels).save(folder / "images" / f"{image_id}.png")
        images[image_id] = {"id": image_id, "file_name": f"{image_id}.png", "width": width, "height": height}
        images[image_id] |= {"key": str(image_id), "subset": "train", "digest": ""}
    return Dataset(folder, images, annotations, [{"id": 1, "name": "plane"}], "")


def trained(model_file: Path, photographs: int) -> None:
    model, experiment = load_detector(model_file)
    scale = experiment.input.min_size_test
    at_once = experiment.input
    whole = at_once.model_copy(update={"min_size_test": 0, "max_size_test": 10**6})
    print("\n| seen | AP | AP50 | APs | detections over 0.5 | objects |\n|---|---|---|---|---|---|")
    with tempfile.TemporaryDirectory() as folder:
        dataset = stitched(Path(folder), photographs)
        inputs = {f"at once, resized to {scale} px": at_once, "at once, as it is": whole}
        for overlap in (0, 64, 96):
            tiles = Tiles(size=scale, overlap=overlap)
            inputs[f"tiles of {scale}, overlap {overlap}"] = whole.model_copy(update={"tiles": tiles})
        for name, settings in inputs.items():
            judged(name, dataset, predict_boxes(model, dataset, dataset.images, settings))
        tiled = {image_id: seen_in_tiles(model, dataset.read(image_id), settings) for image_id in dataset.images}
        for name, merging in MERGINGS.items():
            results = []
            for image_id, (tiles, found) in tiled.items():
                arrays = tuple(found[key].numpy() for key in ("boxes", "labels", "scores", "views"))
                objects = merging(arrays, tiles)
                for (x0, y0, x1, y1), (_, score) in zip(hulls(arrays[0], objects).tolist(), objects, strict=True):
                    bbox = [x0, y0, x1 - x0, y1 - y0]
                    results.append({"image_id": image_id, "category_id": 1, "bbox": bbox, "score": float(score)})
            judged(f"the same tiles, merging: {name}", dataset, results)


def judged(name: str, dataset: Dataset, results: list[dict]) -> None:
    ids = list(dataset.images)
    numbers, _ = average_precision(dataset.restricted(ids), ids, results, "bbox", max_detections=1000)
    sure = sum(each["score"] > 0.5 for each in results)
    objects = sum(map(len, dataset.annotations.values()))
    scores = " | ".join(f"{numbers[key]:.3f}" for key in ("AP", "AP50", "APs"))
    print(f"| {name} | {scores} | {sure} | {objects} |")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--turns", type=int, default=5, help="how often each merging is timed")
    parser.add_argument("--model", type=Path, help="a detector of the demo competition: tiled against untiled")
    parser.add_argument("--photographs", type=int, default=4, help="photographs of 24 scenes")
    asked = parser.parse_args()
    known_boxes(asked.turns)
    if asked.model:
        trained(asked.model, asked.photographs)
