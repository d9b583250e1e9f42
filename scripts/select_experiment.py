"""Choose the best experiment by a metric on validation.

Input: digest (of the dataset), split, metrics and predictions (of every candidate).
Output: selection (the choice and why), chosen (the choice alone).
"""

import logging
from pathlib import Path

from podium.config.evaluation import Evaluation
from podium.data.dataset import load_dataset
from podium.evaluation.comparison import judged_files
from podium.evaluation.selection import select
from podium.files import read_json, write_json
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        inputs, station = snakemake.input, settings["station"]
        dataset, images = load_dataset(Path(inputs.digest).parent), read_json(inputs.split)["val"]
        evaluation = Evaluation.model_validate(settings["evaluation"])
        files = dict(zip(settings["candidates"], zip(inputs.metrics, inputs.predictions, strict=True), strict=True))
        totals, _ = judged_files(
            *(settings["metric"], dataset.restricted(images), files, evaluation), shares_out=settings["shares_out"]
        )
        record = select(station, settings["metric"], totals, len(images), evaluation.bootstrap_samples)
        logging.info("%s.%s: %s", station, record["experiment"], record["rule"])
        write_json(snakemake.output.selection, record, indent=1)
        write_json(snakemake.output.chosen, {"station": station, "experiment": record["experiment"]})
