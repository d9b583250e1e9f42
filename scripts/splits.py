"""Divide the images with truth.

Input: digest (of the dataset).
Output: splits (one file per fold: the image ids of train, val and test, the table of what is where, the leak check).
"""

from pathlib import Path

from podium.config.splits import Splits
from podium.data.dataset import load_dataset
from podium.data.splits import make_splits
from podium.files import write_json
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        dataset = load_dataset(Path(snakemake.input.digest).parent)
        coco = dataset.restricted(dataset.images)
        folds = make_splits(
            coco["images"], coco["annotations"], coco["categories"], Splits.model_validate(settings["splits"])
        )
        for path, fold in zip(snakemake.output.splits, folds, strict=True):
            write_json(path, fold, indent=1)
