"""Score the submission file against a known solution, as the competition would.

Input: digest (of the dataset), csv, check (so that only a file that passed is scored), solution.
Output: score (the mean over images with its bootstrap interval, and the score of each image).
"""

import logging
from pathlib import Path

from podium.config.formats import Format
from podium.data.dataset import load_dataset
from podium.files import write_json
from podium.submission.score import score_submission
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        dataset = load_dataset(Path(snakemake.input.digest).parent)
        score = score_submission(
            snakemake.input.csv,
            snakemake.input.solution,
            Format.model_validate(settings["format"]),
            list(dataset.images.values()),
            settings["metric"],
            settings["bootstrap_samples"],
            dataset.categories,
            settings["max_detections"],
        )
        write_json(snakemake.output.score, score, indent=1)
        logging.info("{metric} {score:.4f} (95 % interval {low:.4f} to {high:.4f})".format(**score))
