"""Compare the points of an ablation on validation.

Input: digest (of the dataset), split, metrics and predictions (of every experiment of its points).
Output: table (a row per point), seeds (a row per trained experiment), figure.
Times of training are read from the trainings' provenance, where it is there.
"""

from pathlib import Path

from podium.config.ablations import Point
from podium.config.evaluation import Evaluation
from podium.data.dataset import load_dataset
from podium.evaluation.ablation import ablation_tables
from podium.evaluation.comparison import judged_files
from podium.files import read_json, write_text
from podium.report.ablation_plot import ablation_plot
from podium.workflow.script import running


def seconds(provenance: Path, jobs: list[str]) -> float | None:
    """Return how long trainings took together, None where one left no record."""
    files = [provenance / f"{job}.json" for job in jobs]
    return sum(read_json(file)["seconds"] for file in files) if all(file.exists() for file in files) else None


if __name__ == "__main__":
    with running(snakemake) as settings:
        inputs, outputs, metric = snakemake.input, snakemake.output, settings["metric"]
        dataset, images = load_dataset(Path(inputs.digest).parent), read_json(inputs.split)["val"]
        experiments = settings["experiments"]
        files = dict(zip(experiments, zip(inputs.metrics, inputs.predictions, strict=True), strict=True))
        evaluation = Evaluation.model_validate(settings["evaluation"])
        truth = dataset.without(settings["drop_categories"]).restricted(images)
        totals, metrics = judged_files(
            *(metric, truth, files, evaluation, settings["drop_categories"]), shares_out=settings["shares_out"]
        )
        provenance = Path(outputs.table).parents[1] / "provenance"
        points = [Point.model_validate(point) for point in settings["points"]]
        by_point, by_seed = ablation_tables(
            points,
            Point.model_validate(settings["reference"]),
            metric,
            totals,
            metrics,
            dict(zip(experiments, [seconds(provenance, jobs) for jobs in settings["trainings"]], strict=True)),
            len(images),
            evaluation.bootstrap_samples,
        )
        write_text(outputs.table, by_point.to_csv(index=False))
        write_text(outputs.seeds, by_seed.to_csv(index=False))
        write_text(outputs.figure, ablation_plot(by_seed, list(points[0].values), metric))
