"""Write the submission file.

Input: digest (of the dataset), predictions (of all submitted images, from the submitted experiment), choice (thresholds
that were chosen on validation, in place of the configured one; none where they are not tuned).
Output: csv.
"""

import logging
from pathlib import Path

from podium.config.formats import Format
from podium.config.tuning import read_choice
from podium.data.dataset import load_dataset
from podium.data.parts import submitted_images
from podium.files import read_json
from podium.inference.submitted import as_submitted
from podium.submission.write import write_submission
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        dataset = load_dataset(Path(snakemake.input.digest).parent)
        images = submitted_images(dataset, settings["images"])
        choice = read_choice(snakemake.input.get("choice"))
        sizes = {image_id: dataset.size(image_id) for image_id in images}
        predictions = as_submitted(
            read_json(snakemake.input.predictions),
            sizes,
            choice,
            settings["score_threshold"],
            shares_out=settings["shares_out"],
        )
        written = write_submission(
            snakemake.output.csv,
            predictions.counting,
            [dataset.images[image_id] for image_id in images],
            Format.model_validate(settings["format"]),
            dataset.sample_submission,
            dataset.categories,
        )
        logging.info("%s: %s", snakemake.output.csv, ", ".join(f"{count} {what}" for what, count in written.items()))
