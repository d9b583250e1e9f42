"""Find boxes with a trained detector.

Input: digest (of the dataset), split, model.
Output: predictions (COCO results), of the images of one part.
"""

from pathlib import Path

from podium.config.detection import DetectionInput
from podium.data.dataset import load_dataset
from podium.data.parts import part_images
from podium.files import read_json, write_json
from podium.inference.boxes import predict_boxes
from podium.models.load_detector import load_detector
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        dataset = load_dataset(Path(snakemake.input.digest).parent)
        images = part_images(dataset, read_json(snakemake.input.split), snakemake.wildcards.split, settings["images"])
        model, _ = load_detector(snakemake.input.model)
        predictions = predict_boxes(model, dataset, images, DetectionInput.model_validate(settings["input"]))
        write_json(snakemake.output.predictions, predictions)
