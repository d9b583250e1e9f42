"""The classical baseline for nuclei: Otsu's threshold and connected components, scored as the Data Science Bowl does.

    python benchmarks/otsu_nuclei.py data/nuclei/dataset data/nuclei/splits/0.json [--split val]

Prints the mean precision of the validation and the test images (or of the one split that is asked for) with its
95 % bootstrap interval. Nothing is learnt, and no setting depends on the images.
"""

import argparse
from pathlib import Path

import numpy as np
from PIL import Image
from scipy.ndimage import binary_fill_holes
from skimage.filters import threshold_otsu
from skimage.measure import label

from podium.data.masks import Rle, encode
from podium.errors import PodiumError
from podium.evaluation.bootstrap import interval
from podium.evaluation.inputs import true_mask, truth_of
from podium.evaluation.instances import iou_matrix, mean_precision
from podium.evaluation.totals import mean
from podium.files import read_json

SMALLEST = 15
"""Pixels; what is smaller is taken for dirt."""


def segment(gray: np.ndarray) -> list[Rle]:
    """Return the masks of the nuclei in a grey image (h, w); they do not overlap.

    Nuclei are the rarer of the two classes: bright on black in fluorescence, dark on light in stained tissue.
    Holes are filled, pixels that touch at a corner only belong to different nuclei.
    """
    foreground = gray > threshold_otsu(gray)
    if foreground.mean() > 0.5:
        foreground = ~foreground
    labels = label(binary_fill_holes(foreground), connectivity=1)
    sizes = np.bincount(labels.ravel())
    return [encode(labels == number) for number in range(1, len(sizes)) if sizes[number] >= SMALLEST]


def scores(folder: Path, dataset: dict, image_ids: list[int]) -> list[float]:
    """Return the Data Science Bowl's precision of each of these images of the dataset in `folder`."""
    images, annotations = truth_of(dataset, image_ids)
    values = []
    for image in images:
        truth = [true_mask(each) for each in annotations if each["image_id"] == image["id"] and not each["iscrowd"]]
        with Image.open(folder / "images" / image["file_name"]) as picture:
            gray = np.asarray(picture.convert("RGB").convert("L"))  # the first step drops an alpha channel
        values.append(mean_precision(iou_matrix(truth, segment(gray))))
    return values


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("dataset", type=Path, help="folder with annotations.json and images/")
    parser.add_argument("splits", type=Path, help="file with the image ids of train, val and test")
    parser.add_argument("--split", choices=["train", "val", "test"], help="this one only (default: val and test)")
    asked = parser.parse_args()
    try:
        dataset, splits = read_json(asked.dataset / "annotations.json"), read_json(asked.splits)
        for split in [asked.split] if asked.split else ["val", "test"]:
            values = scores(asked.dataset, dataset, splits[split])
            if not values:
                print(f"{split}: no images")
                continue
            low, high = interval(mean(values), len(values))
            print(f"{split}: mean precision {np.mean(values):.4f} [{low:.4f}, {high:.4f}] over {len(values)} images")
    except PodiumError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
