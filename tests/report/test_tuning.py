import re
from xml.etree import ElementTree

import numpy as np
import pytest

from podium.config.competition import Competition
from podium.config.tuning import Choice, Tuning
from podium.data.dataset import load_dataset
from podium.data.masks import decode
from podium.evaluation.combinations import choices_of
from podium.evaluation.metrics import METRICS
from podium.evaluation.tuning import tune
from podium.report.galleries import shown_objects
from podium.report.page import build_report
from podium.report.tuning_plot import surface_plot

from .finished import Finished
from .reading import Page

DASH = "\u2013"
AXES = {
    "score_threshold": (0.2, 0.5, 0.8),
    "mask_threshold": (0.4, 0.5),
    "nms_iou": (None, 0.3),
    "min_area": (1, 20),
}
CONFIGURED = Choice(score_threshold=0.5, mask_threshold=0.5)
CHOSEN = Choice(score_threshold=0.5, mask_threshold=0.4, nms_iou=0.3)


def tuning(axes=AXES, configured=CONFIGURED, chosen=CHOSEN, units=4):
    """Four images; each score is the combination's place, so that all differ, and 0.9 that of the one to be chosen."""
    choices = choices_of(axes)
    table = [[0.9 if each == chosen else 0.01 * place] * 4 for place, each in enumerate(choices)]
    groups = np.array_split(np.arange(4), units)
    found = tune(METRICS["dsb2018"], axes, table, configured, groups, Tuning(), bootstrap_samples=100)
    assert Choice(**found["choice"]) == chosen
    return found


@pytest.fixture
def finished(tmp_path):
    made = Finished(tmp_path)
    made.complete()
    raw = made.competition.model_dump()
    raw["submission"]["tuning"] = {}
    made.competition = Competition.model_validate(raw)
    return made


def page_of(finished):
    build_report(finished.page, finished.competition, finished.data, finished.results, finished.submissions)
    return Page(finished.page.read_text(encoding="utf-8"))


def test_the_page_tells_choice_and_scores(finished):
    found = tuning()
    found["cross_fitted"] = {"score": 0.8767, "low": 0.7, "high": 0.95}
    finished.write(finished.results / "instances/both/tuning.json", found)
    page = page_of(finished)
    assert page.table("Thresholds, chosen on validation") == [
        ["", "score threshold", "mask threshold", "nms IoU", "min area"],
        ["configured", "0.5", "0.5", "none", "1"],
        ["choice", "0.5", "0.4", "0.3", "1"],
        ["range over the parts", "0.5", "0.4", "0.3", "1"],
        ["values tried", "0.2, 0.5, 0.8", "0.4, 0.5", "none, 0.3", "1, 20"],
    ]
    assert page.table("DSB 2018 mean precision on the 4 validation images")[1:] == [
        ["untuned: the configured thresholds", "0.120", "0.120", "0.120"],
        ["tuned, cross-fitted: chosen on the other parts of the images", "0.877", "0.700", "0.950"],
        ["gain: cross-fitted less untuned", "0.780", "0.780", "0.780"],
        ["tuned, on the images that it was chosen on: too good", "0.900", "0.900", "0.900"],
    ]
    assert "4 of 4 parts chose what all validation images together chose." in page.text
    assert "beyond which better ones may lie: mask threshold 0.4." in page.text
    # The competition's own test images are shown with what was chosen.
    assert "instances from a confidence of 0.5 on" in page.text


def test_images_that_are_sent_are_shown_from_the_chosen_score_on(finished):
    def predicted(page):
        shown = page.text[page.text.index("The competition's test images") :]
        return [int(count) for count in re.findall(r"(\d+) predicted", shown)]

    finished.write(finished.results / "instances/both/tuning.json", tuning())
    before = predicted(page_of(finished))
    low = tuning(AXES | {"score_threshold": (0.05, 0.5)}, chosen=Choice(score_threshold=0.05, mask_threshold=0.4))
    finished.write(finished.results / "instances/both/tuning.json", low)
    # Each image has a prediction of score 0.1 besides the others.
    assert predicted(page_of(finished)) == [count + 1 for count in before]


def of_the_detector(finished, **submission):
    """Submit the detector, which finds masks, and give it the numbers and predictions of the instances."""
    raw = finished.competition.model_dump()
    raw["detection"]["faster"]["model"]["architecture"] = "mask_rcnn"
    raw["instances"] = {}
    raw["submission"] |= {"experiment": "faster", "station": "detection", **submission}
    finished.competition = Competition.model_validate(raw)
    for file in ("metrics.test", "metrics.val", "predictions.test", "predictions.submission"):
        source = finished.results / f"instances/both/{file}.json"
        (finished.results / f"detection/faster/{file}.json").write_text(source.read_text())


def test_a_detectors_pictures_show_what_was_judged(finished):
    of_the_detector(finished)
    axes = {"score_threshold": (0.05, 0.5), "mask_threshold": (None,), "nms_iou": (None, 0.3), "min_area": (1, 150)}
    chosen = Choice(score_threshold=0.05, min_area=150)
    finished.write(finished.results / "detection/faster/tuning.json", tuning(axes, Choice(score_threshold=0.5), chosen))
    predictions = finished.found("instances", [6, 13])
    place = (finished.competition, load_dataset(finished.data / "dataset"), finished.results, "detection", "faster")
    found = shown_objects(*place, "test", predictions, 0.5)
    # Image 6: squares of 16 and 12 pixels (144 are too few), and one of 40, all of score 0.05 and more.
    assert [each["score"] for each in found[6]] == [0.9, 0.1]
    first, second = (decode(each["segmentation"]) for each in found[6])
    assert not (first & second).any(), "the format forbids overlaps: pixels are shared out"
    assert (first.sum(), second.sum()) == (16**2, 40**2 - 16**2)
    # On validation thresholds are the configured ones.
    assert [each["score"] for each in shown_objects(*place, "val", predictions, 0.5)[6]] == [0.9, 0.8]
    # The same on the page: of image 13, without truth, both squares of at least 150 pixels are shown.
    assert "2 predicted" in page_of(finished).text


def test_a_tuning_that_is_not_there_is_named_and_one_that_is_off_is_not(finished):
    assert "not available (no file instances/both/tuning.json)" in page_of(finished).text
    finished.write(finished.results / "instances/both/tuning.json", tuning())
    raw = finished.competition.model_dump()
    raw["submission"]["tuning"] = None
    finished.competition = Competition.model_validate(raw)
    assert "Thresholds, chosen" not in page_of(finished).text


def test_without_parts_the_page_says_so(finished):
    finished.write(finished.results / "instances/both/tuning.json", tuning(units=1))
    page = page_of(finished)
    assert "cannot be divided: there is no cross-fitted score" in page.text
    assert [row[0].split(":")[0] for row in page.table("DSB 2018 mean precision on the 4")[1:]] == [
        "untuned",
        "tuned, on the images that it was chosen on",
    ]


def test_the_surface_is_drawn_where_the_choice_cuts_it(tmp_path):
    found = tuning()
    finished = surface_plot(found)
    root = ElementTree.fromstring(finished)
    texts = [each.text for each in root.iter() if each.tag.endswith("text")]
    # The cells: combinations of nms_iou and min_area at score 0.5, mask 0.4; the choice's is 0.9.
    assert [text for text in texts if re.fullmatch(r"0\.\d{3}", text or "")] == ["0.080", "0.090", "0.900", "0.110"]
    assert {"mask threshold 0.4", "mask threshold 0.5", "choice", "configured"} <= set(texts)
    assert surface_plot(found) == finished


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"nms_iou": (None,), "min_area": (1,), "mask_threshold": (None,)}, {"score threshold", "choice"}),
        ({"nms_iou": (None,)}, {"minimum area (pixels)"}),
        ({"score_threshold": (0.5,), "mask_threshold": (None,)}, {"IoU of duplicates"}),
    ],
)
def test_fewer_axes_are_drawn_as_well(changes, words):
    axes = AXES | changes
    own = {name: values[-1] if name == "score_threshold" else values[0] for name, values in axes.items()}
    chosen = Choice(**own)
    drawn = surface_plot(tuning(axes, chosen, chosen))
    texts = {each.text for each in ElementTree.fromstring(drawn).iter() if each.tag.endswith("text")}
    assert words <= texts
    assert ("mask threshold 0.4" in texts) == (len(axes["mask_threshold"]) > 1)


def test_scores_that_are_not_defined_are_no_obstacle(tmp_path):
    found = tuning()
    found["surface"] = [None] * len(found["surface"])
    found["untuned"] = found["tuned_in_sample"] = {"score": None, "low": None, "high": None}
    texts = [each.text for each in ElementTree.fromstring(surface_plot(found)).iter() if each.tag.endswith("text")]
    assert texts.count(DASH) == 4
