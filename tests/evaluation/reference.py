"""Slow, literal implementations of the competitions' rules, to compare with."""

import numpy as np

from .scenes import grid


def overlap(a: dict, b: dict) -> float:
    """IoU by counting pixels."""
    return float((grid(a) & grid(b)).sum() / (grid(a) | grid(b)).sum())


def greedy(true: list[dict], predicted: list[dict], thresholds: list[float]) -> float | None:
    """Global Wheat and RSNA: one image; None where it does not count."""
    if not true and not predicted:
        return None
    if not true:
        return 0.0
    precisions = []
    for threshold in thresholds:
        left, tp, fp = list(true), 0, 0
        for each in sorted(predicted, key=lambda each: -each["score"]):
            best = max(left, key=lambda other: overlap(each, other), default=None)
            if best is not None and overlap(each, best) > threshold:
                left.remove(best)
                tp += 1
            else:
                fp += 1
        precisions.append(tp / (tp + fp + len(left)))
    return sum(precisions) / len(precisions)


def voc(images: list[tuple[list[dict], list[dict]]], threshold: float, strictly: bool = False) -> float | None:
    """PASCAL VOC 2010's mAP as VOCevaldet.m has it: one list of detections per class, flags of what was found."""
    classes = sorted({each["category_id"] for true, _ in images for each in true})
    values = []
    for category in classes:
        objects = [[each for each in true if each["category_id"] == category] for true, _ in images]
        detections = [
            (each["score"], number, each)
            for number, (_, predicted) in enumerate(images)
            for each in predicted
            if each["category_id"] == category
        ]
        detections.sort(key=lambda each: -each[0])
        seen = [[False] * len(each) for each in objects]
        tp, fp, recall, precision = 0, 0, [0.0], [0.0]
        for _, number, each in detections:
            best, place = -1.0, None
            for j, true in enumerate(objects[number]):
                if overlap(each, true) > best:
                    best, place = overlap(each, true), j
            enough = best > threshold if strictly else best >= threshold
            if place is not None and enough and not seen[number][place]:
                seen[number][place] = True
                tp += 1
            else:
                fp += 1
            recall.append(tp / sum(map(len, objects)))
            precision.append(tp / (tp + fp))
        recall.append(1.0)
        precision.append(0.0)
        for place in range(len(precision) - 2, -1, -1):
            precision[place] = max(precision[place], precision[place + 1])
        values.append(sum((recall[i] - recall[i - 1]) * precision[i] for i in range(1, len(recall))))
    return sum(values) / len(values) if values else None


def dice_by_category(images: list[tuple[list[dict], list[dict]]], categories: int, empty: float) -> float:
    """Severstal and UW-Madison, over all pairs of an image and one of the categories 1, 2 …"""
    values = []
    for true, predicted in images:
        for category in range(1, categories + 1):
            sides = [
                np.any([grid(each) for each in side if each["category_id"] == category] or [False], axis=0)
                for side in (true, predicted)
            ]
            whole = sum(side.sum() for side in sides)
            values.append(2 * (sides[0] & sides[1]).sum() / whole if whole else empty)
    return float(np.mean(values))
