"""What is chosen from, and selections that could not be made."""

import pytest

from podium.errors import PodiumError
from tests.config.minimal import checked

RATE = {"rate": {"of": "detection.boxes", "vary": {"solver.base_lr": [0.01, 0.02]}, "fix": {"solver.max_iter": 5}}}
OVER = {"detection": "boxes", "segmentation": "masks", "overlap": True}
OTHER = {"solver": {"base_lr": 0.1, "max_iter": 3}}


@pytest.mark.parametrize(
    ("among", "names"),
    [
        ("all", ["boxes", "other", "boxes-max_iter-5", "boxes-base_lr-0p02-max_iter-5"]),
        ("written", ["boxes", "other"]),
        ("ablations", ["boxes-max_iter-5", "boxes-base_lr-0p02-max_iter-5"]),
        (["other", "boxes"], ["boxes", "other"]),
    ],
)
def test_candidates(among, names):
    selection = {"station": "detection", "among": among}
    found = checked(detection__other=OTHER, ablations=RATE, selection=selection)
    assert found.candidates() == names


def test_the_metric_is_that_of_the_station_unless_one_is_named():
    def metric(**selection: str) -> str:
        return checked(selection=selection).selection.metric

    assert metric() == "mask_ap"
    assert metric(station="segmentation") == "mean_iou"
    assert metric(station="detection") == "box_ap"
    assert metric(by="dsb2018") == "dsb2018"


def test_detectors_of_masks_are_chosen_by_a_metric_of_masks():
    masks = {"model": {"architecture": "mask_rcnn"}, **OTHER}
    selection = {"station": "detection", "by": "mask_ap", "among": ["other"]}
    assert checked(detection__other=masks, selection=selection).candidates() == ["other"]


@pytest.mark.parametrize(
    ("values", "told"),
    [
        (
            {"selection": {"among": ["bth"]}},
            "no instances experiment is named 'bth'; did you mean 'both'? ",
        ),
        ({"selection": {"among": []}}, "among: an empty list leaves nothing to choose from"),
        (
            {"selection": {"among": "ablations"}},
            "no ablation is of instances experiments; with all the",
        ),
        ({"selection": {}, "instances": None}, "selection: there are no instances experiments to choose from"),
        (
            {"selection": {"among": ["boxes"]}},
            "There is a detection experiment of this name: set selection.",
        ),
        ({"selection": {"by": "mean_iou"}}, "by: mean_iou is no metric of instances experiments"),
        (
            {"selection": {"station": "detection", "by": "mask_ap"}},
            "selection.by: mask_ap needs masks, but detection.boxes finds boxes only; take a metric of boxes, as",
        ),
        (
            {"selection": {"among": "all"}, "instances__over": OVER, "submission__experiment": "selected"},
            "instances.over.overlap is true, but in submission.format no two instances may share pixels",
        ),
        ({"submission__experiment": "selected"}, "submission.experiment: selected is what `selection` chooses"),
        (
            {"selection": {"station": "detection"}, "submission__experiment": "selected"},
            "there is a selection of another station",
        ),
        (
            {"splits__folds": 2, "detection__other": OTHER | {"fold": 1}, "selection": {"station": "detection"}},
            "selection: candidates are of the folds [0, 1], whose validation images differ",
        ),
    ],
)
def test_what_cannot_be_chosen_is_told(values, told):
    with pytest.raises(PodiumError) as caught:
        checked(**values)
    assert told in str(caught.value)
