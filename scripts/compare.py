"""Compare experiments as ways to the same objects, on a part that all were judged on.

Input: digest (of the dataset), split, metrics and predictions (of every way), choices (thresholds that were chosen on
validation, of the ways that have some).
Output: comparison (by metric the scores, and the paired bootstrap of their differences).
"""

from pathlib import Path

from podium.config.evaluation import Evaluation
from podium.config.tuning import read_choice
from podium.data.dataset import load_dataset
from podium.evaluation.ways import compare_ways, way_totals
from podium.files import read_json, write_json
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        inputs, metric = snakemake.input, settings["metric"]
        dataset, images = load_dataset(Path(inputs.digest).parent), read_json(inputs.split)[settings["part"]]
        truth = dataset.restricted(images)
        evaluation = Evaluation.model_validate(settings["evaluation"])
        totals, thresholds = {}, {}
        for way, metrics, predictions in zip(settings["ways"], inputs.metrics, inputs.predictions, strict=True):
            name = f"{way['station']}.{way['experiment']}"
            thresholds[name] = read_json(metrics)["score_threshold"]
            own = evaluation.model_copy(update={"score_threshold": thresholds[name]})
            totals[name] = way_totals(
                *(metric, truth, read_json(predictions), way["masks"], own),
                choice=read_choice(way["choice"]),
                shares_out=way["shares_out"],
            )
        compared = compare_ways(totals, len(images), evaluation.bootstrap_samples)
        write_json(
            snakemake.output.comparison,
            {
                "part": settings["part"],
                "images": len(images),
                "instances": sum(not each["iscrowd"] for each in truth["annotations"]),
                "score_thresholds": thresholds,
                "metrics": compared,
            },
            indent=1,
        )
