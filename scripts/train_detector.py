"""Train a detector.

Input: digest (of the dataset), split, weights (the model.pt to start from, where it is one).
Output: model (weights with all that it takes to use them), history (a row per iteration).
A killed run continues from its state beside the model; see podium.workflow.experiments.
"""

from pathlib import Path

from podium.config.detection import DetectionExperiment
from podium.data.dataset import load_dataset
from podium.files import read_json
from podium.models.checkpoint import save_checkpoint
from podium.training.detection import train_detector
from podium.training.history import write_history
from podium.training.workers import loader_workers
from podium.workflow.experiments import remove_foreign_states, state_file
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        inputs, params = snakemake.input, snakemake.params
        state = state_file(snakemake.output.model, params.settings, params.code, [*inputs])
        checkpoint, history = train_detector(
            load_dataset(Path(inputs.digest).parent),
            read_json(inputs.split),
            DetectionExperiment.model_validate(settings["experiment"]),
            max_detections=settings["max_detections"],
            state_file=state,
            workers=loader_workers(snakemake.threads),
        )
        write_history(snakemake.output.history, history)
        save_checkpoint(snakemake.output.model, checkpoint)
        remove_foreign_states(state)
