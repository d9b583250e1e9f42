"""Score the submission file against a known solution, as the competition would.

Input: digest (of the dataset), csv, check (so that only a file that passed is scored), solution.
Output: score (the mean over images with its bootstrap interval, and the score of each image).
"""

import logging
from pathlib import Path

from podium.config.formats import Format
from podium.data.dataset import load_dataset
from podium.evaluation.bootstrap import interval
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
        )
        low, high = interval(list(score["images"].values()), samples=settings["bootstrap_samples"])
        write_json(snakemake.output.score, {**score, "low": low, "high": high}, indent=1)
        logging.info("%s %.4f (95 %% interval %.4f to %.4f)", score["metric"], score["score"], low, high)
