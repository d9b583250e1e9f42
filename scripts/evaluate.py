"""Judge the boxes or instances of one part, as they are submitted.

Input: digest (of the dataset), split, predictions (COCO results), choice (thresholds that were chosen on validation;
none where they are not tuned, and for validation itself).
Output: metrics (COCO's numbers, per category, competitions' scores with intervals, a row per image).
"""

from pathlib import Path

from podium.config.evaluation import Evaluation
from podium.config.tuning import read_choice
from podium.data.dataset import load_dataset
from podium.data.parts import part_images
from podium.evaluation.evaluate import evaluate
from podium.files import read_json, write_json
from podium.inference.submitted import as_submitted
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        dataset = load_dataset(Path(snakemake.input.digest).parent)
        images = part_images(dataset, read_json(snakemake.input.split), snakemake.wildcards.split)
        evaluation = Evaluation.model_validate(settings["evaluation"])
        choice = read_choice(snakemake.input.get("choice"))
        sizes = {image_id: dataset.size(image_id) for image_id in images}
        predictions = read_json(snakemake.input.predictions)
        # Sharing out is about pixels: metrics of boxes see the boxes as they were found.
        submitted = {
            needs: as_submitted(
                *(predictions, sizes, choice, evaluation.score_threshold),
                shares_out=settings["shares_out"] and needs == "masks",
            )
            for needs in (("boxes", "masks") if settings["masks"] else ("boxes",))
        }
        metrics, per_image = evaluate(
            dataset.restricted(images),
            images,
            predictions,
            submitted={needs: each.results for needs, each in submitted.items()},
            masks=settings["masks"],
            metrics=evaluation.metrics,
            max_detections=evaluation.max_detections,
            score_threshold=submitted["boxes"].threshold,
            bootstrap_samples=evaluation.bootstrap_samples,
        )
        write_json(snakemake.output.metrics, {**metrics, "per_image": per_image}, indent=1)
