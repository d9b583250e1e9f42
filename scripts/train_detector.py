"""Train a detector.

Input: digest (of the dataset), split, weights (the file that it starts from, where it is one).
Output: model (weights with all that it takes to use them), history (a row per iteration).
A killed run continues from its state beside the model; see podium.workflow.experiments. While it runs its numbers can
be followed with `tensorboard --logdir results`, and where the configuration's `tracking` sends them.
"""

import logging
from functools import partial
from pathlib import Path

from podium.config.detection import DetectionExperiment
from podium.data.dataset import load_dataset
from podium.files import read_json
from podium.models.checkpoint import save_checkpoint
from podium.training.detection import train_detector
from podium.training.history import write_history
from podium.training.processes import run
from podium.training.schedule_advice import advice
from podium.training.state import seconds_spent
from podium.training.tracking import trackers
from podium.training.workers import loader_workers, training_processes
from podium.workflow.experiments import divergence_kept, remove_foreign_states, state_file
from podium.workflow.script import asked_gpus, running

if __name__ == "__main__":
    inputs, params, folder = snakemake.input, snakemake.params, Path(snakemake.output.model).parent
    state = state_file(snakemake.output.model, params.settings, params.code, [*inputs])
    with running(snakemake, earlier=partial(seconds_spent, state)) as settings:
        experiment = DetectionExperiment.model_validate(settings["experiment"])
        for line in advice(experiment.solver):
            logging.warning(line)
        train = partial(
            train_detector,
            load_dataset(Path(inputs.digest).parent).without(experiment.drop_categories),
            read_json(inputs.split),
            experiment,
            max_detections=settings["max_detections"],
            state_file=state,
            workers=loader_workers(snakemake.threads),
            weights=Path(inputs.weights[0]) if inputs.weights else None,
            # Not a part of params: where numbers are shown is no reason to train again.
            trackers=trackers(
                snakemake.config.get("tracking", "none"), folder, state_file=state, settings=settings["experiment"]
            ),
        )
        with divergence_kept(state):
            checkpoint, history = run(train, training_processes(asked_gpus(snakemake.resources)))
        write_history(snakemake.output.history, history)
        save_checkpoint(snakemake.output.model, checkpoint)
        remove_foreign_states(state)
