"""What the Snakefile needs while it plans: which files there are. Nothing heavy is imported here."""

import os
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path, PurePosixPath

from podium.config.ablations import Ablation
from podium.config.chosen import chosen_chain, judged_parts, shown_experiments
from podium.config.competition import SELECTED, Competition
from podium.config.judging import TRAININGS
from podium.config.nearest import did_you_mean
from podium.config.section import Section
from podium.config.ways import Way, compared_part, ways
from podium.config.zoo import zoo
from podium.errors import PodiumError
from podium.files import canonical_json
from podium.workflow.lost import lost_points

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

    @property
    def selection(self) -> str:
        """Which experiment was chosen, and why."""
        return f"{self.results}/selection.json"

    @property
    def chosen(self) -> str:
        """Which experiment was chosen, and nothing else: what is made of it is made anew for another one only."""
        return f"{self.results}/chosen.json"

    def folder(self, station: str, experiment: str) -> str:
        """The results of an experiment."""
        return f"{self.results}/{station}/{experiment}"

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
        return f"{self.data}/splits/{self.competition.fold(station, experiment)}.json"

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

    def instance_inputs(self, experiment: str, part: str) -> dict[str, str | list[str]]:
        """The boxes and the segmenter of an instances experiment, its split, and thresholds where they are tuned."""
        settings = self.competition.experiment("instances", experiment)
        return {
            "boxes": f"{self.folder('detection', settings.detection)}/predictions.{part}.json",
            "model": f"{self.folder('segmentation', settings.segmentation)}/model.pt",
            "split": self.split("instances", experiment),
            "choice": self.choice("instances", experiment, part),
        }

    def choice(self, station: str, experiment: str, part: str) -> str | list[str]:
        """The file of the thresholds that were chosen, for all parts but the one that they were chosen on."""
        if part == "val" or not self.competition.is_tuned(station, experiment):
            return []
        return f"{self.folder(station, experiment)}/choice.json"

    def tuning_inputs(self, station: str, experiment: str) -> dict[str, str | list[str]]:
        """What thresholds are chosen from."""
        if station == "instances":
            return self.instance_inputs(experiment, "val")
        boxes = f"{self.folder(station, experiment)}/predictions.val.json"
        return {"boxes": boxes, "split": self.split(station, experiment)}

    def tuning_files(self, name: str, chosen: Mapping[str, str] | None = None) -> list[str]:
        """tuning.json or tuning.svg of each experiment whose thresholds are chosen, points of ablations left out."""
        return [
            f"{self.folder(station, experiment)}/{name}"
            for station in ("detection", "instances")
            for experiment in self.shown(station, chosen)
            if self.competition.is_tuned(station, experiment)
        ]

    def part_images(self, part: str) -> str | None:
        """What part_images has to know of the configuration: which images the part `submission` has."""
        if part != "submission":
            return None
        return self.competition.submission.images if self.competition.submission else "test"

    def submitted(self, chosen: Mapping[str, str] | None) -> str | None:
        """The experiment that is submitted, None where it is still to be chosen; `chosen` is what selection wrote."""
        experiment = self.competition.submission.experiment if self.competition.submission else None
        return experiment if experiment != SELECTED else chosen["experiment"] if chosen else None

    def validation_inputs(self, experiment: str) -> dict[str, str]:
        """What the score on validation of a submitted file is taken from: its tuning, or its predictions."""
        station = self.competition.submission.station
        folder = self.folder(station, experiment)
        if self.competition.is_tuned(station, experiment):
            return {"tuning": f"{folder}/tuning.json"}
        return {"split": self.split(station, experiment), "predictions": f"{folder}/predictions.val.json"}

    def submission_files(self, chosen: Mapping[str, str] | None = None) -> list[str]:
        """What is made of the submission without uploading it."""
        submission, experiment = self.competition.submission, self.submitted(chosen)
        if not experiment:
            return []
        kinds = ["csv", "check.json", *(["score.json"] if submission.solution else [])]
        return [f"{self.submissions}/{experiment}.{kind}" for kind in kinds]

    def leaderboard(self, chosen: Callable[[], Mapping[str, str] | None]) -> str:
        """The file that `snakemake submit` ends with; PodiumError where nothing is submitted, or to nowhere.

        `chosen` returns what the selection wrote; it is not asked before that is sure.
        """
        if not self.competition.submission:
            raise PodiumError("there is nothing to submit", key="submission", mend="say in it what is submitted")
        if not self.competition.kaggle_name:
            raise PodiumError(
                "nothing says which competition on Kaggle the submission is for",
                key="submission.competition",
                mend="name it by its short name, the last part of its address",
            )
        return f"{self.submissions}/{self.submitted(chosen())}.leaderboard.json"

    @cached_property
    def ways(self) -> list[Way]:
        """The experiments that are compared as ways to the same objects, none where there are no two."""
        return ways(self.competition)

    @property
    def comparison(self) -> str:
        """How these ways compare."""
        return f"{self.results}/comparison.json"

    def comparison_inputs(self) -> dict[str, str | list[str]]:
        """What they are compared by."""
        part = compared_part(self.competition)
        choices = [self.choice(*way, part) for way in self.ways]
        return {"choices": [each for each in choices if each], **self._compared_by(self.ways, part)}

    def comparison_settings(self) -> dict[str, object]:
        """What their comparison depends on."""
        part = compared_part(self.competition)
        told = [
            {
                "station": station,
                "experiment": experiment,
                "masks": self.competition.finds_masks(station, experiment),
                "choice": self.choice(station, experiment, part) or None,
                "shares_out": self.competition.shares_out(station, experiment),
            }
            for station, experiment in self.ways
        ]
        # Which predictions count is said by each experiment's metrics.
        limits = {key: value for key, value in self.limits.items() if key != "score_threshold"}
        return {"part": part, "metric": self.competition.own_metric, "ways": told, "evaluation": limits}

    def judged_by(self, station: str, experiments: Sequence[str]) -> dict[str, str | list[str]]:
        """What experiments of one fold are compared by on validation: the split, their metrics, their predictions."""
        return self._compared_by([(station, experiment) for experiment in experiments], "val")

    def _compared_by(self, compared: Sequence[Way], part: str) -> dict[str, str | list[str]]:
        folders = [self.folder(*each) for each in compared]
        files = {kind: [f"{folder}/{kind}.{part}.json" for folder in folders] for kind in ("metrics", "predictions")}
        return {"split": self.split(*compared[0]), **files}

    @property
    def share(self) -> str:
        return f"{self.results}/share"

    def shared_inputs(self, chosen: Mapping[str, str] | None = None) -> dict[str, list[str] | str]:
        """What the folder for colleagues is made of; nothing where there is none, or its experiment is to be chosen."""
        experiment, share = self.submitted(chosen), self.competition.share
        if not experiment or not share:
            return {}
        station = self.competition.submission.station
        judged = self.parts(station, experiment, chosen)
        parts = [part for part in share.parts if part != "test" or part in judged]
        if not parts:
            return {}
        folder = self.folder(station, experiment)
        return {
            "split": self.split(station, experiment),
            "predictions": [f"{folder}/predictions.{part}.json" for part in parts],
            "choice": self.choice(station, experiment, "submission"),
        }

    def shared_folder(self, chosen: Mapping[str, str] | None = None) -> list[str]:
        """The folder for colleagues, where there is one."""
        return [self.share] if self.shared_inputs(chosen) else []

    def curves(self) -> list[str]:
        """A picture of each training's course, beside its history."""
        trainings = [(kind, name) for kind in TRAININGS for name in getattr(self.competition, kind)]
        return [f"{self.folder(*each)}/curves.svg" for each in trainings if each not in self.lost]

    def reported_files(self, chosen: Mapping[str, str] | None = None) -> list[str]:
        """All that the page is made of. Of the points of ablations that is what they are compared by."""
        kinds = {
            "detection": ["schedule.svg", "history.csv", "metrics.{}.json", "predictions.{}.json"],
            "segmentation": ["schedule.svg", "history.csv", "metrics.{}.json"],
            "instances": ["metrics.{}.json", "predictions.{}.json"],
        }
        stations = [
            f"{self.folder(station, experiment)}/{name.format(part)}"
            for station, names in kinds.items()
            for experiment in self.shown(station, chosen)
            for part in self.parts(station, experiment, chosen)
            for name in names
        ]
        ablations = [file for name in self.competition.ablations for file in self.ablation_files(name)]
        compared = [file for name in self.competition.ablations for file in self.ablation_inputs(name)["predictions"]]
        selection = [self.selection] if self.competition.selection else []
        comparison = [self.comparison] if self.ways else []
        made = [*comparison, *self.tuning_files("tuning.json", chosen), *self.submission_files(chosen)]
        files = [self.digest, *self.splits(), *stations, *ablations, *compared, *selection, *made]
        return [*dict.fromkeys(files)]

    def shown(self, station: str, chosen: Mapping[str, str] | None) -> list[str]:
        """The experiments of a station that are written, and the chosen one."""
        return shown_experiments(self.competition, station, chosen)

    def reported_once_chosen(self, chosen: Mapping[str, str] | None) -> list[str]:
        """What the page is made of besides, once an experiment is chosen."""
        if not chosen:
            return []
        before = set(self.reported_files())
        return [file for file in self.reported_files(chosen) if file not in before]

    def parts(self, station: str, experiment: str, chosen: Mapping[str, str] | None) -> list[str]:
        """The parts of the images with truth that an experiment is judged on; where one is chosen, test is for it."""
        return judged_parts(self.competition, station, experiment, chosen)

    def refuse_unchosen(self, station: str, experiment: str, chosen: Mapping[str, str]) -> None:
        """Raise PodiumError for an experiment that is not of the chosen ones: the test part is not read for it."""
        if experiment in chosen_chain(self.competition, chosen).get(station, ()):
            return
        raise PodiumError(
            f"the test part is read for the selected experiment alone, {chosen['station']}.{chosen['experiment']}, "
            f"and {station}.{experiment} is not part of it",
            file=self.selection,
            key="selection",
            mend=f"judge {station}.{experiment} on validation (metrics.val.json)",
        )

    def notices(self) -> list[str]:
        """What is allowed, and yet seldom meant: told in a line each when a run begins."""
        submission, selection = self.competition.submission, self.competition.selection
        found = []
        if submission and selection and submission.station == selection.station and submission.experiment != SELECTED:
            found.append(
                f"submission.experiment is {submission.experiment}, whatever the selection chooses; with "
                f"`experiment: {SELECTED}` what it chooses is submitted"
            )
        packages = {package for name in self.competition.detection for package in self.backend_packages(name)}
        packages |= {self.competition.tracking} - {"none"}
        found += [
            f"{package} is asked for and not installed here: where the jobs do not have it either, trainings will fail"
            for package in sorted(packages)
            if find_spec(package) is None
        ]
        return found

    def ablation_files(self, name: str) -> list[str]:
        """The tables and the figure of an ablation."""
        return [f"{self.results}/ablations/{name}.{kind}" for kind in ("csv", "seeds.csv", "svg")]

    def ablation_inputs(self, name: str) -> dict[str, str | list[str]]:
        """What an ablation's points are compared by."""
        ablation = self.compared(name)
        return self.judged_by(ablation.station, ablation.experiments)

    def ablation_settings(self, name: str) -> dict[str, object]:
        """What the comparison of an ablation's points depends on, and the trainings whose times it tells."""
        ablation = self.compared(name)
        return {
            "metric": ablation.metric,
            "points": [point.model_dump(mode="json") for point in ablation.points],
            "reference": ablation.reference_point.model_dump(mode="json"),
            "experiments": ablation.experiments,
            "trainings": [self._trainings(ablation.station, name) for name in ablation.experiments],
            "evaluation": self.limits,
            "shares_out": self.competition.shares_out(ablation.station),
            "drop_categories": self.competition.dropped(ablation.station, ablation.experiments),
        }

    def compared(self, name: str) -> Ablation:
        """Return an ablation without the models that diverged; of an ablation that lost all of them all are left."""
        ablations = self.competition.ablations
        if name not in ablations:
            known = ", ".join(ablations) or "none is defined"
            raise PodiumError(f"no ablation is named {name!r}; {did_you_mean(name, ablations)}Known: {known}")
        ablation = ablations[name]
        points = []
        for point in ablation.points:
            left = {s: each for s, each in point.experiments.items() if (ablation.station, each) not in self.lost}
            points += [point.model_copy(update={"experiments": left})] if left else []
        return ablation.model_copy(update={"points": tuple(points)}) if points else ablation

    def candidates(self) -> list[str]:
        """What the selection chooses from, without the models that diverged."""
        station, names = self.competition.selection.station, self.competition.candidates()
        return [name for name in names if (station, name) not in self.lost] or names

    @cached_property
    def lost(self) -> dict[tuple[str, str], str]:
        """By station and name: the points of ablations for which no model can be had, and why (see `lost_points`)."""
        return lost_points(self)

    @property
    def lost_by_name(self) -> dict[str, str]:
        """Why they have no model, by names such as detection.x101."""
        return {".".join(each): problem for each, problem in self.lost.items()}

    def training_settings(self, training: str, experiment: str) -> str:
        """What a training reads of the configuration."""
        limits = {"max_detections": self.competition.evaluation.max_detections} if training == "detection" else {}
        return settings_json(experiment=self.competition.experiment(training, experiment), **limits)

    @property
    def limits(self) -> dict[str, float]:
        """What a comparison of experiments reads of the evaluation."""
        evaluation = self.competition.evaluation
        return {key: getattr(evaluation, key) for key in ("max_detections", "score_threshold", "bootstrap_samples")}

    def _trainings(self, station: str, experiment: str) -> list[str]:
        """The jobs, by their names in provenance, that trained what an experiment is made of."""
        chain = self.competition.chain(station, experiment).items()
        return [f"{TRAININGS[each]}.{name}" for each, names in chain if each in TRAININGS for name in names]
