"""The whole of a competition's configuration."""

from pydantic import Field, model_validator

from podium.config.detection import DetectionExperiment
from podium.config.evaluation import Evaluation
from podium.config.instances import InstancesExperiment
from podium.config.layout import AnyLayout, Checks
from podium.config.metrics import METRIC_NAMES
from podium.config.report import Report
from podium.config.section import Name, Section
from podium.config.segmentation import SegmentationExperiment
from podium.config.share import Share
from podium.config.source import Source
from podium.config.splits import Splits
from podium.config.submission import Submission
from podium.config.tracking import Tracking


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
                _known(f"instances.{name}.{station}", getattr(experiment, station), experiments)
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
        if self.submission:
            self._submission_fits(self.submission)
        return self

    def _submission_fits(self, submission: Submission) -> None:
        name, station, needs = submission.experiment, submission.station, submission.format.needs
        _known("submission.experiment", name, getattr(self, station))
        if needs == "classes":
            raise ValueError(
                f"submission.format: its kind is {submission.format.code.kind}, of whole images; "
                f"{station} finds objects"
            )
        boxes_only = station == "detection" and self.detection[name].model.architecture != "mask_rcnn"
        if needs == "masks" and boxes_only:
            raise ValueError(
                f"submission.format: it needs masks, but detection.{name} finds boxes only; submit an instances "
                "experiment, or a detector with architecture mask_rcnn"
            )
        masks = METRIC_NAMES[submission.metric].needs == "masks"
        if submission.solution and needs == "boxes" and masks:
            raise ValueError(
                f"submission.metric: {submission.metric} needs masks, but the files that it would compare hold boxes"
            )
        if submission.tuning and boxes_only and masks:
            raise ValueError(
                f"submission.tuning: the metric {submission.metric} is one of masks, but detection.{name} finds boxes "
                "only; take a metric of boxes, or leave thresholds as they are configured (tuning: null)"
            )


def _known(key: str, name: str, experiments: dict) -> None:
    if name not in experiments:
        known = ", ".join(experiments) or "none is defined"
        raise ValueError(f"{key}: no experiment is named {name!r} (known: {known})")
