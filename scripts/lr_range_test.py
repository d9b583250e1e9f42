"""Find out at which learning rates a model learns, in a short run of its own that no training depends on.

Input: digest (of the dataset), split, weights (the file that a detector starts from, where it is one).
Output: table (CSV: iteration, lr, loss, smoothed), drawing (SVG: the loss over the rate, with the suggested rates).
The log compares the suggestions with base_lr; podium.training.range_test says how they are found. An interrupted test
goes on from its state, which is deleted when the test is done.
"""

import logging
from pathlib import Path

import pandas as pd

from podium.config.detection import DetectionExperiment
from podium.config.segmentation import SegmentationExperiment
from podium.data.dataset import load_dataset
from podium.files import read_json, write_text
from podium.report.plots import range_test_plot
from podium.training.detection import detection_task
from podium.training.history import write_history
from podium.training.range_test import in_words, range_test
from podium.training.segmentation import segmentation_task
from podium.training.workers import loader_workers
from podium.workflow.experiments import state_file
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        inputs, output, params = snakemake.input, snakemake.output, snakemake.params
        dataset, split = load_dataset(Path(inputs.digest).parent), read_json(inputs.split)
        if snakemake.wildcards.training == "detection":
            experiment = DetectionExperiment.model_validate(settings["experiment"])
            weights = Path(inputs.weights[0]) if inputs.weights else None
            dataset = dataset.without(experiment.drop_categories)
            task = detection_task(dataset, split, experiment, 1, weights)  # nothing is validated: any number will do
        else:
            experiment = SegmentationExperiment.model_validate(settings["experiment"])
            task = segmentation_task(dataset, split, experiment)
        # Away from the training's states, which it clears of what it does not know.
        state = state_file(Path(output.table).with_suffix("") / "table", params.settings, params.code, [*inputs])
        rows, suggestion = range_test(
            task,
            experiment.solver,
            seed=experiment.seed,
            state_file=state,
            workers=loader_workers(snakemake.threads),
        )
        base_lr = experiment.solver.base_lr
        for line in in_words(rows, suggestion, base_lr):
            logging.info(line)
        marks = {"base_lr": base_lr}
        if suggestion:
            marks |= {"steepest descent": suggestion.steepest, "a tenth of the lowest": suggestion.tenth}
        write_history(output.table, rows)
        write_text(output.drawing, range_test_plot(pd.DataFrame(rows), marks))
        state.unlink(missing_ok=True)
