"""Make the folder that colleagues are given.

Input: digest (of the dataset), split, predictions (COCO results of one or several parts).
Output: folder (index.html, a viewer that opens from disk, pictures, exported files, README.txt).
"""

from pathlib import Path

from podium.config.share import Share
from podium.data.dataset import load_dataset
from podium.files import read_json
from podium.share.build import build_share
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        # predictions.<part>.json
        predictions = {Path(file).suffixes[-2][1:]: read_json(file) for file in snakemake.input.predictions}
        build_share(
            Path(snakemake.output.folder),
            Share.model_validate(settings["share"]),
            load_dataset(Path(snakemake.input.digest).parent),
            read_json(snakemake.input.split),
            predictions,
            title=settings["title"],
            experiment=settings["experiment"],
            threshold=settings["score_threshold"],
            workers=snakemake.threads,
        )
