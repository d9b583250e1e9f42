"""Check the submission file as the competition will, and more strictly.

Input: digest (of the dataset), csv.
Output: check (what was counted and all that is wrong). A file that fails stops the run: it is never uploaded.
"""

from pathlib import Path

from podium.config.formats import Format
from podium.data.dataset import load_dataset
from podium.data.parts import submitted_images
from podium.files import write_json
from podium.submission.check import check_submission, require_ok
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        dataset = load_dataset(Path(snakemake.input.digest).parent)
        images = submitted_images(dataset, settings["images"])
        report = check_submission(
            snakemake.input.csv,
            Format.model_validate(settings["format"]),
            [dataset.images[image_id] for image_id in images],
            dataset.sample_submission,
            dataset.categories,
        )
        require_ok(report, snakemake.input.csv)
        write_json(snakemake.output.check, report, indent=1)
