"""What the Snakefile needs while it plans: which files there are. Nothing heavy is imported here."""

import os
import re
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from podium.config.competition import Competition
from podium.config.metrics import METRIC_NAMES
from podium.config.section import Section
from podium.config.zoo import zoo
from podium.files import canonical_json

_TEXT = re.compile(r'"(?:[^"\\]|\\.)*"')
"""A text in JSON."""


def settings_json(**parts: object) -> str:
    """Return a rule's part of the configuration as one canonical JSON text.

    Snakemake compares the values of params without their names, so that swapped values would go unnoticed; one text
    is compared as a whole. In it, braces within texts are escaped: Snakemake would take `{image}` for a wildcard.
    """
    text = canonical_json({name: _plain(part) for name, part in parts.items()})
    return _TEXT.sub(lambda found: found[0].replace("{", r"\u007b").replace("}", r"\u007d"), text)


def _plain(part: object) -> object:
    return part.model_dump(mode="json") if isinstance(part, Section) else part


def share_with_scripts(folder: str) -> None:
    """Let the scripts of this run import podium from its own checkout, installed or not, here or on a node."""
    path = [folder, *filter(None, [os.environ.get("PYTHONPATH")])]
    os.environ["PYTHONPATH"] = os.pathsep.join(dict.fromkeys(path))


def zoo_files(name: str) -> list[str]:
    """Return where the weights of a zoo model and the record of them lie: once for all competitions."""
    file = PurePosixPath("data/zoo", name, PurePosixPath(zoo()[name].file).name)
    return [str(file), str(file.with_suffix(".json"))]


@dataclass(frozen=True)
class Plan:
    """A competition's files, relative to the working directory; docs/files.md says what they hold."""

    competition: Competition

    @property
    def data(self) -> str:
        return f"data/{self.competition.name}"

    @property
    def results(self) -> str:
        return f"results/{self.competition.name}"

    @property
    def submissions(self) -> str:
        return f"submissions/{self.competition.name}"

    @property
    def archive(self) -> str:
        return f"{self.data}/archive.zip"

    @property
    def digest(self) -> str:
        """The small file that stands for the whole dataset: later stations depend on it alone."""
        return f"{self.data}/dataset/digest.txt"

    @property
    def page(self) -> str:
        return f"{self.results}/report.html"

    def local_archive(self) -> list[str]:
        """The path of a local source where it is there, unless it is the archive's own place."""
        source = self.competition.source
        watched = source.kind == "local" and source.path != self.archive and Path(source.path).exists()
        return [source.path] if watched else []

    def archive_minutes(self) -> int:
        """How long bringing the archive may take: its download, where it is one, and an hour to test it."""
        return -(-getattr(self.competition.source, "timeout", 0) // 60) + 60

    def ledger(self) -> list[str]:
        """The ledger of uploads where it is there, so that the page follows it and waits for no upload."""
        path = f"{self.submissions}/ledger.csv"
        return [path] if Path(path).exists() else []

    def splits(self) -> list[str]:
        return [f"{self.data}/splits/{fold}.json" for fold in range(self.competition.splits.folds)]

    def split(self, station: str, experiment: str) -> str:
        """The split of the fold that an experiment is trained on."""
        if station == "instances":
            station, experiment = "detection", self.competition.instances[experiment].detection
        return f"{self.data}/splits/{getattr(self.competition, station)[experiment].fold}.json"

    def starting_weights(self, experiment: str) -> list[str]:
        """The file that a detector starts from, where it is one: by its path, or of the zoo and then with its record.

        The record is there once the file was checked, also where that was put there by hand.
        """
        weights = self.competition.detection[experiment].model.weights
        if weights in ("none", "imagenet"):
            return []
        return zoo_files(weights) if weights in zoo() else [weights]

    def backend_packages(self, experiment: str) -> list[str]:
        """The package that trains a detector, where it is not torchvision, on which all of them stand."""
        backend = self.competition.detection[experiment].model.backend
        return [] if backend == "torchvision" else [backend]

    def finds_masks(self, station: str, experiment: str) -> bool:
        """Whether an experiment's predictions have masks."""
        return station == "instances" or self.competition.detection[experiment].model.architecture == "mask_rcnn"

    def instance_inputs(self, experiment: str, part: str) -> dict[str, str | list[str]]:
        """The boxes and the segmenter of an instances experiment, its split, and thresholds where they are tuned."""
        settings = self.competition.instances[experiment]
        return {
            "boxes": f"{self.results}/detection/{settings.detection}/predictions.{part}.json",
            "model": f"{self.results}/segmentation/{settings.segmentation}/model.pt",
            "split": self.split("instances", experiment),
            "choice": self.choice("instances", experiment, part),
        }

    def is_tuned(self, station: str, experiment: str) -> bool:
        """Whether an experiment's thresholds are chosen on the validation part.

        They are for all experiments of the station that is submitted, which stay comparable, and of which another may
        be submitted next; not for a detector of boxes where the metric is one of masks.
        """
        submission = self.competition.submission
        if not (submission and submission.tuning) or station != submission.station:
            return False
        return self.finds_masks(station, experiment) or METRIC_NAMES[submission.metric].needs == "boxes"

    def choice(self, station: str, experiment: str, part: str) -> str | list[str]:
        """The file of the thresholds that were chosen, for all parts but the one that they were chosen on."""
        if part == "val" or not self.is_tuned(station, experiment):
            return []
        return f"{self.results}/{station}/{experiment}/choice.json"

    def tuning_inputs(self, station: str, experiment: str) -> dict[str, str | list[str]]:
        """What thresholds are chosen from."""
        if station == "instances":
            return self.instance_inputs(experiment, "val")
        boxes = f"{self.results}/{station}/{experiment}/predictions.val.json"
        return {"boxes": boxes, "split": self.split(station, experiment)}

    def tuning_files(self, name: str) -> list[str]:
        """tuning.json or tuning.svg of each experiment whose thresholds are chosen."""
        return [
            f"{self.results}/{station}/{experiment}/{name}"
            for station in ("detection", "instances")
            for experiment in getattr(self.competition, station)
            if self.is_tuned(station, experiment)
        ]

    def part_images(self, part: str) -> str | None:
        """What part_images has to know of the configuration: which images the part `submission` has."""
        if part != "submission":
            return None
        return self.competition.submission.images if self.competition.submission else "test"

    @property
    def submitted_folder(self) -> str | None:
        """The results of the experiment that is submitted."""
        submission = self.competition.submission
        return f"{self.results}/{submission.station}/{submission.experiment}" if submission else None

    def submission_files(self) -> list[str]:
        """What is made of the submission without uploading it."""
        submission = self.competition.submission
        if not submission:
            return []
        kinds = ["csv", "check.json", *(["score.json"] if submission.solution else [])]
        return [f"{self.submissions}/{submission.experiment}.{kind}" for kind in kinds]

    @property
    def share(self) -> str:
        return f"{self.results}/share"

    def shared_inputs(self) -> dict[str, list[str] | str]:
        """What the folder for colleagues is made of; nothing where there is none."""
        submission, share = self.competition.submission, self.competition.share
        parts = [part for part in share.parts if part != "test" or self.competition.splits.test] if share else []
        if not submission or not parts:
            return {}
        return {
            "split": self.split(submission.station, submission.experiment),
            "predictions": [f"{self.submitted_folder}/predictions.{part}.json" for part in parts],
        }

    def shared_folder(self) -> list[str]:
        """The folder for colleagues, where there is one."""
        return [self.share] if self.shared_inputs() else []

    def curves(self) -> list[str]:
        """A picture of each training's course, beside its history."""
        trainings = {"detection": self.competition.detection, "segmentation": self.competition.segmentation}
        return [f"{self.results}/{kind}/{name}/curves.svg" for kind, names in trainings.items() for name in names]

    def reported_files(self) -> list[str]:
        """All that the page is made of."""
        parts = ["val", "test"] if self.competition.splits.test else ["val"]
        metrics = [f"metrics.{part}.json" for part in parts]
        predictions = [f"predictions.{part}.json" for part in parts]
        kinds = {
            "detection": ["schedule.svg", "history.csv", *metrics, *predictions],
            "segmentation": ["schedule.svg", "history.csv", *metrics],
            "instances": [*metrics, *predictions],
        }
        stations = [
            f"{self.results}/{station}/{experiment}/{name}"
            for station, names in kinds.items()
            for experiment in getattr(self.competition, station)
            for name in names
        ]
        tuning = self.tuning_files("tuning.json")
        return [self.digest, *self.splits(), *stations, *tuning, *self.submission_files()]
