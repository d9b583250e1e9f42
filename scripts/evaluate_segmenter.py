"""Judge a segmenter on the true boxes of one part.

Input: digest (of the dataset), split, model.
Output: metrics (objects, mean IoU and mean Dice, a row per image), predictions (COCO results: the masks found).
"""

from pathlib import Path

from podium.data.dataset import load_dataset
from podium.data.parts import part_images
from podium.files import read_json, write_json
from podium.inference.true_boxes import true_box_results
from podium.models.load_segmenter import load_segmenter
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake):
        dataset = load_dataset(Path(snakemake.input.digest).parent)
        images = part_images(dataset, read_json(snakemake.input.split), snakemake.wildcards.split)
        model, experiment = load_segmenter(snakemake.input.model)
        metrics, found = true_box_results(model, dataset, images, experiment.crops)
        write_json(snakemake.output.metrics, metrics, indent=1)
        write_json(snakemake.output.predictions, found)
