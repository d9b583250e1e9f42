"""Score validation predictions as the submitted file's are treated: what the ledger tells beside the leaderboard.

Input: tuning (where thresholds are tuned: its score in sample is taken), or else digest (of the dataset), split,
predictions (COCO results on validation).
Output: score.
"""

from pathlib import Path

from podium.data.dataset import load_dataset
from podium.data.parts import part_images
from podium.files import read_json, write_json
from podium.inference.submitted import as_submitted
from podium.submission.validation import of_tuning, validation_score
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        inputs = snakemake.input
        if inputs.get("tuning"):
            found = of_tuning(read_json(inputs.tuning))
        else:
            dataset = load_dataset(Path(inputs.digest).parent)
            images = part_images(dataset, read_json(inputs.split), "val")
            sizes = {image_id: dataset.size(image_id) for image_id in images}
            submitted = as_submitted(
                *(read_json(inputs.predictions), sizes, None, settings["score_threshold"]),
                shares_out=settings["shares_out"],
            )
            found = validation_score(
                *(settings["metric"], dataset.restricted(images), images, submitted),
                max_detections=settings["max_detections"],
                bootstrap_samples=settings["bootstrap_samples"],
            )
        write_json(snakemake.output.score, found, indent=1)
