"""Find the mask of the object in each detected box.

Input: digest (of the dataset), split, boxes (a detector's predictions), model (a segmenter).
Output: predictions (COCO results with masks), of the images of one part.
"""

from pathlib import Path

from podium.config.instances import InstancesExperiment
from podium.data.dataset import load_dataset
from podium.data.parts import part_images
from podium.files import read_json, write_json
from podium.inference.instances import predict_instances
from podium.models.load_segmenter import load_segmenter
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        dataset = load_dataset(Path(snakemake.input.digest).parent)
        images = part_images(dataset, read_json(snakemake.input.split), snakemake.wildcards.split, settings["images"])
        model, experiment = load_segmenter(snakemake.input.model)
        predictions = predict_instances(
            model,
            dataset,
            images,
            read_json(snakemake.input.boxes),
            experiment.crops,
            InstancesExperiment.model_validate(settings["experiment"]),
        )
        write_json(snakemake.output.predictions, predictions)
