"""The whole of a competition's configuration."""

from collections.abc import Iterable, Mapping
from typing import get_args

from pydantic import Field, ModelWrapValidatorHandler, field_validator, model_validator

from podium.config.ablations import Ablation
from podium.config.detection import DetectionExperiment
from podium.config.evaluation import Evaluation
from podium.config.instances import InstancesExperiment
from podium.config.judging import Station
from podium.config.layout import AnyLayout, Checks
from podium.config.library_names import check_names
from podium.config.metrics import METRIC_NAMES
from podium.config.points import expand, no_experiment
from podium.config.report import Report
from podium.config.section import Name, Section
from podium.config.segmentation import SegmentationExperiment
from podium.config.selection import Selection
from podium.config.share import Share
from podium.config.source import Source
from podium.config.splits import Splits
from podium.config.submission import Submission
from podium.config.tracking import Tracking
from podium.errors import PodiumError

SELECTED = "selected"
"""As submission.experiment: the experiment that the selection chooses."""

_STATIONS: tuple[Station, ...] = get_args(Station)


class Competition(Section):
    """One competition: its data, its experiments, its submission."""

    name: Name = Field(description="names the folders under data/, results/ and submissions/")
    title: str = Field("", description="heading of the report")
    source: Source = Field(description="where the archive comes from")
    layout: AnyLayout = Field(description="how the archive is laid out")
    checks: Checks = Field(Checks(), description="what happens to records that fail their checks")
    splits: Splits = Field(Splits(), description="how the images with truth are divided")
    detection: dict[Name, DetectionExperiment] = Field({}, description="detection experiments by name")
    segmentation: dict[Name, SegmentationExperiment] = Field({}, description="segmentation experiments by name")
    instances: dict[Name, InstancesExperiment] = Field({}, description="instances experiments by name")
    ablations: dict[Name, Ablation] = Field({}, description="experiments declared by what varies, by name")
    selection: Selection | None = Field(
        None, description="how the best experiment is chosen; null: every written experiment is judged on test"
    )
    evaluation: Evaluation = Field(Evaluation(), description="how predictions are judged")
    submission: Submission | None = Field(None, description="what is sent to the competition; null: nothing")
    report: Report = Field(Report(), description="what the page shows")
    share: Share | None = Field(
        Share(), description="the folder that colleagues are given, of the submitted experiment; null: none"
    )
    tracking: Tracking = Field(
        "none", description="a service that is sent a training's numbers while it runs; no training is rerun for it"
    )

    @property
    def kaggle_name(self) -> str | None:
        """The competition's short name on Kaggle, None where it is not known."""
        if self.submission and self.submission.competition:
            return self.submission.competition
        return self.source.competition if self.source.kind == "kaggle" else None

    @property
    def own_metric(self) -> str:
        """The score that is shown first, and that pictures are ranked by."""
        return self.submission.metric if self.submission else "dsb2018"

    @property
    def judging(self) -> Evaluation:
        """How predictions are judged: by the submission's metric, too, and in one order, whatever was written first."""
        wanted = {*self.evaluation.metrics, *([self.submission.metric] if self.submission else [])}
        metrics = tuple(name for name in METRIC_NAMES if name in wanted)
        return self.evaluation.model_copy(update={"metrics": metrics})

    def candidates(self) -> list[str]:
        """Return the names of the experiments that the selection chooses from, in the order of the file."""
        experiments, among = getattr(self, self.selection.station), self.selection.among
        if among == "all":
            return [*experiments]
        if among == "written":
            return self.written(self.selection.station)
        if among == "ablations":
            points = [
                point
                for each in self.ablations.values()
                if each.station == self.selection.station
                for point in each.points
            ]
            among = {name for point in points for name in point.experiments.values()}
        return [name for name in experiments if name in among]

    def written(self, station: Station) -> list[str]:
        """Return the names of the experiments that are written, and were not made for an ablation's points."""
        made = {name for ablation in self.ablations.values() for name in ablation.made.get(station, ())}
        return [name for name in getattr(self, station) if name not in made]

    def experiment(self, station: Station, name: str) -> Section:
        """Return an experiment; PodiumError, with the nearest name, where a station has none of this one."""
        experiments = getattr(self, station)
        if name not in experiments:
            raise PodiumError(no_experiment(station, name, experiments, self.written(station)))
        return experiments[name]

    def _require(self, key: str, station: Station, name: str) -> None:
        """Raise ValueError where a key names no experiment of a station."""
        try:
            self.experiment(station, name)
        except PodiumError as error:
            section = key.split(".")[0]
            stations = {"submission": ("instances", "detection"), "selection": _STATIONS}.get(section, ())
            other = next((each for each in stations if name in getattr(self, each)), None)
            advice = f". There is a {other} experiment of this name: set {section}.station: {other}" if other else ""
            raise ValueError(f"{key}: {error}{advice}") from None

    def submitting(self, experiment: str) -> "Competition":
        """Return this competition with the experiment's name in place of `selected`."""
        if not self.submission or self.submission.experiment != SELECTED:
            return self
        submission = self.submission.model_copy(update={"experiment": experiment})
        return self.model_copy(update={"submission": submission})

    @field_validator(*_STATIONS, "ablations", mode="before")
    @classmethod
    def _an_empty_section_has_none(cls, value: object) -> object:
        return {} if value is None else value

    @model_validator(mode="wrap")
    @classmethod
    def _points_are_experiments(cls, raw: object, handler: ModelWrapValidatorHandler["Competition"]) -> "Competition":
        """Add the experiments of ablations; the checks below are of them, too."""
        checked = handler(raw)
        stations = {station: getattr(checked, station) for station in _STATIONS}
        for station, experiments in stations.items():
            for name, experiment in experiments.items():
                check_names(f"{station}.{name}.", experiment)
        if not checked.ablations or not isinstance(raw, Mapping):
            return checked
        return checked.model_copy(update=expand(checked.ablations, stations, raw))

    @model_validator(mode="after")
    def _name_is_free(self):
        if self.name == "zoo":
            raise ValueError("name: 'zoo' is taken: data/zoo/ holds downloaded weights; choose another name")
        return self

    @model_validator(mode="after")
    def _parts_fit_together(self):
        for station, experiments in (("detection", self.detection), ("segmentation", self.segmentation)):
            for name, experiment in experiments.items():
                if experiment.fold >= self.splits.folds:
                    raise ValueError(
                        f"{station}.{name}.fold is {experiment.fold}, but splits.folds is {self.splits.folds} "
                        f"(folds count from 0)"
                    )
            for name, experiment in self.instances.items():
                self._require(f"instances.{name}.{station}", station, getattr(experiment, station))
        for name, experiment in self.instances.items():
            folds = self.detection[experiment.detection].fold, self.segmentation[experiment.segmentation].fold
            if folds[0] != folds[1]:
                raise ValueError(
                    f"instances.{name} joins fold {folds[0]} of detection with fold {folds[1]} of segmentation: "
                    f"validation images of one were training images of the other"
                )
        for name, experiment in self.detection.items():
            model = experiment.model
            if model.weights == "none" and (model.norm == "frozen" or model.freeze_at):
                raise ValueError(
                    f"detection.{name}.model: weights none with norm {model.norm} and freeze_at {model.freeze_at} "
                    "would freeze random numbers; take norm batch or group, and freeze_at 0"
                )
            if model.weights in ("none", "imagenet") and experiment.solver.heads_only_iters:
                raise ValueError(
                    f"detection.{name}.solver.heads_only_iters: with weights {model.weights} there are random numbers "
                    "outside of the heads, too, which would be frozen; start from a whole detector, or leave it at 0"
                )
        return self

    @model_validator(mode="after")
    def _there_is_something_to_select(self):
        if not self.selection:
            return self
        experiments, among = getattr(self, self.selection.station), self.selection.among
        for name in among if isinstance(among, tuple) else ():
            self._require("selection.among", self.selection.station, name)
        if not self.candidates():
            station, there = self.selection.station, ", ".join(experiments)
            raise ValueError(
                f"selection.among: no ablation is of {station} experiments; with all the candidates are {there}"
                if there
                else f"selection: there are no {station} experiments to choose from"
            )
        folds = {self.fold(self.selection.station, name) for name in self.candidates()}
        if len(folds) > 1:
            raise ValueError(f"selection: candidates are of the folds {sorted(folds)}, whose validation images differ")
        if SELECTED in experiments:
            raise ValueError(f"{self.selection.station}.{SELECTED}: the name stands for what is selected; take another")
        return self

    @model_validator(mode="after")
    def _metrics_have_what_they_need(self):
        judged = [(f"ablations.{name}", each, each.experiments) for name, each in self.ablations.items()]
        if self.selection:
            judged.append(("selection", self.selection, self.candidates()))
        for key, each, names in judged:
            if each.metric not in METRIC_NAMES or METRIC_NAMES[each.metric].needs == "boxes":
                continue
            for name in names:
                if not self.finds_masks(each.station, name):
                    raise ValueError(
                        f"{key}.by: {each.metric} needs masks, but {each.station}.{name} finds boxes only; take a "
                        "metric of boxes, as box_ap, or detectors with architecture mask_rcnn"
                    )
        return self

    @model_validator(mode="after")
    def _something_can_be_submitted(self):
        if not self.submission:
            return self
        names, station = [self.submission.experiment], self.submission.station
        if names == [SELECTED]:
            if not self.selection or self.selection.station != station:
                raise ValueError(
                    f"submission.experiment: {SELECTED} is what `selection` chooses among {station} experiments, and "
                    f"there is {'a selection of another station' if self.selection else 'no selection'}"
                )
            names = self.candidates()
        for name in names:
            self._submission_fits(self.submission, name)
        return self

    def _submission_fits(self, submission: Submission, name: str) -> None:
        station, needs = submission.station, submission.format.needs
        self._require("submission.experiment", station, name)
        if needs == "classes":
            raise ValueError(
                f"submission.format: its kind is {submission.format.code.kind}, of whole images; "
                f"{station} finds objects, and no station classifies images yet"
            )
        if needs == "masks" and not self.finds_masks(station, name):
            raise ValueError(
                f"submission.format: it needs masks, but detection.{name} finds boxes only; submit an instances "
                "experiment, or a detector with architecture mask_rcnn"
            )
        if station == "instances" and self.instances[name].overlap and submission.format.forbids_overlap:
            raise ValueError(
                f"instances.{name}.overlap is true, but in submission.format no two instances may share pixels; "
                "submit an experiment with overlap: false, which gives a pixel to the instance with the highest score"
            )
        if needs == "boxes" and METRIC_NAMES[submission.metric].needs == "masks":
            raise ValueError(
                f"submission.metric: {submission.metric} needs masks, but the file that is submitted holds boxes; take "
                "a metric of boxes, as box_ap, or leave the key out: there is one that fits the format"
            )

    def finds_masks(self, station: Station, experiment: str) -> bool:
        """Whether an experiment finds masks, not boxes alone."""
        return station != "detection" or self.experiment(station, experiment).model.architecture == "mask_rcnn"

    def is_tuned(self, station: Station, experiment: str) -> bool:
        """Whether an experiment's thresholds are chosen on the validation part.

        Where the metric is one of masks they are for all experiments that find masks, which stay comparable, and of
        which another may be submitted next; where it is one of boxes, for all of the station that is submitted.
        """
        if not (self.submission and self.submission.tuning):
            return False
        if METRIC_NAMES[self.submission.metric].needs == "boxes":
            return station == self.submission.station
        return self.finds_masks(station, experiment)

    def shares_out(self, station: Station, experiment: str | None = None) -> bool:
        """Whether a station's masks, or those of one experiment, are freed of overlaps before they are judged and sent.

        A detector's are where the format forbids overlaps, whichever station is submitted: so all ways are judged as
        they could be sent; a detector of boxes has none. Instances have no overlaps: their station shares pixels out
        itself, and with `overlap: true` they are refused.
        """
        if station != "detection" or not self.submission:
            return False
        if experiment is not None and not self.finds_masks(station, experiment):
            return False
        form = self.submission.format
        return form.needs == "masks" and form.forbids_overlap

    def chain(self, station: Station, experiment: str) -> dict[Station, list[str]]:
        """Return an experiment and, of instances, those that it joins, by station."""
        if station != "instances":
            return {station: [experiment]}
        settings = self.instances[experiment]
        return {"detection": [settings.detection], "segmentation": [settings.segmentation], station: [experiment]}

    def dropped(self, station: Station, experiments: Iterable[str]) -> list[str]:
        """Return the categories that the detector of one of some experiments is not trained to find."""
        detectors = {name for each in experiments for name in self.chain(station, each).get("detection", ())}
        return sorted({category for name in detectors for category in self.detection[name].drop_categories})

    def fold(self, station: Station, experiment: str) -> int:
        """Return the fold that an experiment is trained on."""
        if station == "instances":
            station, experiment = "detection", self.experiment(station, experiment).detection
        return self.experiment(station, experiment).fold
