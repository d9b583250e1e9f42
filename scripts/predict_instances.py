"""Find the mask of the object in each detected box.

Input: digest (of the dataset), split, boxes (a detector's predictions), model (a segmenter), choice (thresholds that
were chosen on validation, in place of those configured; none where they are not tuned, and for validation itself).
Output: predictions (COCO results with masks), of the images of one part.
"""

from pathlib import Path

from podium.config.instances import InstancesExperiment
from podium.config.tuning import made_by, read_choice
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
        model, segmenter = load_segmenter(snakemake.input.model)
        experiment = InstancesExperiment.model_validate(settings["experiment"])
        choice = read_choice(snakemake.input.get("choice"))
        predictions = predict_instances(
            model,
            dataset,
            images,
            read_json(snakemake.input.boxes),
            segmenter.crops,
            made_by(choice, experiment),
        )
        write_json(snakemake.output.predictions, predictions)
