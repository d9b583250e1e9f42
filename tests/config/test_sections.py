"""Values that do not go together are refused; those just within the limits are taken."""

import pytest

from podium.errors import PodiumError
from tests.config.minimal import checked

SOLVER = "detection__boxes__solver"
MODEL = "detection__boxes__model"
ZOO = "COCO-Detection/faster_rcnn_R_101_FPN_3x"


def solver(**values):
    return {SOLVER: {"base_lr": 0.01, "max_iter": 100, **values}}


RUN_LENGTHS = {"order": "row", "base": 0}
FORMAT = {"id_column": "id", "value_column": "rle", "rows": "image", "empty": "", "code": RUN_LENGTHS}
OVERLAPPING = {**FORMAT, "rows": "instance", "overlap": "allowed"}
BOXES = {**FORMAT, "code": {"kind": "objects", "words": ["score", "x1", "y1", "x2", "y2"]}}
DETECTION = {"submission__station": "detection", "submission__experiment": "boxes"}

REFUSED = {
    "nothing left for training": ({"splits__val": 0.5, "splits__test": 0.5}, "leave no images for training"),
    "a name that is a folder already": ({"name": "zoo"}, "name: 'zoo' is taken"),
    "level below 2": ({MODEL: {"levels": [1, 5]}}, r"levels \[1, 5\] must be a range within \[2, 6\]"),
    "level above 6": ({MODEL: {"levels": [3, 7]}}, r"levels \[3, 7\] must be a range within \[2, 6\]"),
    "only the pooled level": ({MODEL: {"levels": [6, 6], "anchor_sizes": [64]}}, "beginning at 5 or before"),
    "levels backwards": ({MODEL: {"levels": [5, 4]}}, r"levels \[5, 4\] must be a range within \[2, 6\]"),
    "anchors unlike levels": ({MODEL: {"levels": [2, 5]}}, "5 anchor_sizes for the 4 levels 2 to 5"),
    "a pattern without a group": ({"splits": {"group_by": r"^g\d+"}}, "has no group"),
    "a pattern that is none": ({"splits": {"group_by": r"^g(\d+"}}, "is no regular expression"),
    "random weights frozen by norms": ({MODEL: {"weights": "none", "freeze_at": 0}}, "would freeze random numbers"),
    "random weights frozen before the heads have learned": (
        {SOLVER: {"heads_only_iters": 2, "base_lr": 0.01, "max_iter": 100}},
        "with weights imagenet there are random numbers outside of the heads",
    ),
    "a random encoder frozen before the decoder has learned": (
        {"segmentation__masks__solver": {"heads_only_iters": 2, "base_lr": 0.01, "max_iter": 100}},
        "it takes an encoder with encoder_weights",
    ),
    "random weights frozen by stages": ({MODEL: {"weights": "none", "norm": "batch"}}, "would freeze random numbers"),
    "zoo weights of another backbone": (
        {MODEL: {"weights": ZOO, "backbone": "resnet18"}},
        "are of a model with backbone resnet101, not resnet18",
    ),
    "zoo weights of other levels": (
        {MODEL: {"weights": ZOO, "levels": [2, 5], "anchor_sizes": [8, 16, 32, 64]}},
        r"are of a model with levels \(2, 6\)",
    ),
    "no such zoo weights": ({MODEL: {"weights": ZOO[:-1]}}, "is not in the zoo; did you mean"),
    "steps fall": (solver(schedule="steps", steps=[20, 10]), r"steps \[20, 10\] must increase"),
    "steps repeat": (solver(schedule="steps", steps=[10, 10]), r"steps \[10, 10\] must increase"),
    "step at once": (solver(schedule="steps", steps=[0, 10]), "step 0 is none: .* the first step is 1 or later"),
    "step below 0": (solver(schedule="steps", steps=[-5]), "step -5 is none"),
    "steps unused": (solver(schedule="cosine", steps=[10]), "only used by schedule: steps, not cosine"),
    "two warm-ups": (solver(schedule="one_cycle", warmup_iters=5), "one_cycle warms up by itself"),
    "two transforms in one": (
        {"detection__boxes__input": {"augmentation": [{"HorizontalFlip": {}, "VerticalFlip": {}}]}},
        "detection.boxes.input.augmentation: write one transform an entry",
    ),
    "crops too fine": (
        {"segmentation__masks__model": {"architecture": "report_unet"}, "segmentation__masks__crops": {"size": 96}},
        "crops.size 96 must be a multiple of 64",
    ),
    "unknown format": ({"submission__format": "dsb2081"}, "named 'dsb2081'; did you mean 'dsb2018'"),
    "unknown metric": ({"submission__metric": "dsb2081"}, "submission.metric: .*dsb2018.*box_ap"),
    "unknown metric among known": ({"evaluation__metrics": ["iou", "auc"]}, "evaluation.metrics.1: "),
    "no such key of run-length codes": (
        {"submission__format": {**FORMAT, "code": {**RUN_LENGTHS, "ordr": "row"}}},
        "submission.format.code.ordr: unknown key; did you mean 'order'",
    ),
    "no such kind of code": (
        {"submission__format": {**FORMAT, "code": {"kind": "polygons"}}},
        "submission.format.code.kind: 'polygons' is unknown",
    ),
    "a format for whole images": (
        {"submission__format": "dog_breed"},
        "submission.format: its kind is probabilities, of whole images; instances finds objects, and no station cl",
    ),
    "a score of masks for boxes": (
        DETECTION | {"submission__format": "global_wheat", "submission__metric": "dsb2018"},
        "submission.metric: dsb2018 needs masks, but the file that is submitted holds boxes; take a metric of boxes",
    ),
    "a score of masks for boxes of instances": (
        {"submission__format": "global_wheat", "submission__metric": "dice"},
        "submission.metric: dice needs masks, but the file that is submitted holds boxes",
    ),
    "instances that overlap where none may": (
        {"instances__both__overlap": True},
        "instances.both.overlap is true, but in submission.format no two instances may share pixels; submit an .*false",
    ),
    "masks of a detector of boxes": (
        DETECTION | {"submission__format": "dsb2018"},
        "submission.format: it needs masks, but detection.boxes finds boxes only",
    ),
    "no values to try": ({"submission__tuning": {"min_area": []}}, "submission.tuning.min_area"),
    "a value that is none": ({"submission__tuning": {"mask_threshold": [0.5, 2]}}, "submission.tuning.mask_threshold"),
    "one column twice": ({"submission__format": {**FORMAT, "value_column": "id"}}, "are both 'id'"),
    "detection fold": ({"detection__boxes__fold": 1}, "detection.boxes.fold is 1, but splits.folds is 1"),
    "segmentation fold": (
        {"segmentation__masks__fold": 2, "splits__folds": 2},
        "segmentation.masks.fold is 2, but splits.folds is 2",
    ),
    "folds mixed": ({"detection__boxes__fold": 1, "splits__folds": 2}, "joins fold 1 of detection with fold 0 of"),
    "no such detector": (
        {"instances__both__detection": "b"},
        "both.detection: no detection experiment is named 'b'",
    ),
    "no such segmenter": ({"instances__both__segmentation": "boxes"}, r"named 'boxes'; Known: masks"),
    "no such instances": ({"submission__experiment": "boxes"}, "set submission.station: detection"),
    "no such detector to submit": (
        {"submission__station": "detection"},
        r"no detection experiment is named 'both'; Known: boxes\. .* set submission.station: instances",
    ),
    "no instances at all": ({"instances": {}}, "submission.experiment: .*none is defined"),
}

TAKEN = {
    "a little left for training": ({"splits__val": 0.5, "splits__test": 0.49}, "splits.test", 0.49),
    "val unused with folds": ({"splits__val": 0.6, "splits__test": 0.5, "splits__folds": 3}, "splits.folds", 3),
    "one level": ({MODEL: {"levels": [5, 5], "anchor_sizes": [64]}}, "detection.boxes.model.levels", (5, 5)),
    "zoo weights": ({MODEL: {"weights": ZOO}}, "detection.boxes.model.pixels", "bgr"),
    "steps": (
        solver(schedule="steps", steps=[10, 99], warmup_iters=10),
        "detection.boxes.solver.steps",
        (10, 99),
    ),
    "a step in warm-up, one too late": (
        solver(schedule="steps", steps=[9, 500], warmup_iters=10),
        "detection.boxes.solver.steps",
        (9, 500),
    ),
    "all warm-up": (solver(warmup_iters=1000), "detection.boxes.solver.warmup_iters", 1000),
    "another tracking": ({"tracking": "mlflow"}, "tracking", "mlflow"),
    "no training": (solver(max_iter=0, schedule="steps", steps=[500]), "detection.boxes.solver.max_iter", 0),
    "one cycle": (solver(schedule="one_cycle"), "detection.boxes.solver.schedule", "one_cycle"),
    "crops of 64": (
        {"segmentation__masks__model": {"architecture": "report_unet"}, "segmentation__masks__crops": {"size": 128}},
        "segmentation.masks.crops.size",
        128,
    ),
    "own format": ({"submission__format": FORMAT}, "submission.format.code.starts", "absolute"),
    "boxes of a detector": (
        DETECTION | {"submission__format": "global_wheat"},
        "submission.format.needs",
        "boxes",
    ),
    "instances that overlap where they may": (
        {"instances__both__overlap": True, "submission__format": "tgs_salt"},
        "instances.both.overlap",
        True,
    ),
    "instances that overlap in a format that allows it": (
        {"instances__both__overlap": True, "submission__format": OVERLAPPING},
        "submission.format.forbids_overlap",
        False,
    ),
    "the metric of masks": ({"submission__format": "airbus"}, "submission.metric", "dsb2018"),
    **{
        f"the metric of {name}": ({"submission__format": name}, "submission.metric", metric)
        for name, metric in {
            **{"global_wheat": "global_wheat", "rsna_pneumonia": "rsna", "vinbigdata": "vinbigdata"},
            **{"openimages_detection": "openimages"},
        }.items()
    },
    "the metric of boxes of any format": ({"submission__format": BOXES}, "submission.metric", "box_ap"),
    "another metric of boxes": (
        {"submission__format": "global_wheat", "submission__metric": "voc2010"},
        "submission.metric",
        "voc2010",
    ),
    "boxes tuned by the format's metric": (
        DETECTION | {"submission__format": "global_wheat", "submission__tuning": {}},
        "submission.metric",
        "global_wheat",
    ),
    "boxes of instances": ({"submission__format": "global_wheat"}, "submission.station", "instances"),
    "masks of a detector of masks": (
        DETECTION | {MODEL: {"architecture": "mask_rcnn"}},
        "submission.format.needs",
        "masks",
    ),
    "one fold of many": (
        {"detection__boxes__fold": 1, "segmentation__masks__fold": 1, "splits__folds": 2},
        "segmentation.masks.fold",
        1,
    ),
    "no submission": ({"submission": None, "instances": {}}, "submission", None),
}


@pytest.mark.parametrize(("values", "told"), REFUSED.values(), ids=REFUSED)
def test_refused(values, told):
    with pytest.raises(PodiumError, match=told):
        checked(**values)


@pytest.mark.parametrize(("values", "place", "value"), TAKEN.values(), ids=TAKEN)
def test_taken(values, place, value):
    here = checked(**values)
    for step in place.split("."):
        here = here[step] if isinstance(here, dict) else getattr(here, step)
    assert here == value


def test_masks_of_a_detector_are_shared_out_where_no_two_may_overlap():
    def shared_out(format: object) -> bool:
        values = DETECTION | {MODEL: {"architecture": "mask_rcnn"}, "submission__format": format}
        return checked(**values).shares_out("detection")

    assert shared_out("dsb2018")
    # Rows of a union, or of a category's: a pixel may be that of two instances.
    assert [shared_out(each) for each in ("tgs_salt", "severstal", "hpa", OVERLAPPING)] == [False] * 4


def test_a_checked_configuration_does_not_change():
    competition = checked()
    with pytest.raises(ValueError, match="frozen"):
        competition.name = "other"
    with pytest.raises(ValueError, match="frozen"):
        competition.splits.seed = 2


def test_kaggles_name_is_the_submissions_or_the_sources():
    kaggle = {"kind": "kaggle", "competition": "from-source"}
    assert checked().kaggle_name is None
    assert checked(source=kaggle).kaggle_name == "from-source"
    assert checked(source=kaggle, submission__competition="from-submission").kaggle_name == "from-submission"


def test_predictions_are_judged_by_the_submissions_metric_too():
    assert checked().judging.metrics == ("dsb2018", "airbus_f2", "dice")
    assert checked(submission__metric="vesuvius_f05").judging.metrics == (
        "dsb2018",
        "airbus_f2",
        "dice",
        "vesuvius_f05",
    )
    # Nothing is evaluated anew for another order.
    assert checked(evaluation__metrics=["iou", "dice", "iou"]).judging.metrics == ("dsb2018", "dice", "iou")
    alone = checked(evaluation={"metrics": [], "score_threshold": 0.3}, submission=None).judging
    assert (alone.metrics, alone.score_threshold) == ((), 0.3)
