"""Make the folder that colleagues are given.

Input: digest (of the dataset), split, predictions (COCO results of one or several parts), choice (thresholds that were
chosen on validation; none where they are configured).
Output: folder (index.html, a viewer that opens from disk, pictures, exported files, README.txt).
"""

from pathlib import Path

from podium.config.share import Share
from podium.config.tuning import read_choice
from podium.data.dataset import load_dataset
from podium.files import read_json
from podium.inference.submitted import as_submitted
from podium.share.build import build_share
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        dataset, choice = load_dataset(Path(snakemake.input.digest).parent), read_choice(snakemake.input.get("choice"))
        # predictions.<part>.json
        predictions = {Path(file).suffixes[-2][1:]: read_json(file) for file in snakemake.input.predictions}
        sizes = {image_id: dataset.size(image_id) for image_id in dataset.images}
        submitted = {
            part: as_submitted(
                *(found, sizes, None if part == "val" else choice, settings["score_threshold"]),
                shares_out=settings["shares_out"],
            )
            for part, found in predictions.items()
        }
        build_share(
            Path(snakemake.output.folder),
            Share.model_validate(settings["share"]),
            dataset,
            read_json(snakemake.input.split),
            {part: each.results for part, each in submitted.items()},
            title=settings["title"],
            experiment=settings["experiment"],
            thresholds={part: each.threshold for part, each in submitted.items()},
            workers=snakemake.threads,
        )
