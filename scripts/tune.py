"""Choose thresholds for the competition's metric on the validation part, and nowhere else.

Input: digest (of the dataset), split, boxes (predictions of a detector on the validation part), model (the segmenter
that finds masks in them; none where the detector's own predictions are submitted).
Output: tuning (the choice, the score of every combination, the cross-fitted score), choice (the choice alone, for the
jobs that follow it: another list of values that leads to the same choice changes nothing for them).
"""

import logging
from pathlib import Path

from podium.config.instances import InstancesExperiment
from podium.config.tuning import Tuning, configured_choice
from podium.data.dataset import load_dataset
from podium.data.parts import part_images
from podium.evaluation.metrics import metric_for
from podium.evaluation.tuning import tune_on
from podium.files import read_json, write_json
from podium.inference.instances import instance_makers
from podium.inference.select import selection_makers
from podium.models.load_segmenter import load_segmenter
from podium.workflow.script import running

if __name__ == "__main__":
    with running(snakemake) as settings:
        dataset = load_dataset(Path(snakemake.input.digest).parent)
        ids = part_images(dataset, read_json(snakemake.input.split), "val")
        tuning = Tuning.model_validate(settings["tuning"])
        boxes = read_json(snakemake.input.boxes)
        if settings["experiment"]:
            model, segmenter = load_segmenter(snakemake.input.model)
            experiment = InstancesExperiment.model_validate(settings["experiment"])
            makers = instance_makers(model, dataset, ids, boxes, segmenter.crops, experiment)
            configured = configured_choice(settings["score_threshold"], experiment)
        else:
            sizes = {image_id: dataset.size(image_id) for image_id in ids}
            makers = selection_makers(ids, boxes, sizes, overlap=not settings["shares_out"])
            configured = configured_choice(settings["score_threshold"])
        found = tune_on(
            dataset,
            ids,
            makers,
            metric_for(settings["metric"], dataset.categories, settings["max_detections"]),
            configured,
            tuning,
            group_by=settings["group_by"],
            bootstrap_samples=settings["bootstrap_samples"],
        )
        write_json(snakemake.output.tuning, found)
        write_json(snakemake.output.choice, found["choice"])
        said = [f"{name} {value}" for name, value in found["choice"].items() if value is not None]
        logging.info("%d combinations on %d images: %s", len(found["surface"]), found["images"], ", ".join(said))
        for name in ("untuned", "tuned_in_sample", "cross_fitted"):
            if found[name] and found[name]["score"] is not None:
                logging.info("%s %.4f (95 %% interval %.4f to %.4f)", name, *found[name].values())
