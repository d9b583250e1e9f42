import itertools
import json
import re
import shlex
import subprocess
import sys

import numpy as np
import pytest

from podium.config.competition import Competition
from podium.errors import PodiumError
from podium.report.page import build_report

from .finished import BOX, BOX_NAMES, MASK, Finished
from .reading import Page, pixels


def built(finished: Finished) -> Page:
    return Page(html(finished))


def html(finished: Finished) -> str:
    build_report(finished.page, finished.competition, finished.data, finished.results, finished.submissions)
    return finished.page.read_text(encoding="utf-8")


@pytest.fixture(scope="module")
def finished(tmp_path_factory) -> Finished:
    made = Finished(tmp_path_factory.mktemp("finished"))
    made.complete()
    return made


@pytest.fixture(scope="module")
def page(finished) -> Page:
    return built(finished)


def test_the_competitions_own_score_comes_first(tmp_path):
    made = Finished(tmp_path)
    made.complete()
    for split in ("val", "test"):
        file = made.results / f"instances/both/metrics.{split}.json"
        metrics = json.loads(file.read_text())
        metrics["scores"]["mask_ap"] = {"mean": 0.321, "low": 0.25, "high": 0.4}
        for number, row in enumerate(metrics["per_image"]):
            row["mask_ap"] = None if number == 0 else 1 - row["dsb2018"]  # not defined without objects
        made.write(file, metrics)
    before = built(made).table("Competitions' scores")
    own = made.competition.submission.model_copy(update={"metric": "mask_ap"})
    made.competition = made.competition.model_copy(update={"submission": own})
    page = built(made)
    after = page.table("Competitions' scores")
    assert [row[0] for row in before[1:]] == ["DSB 2018 mean precision", "COCO mask AP"]
    assert [row[0] for row in after[1:]] == ["COCO mask AP", "DSB 2018 mean precision"]
    assert after[1][1:] == ["0.321 [0.250, 0.400]"] * 2
    assert "from a confidence of 0.5 on, all for COCO mask AP" in html(made)


def test_numbers_are_those_of_the_files(page):
    precision = page.table("Average precision", 1)
    assert precision[0] == ["", "images", "objects", *BOX_NAMES]
    rows = {row[0]: row[1:] for row in precision[1:]}
    assert list(rows) == ["box, validation", "box, test", "mask, validation", "mask, test"]
    assert rows["box, test"] == ["6", "17", *("\u2013" if BOX[n] is None else f"{BOX[n]:.3f}" for n in BOX_NAMES)]
    assert rows["mask, validation"] == ["2", "17", *(f"{MASK[name]:.3f}" for name in BOX_NAMES)]
    interval = "0.654 [0.601, 0.702]"
    assert page.table("Competitions' scores")[1] == ["DSB 2018 mean precision", interval, interval]
    header = ["category", "split", "images", "objects", "box AP", "box P", "box R", "box AP50"]
    numbers = ["5", "17", "0.457", "0.812", "0.765", "0.600"]
    assert page.table("By category", 1) == [
        [*header, "mask AP"],
        ["plane", "validation", *numbers, "0.234"],
        ["plane", "test", *numbers, "0.234"],
    ]
    assert page.table("By category", 0)[0] == header
    assert page.table("Masks in crops")[1:] == [
        ["validation", "31", "0.813", "0.889"],
        ["test", "31", "0.813", "0.889"],
    ]


def test_the_data_is_counted(page):
    assert page.table("Images and objects")[1:] == [
        ["with truth", "12", "12", "0", "1", "1"],
        ["the competition's test", "3", *["\u2013"] * 4],
    ]
    assert page.table("Categories")[1:] == [["plane", "12", "12"]]
    # Squares of side 10 + i % 7 for i = 1 … 12.
    sides = np.quantile([10 + number % 7 for number in range(1, 13)], [0, 0.25, 0.5, 0.75, 1])
    assert page.table("Sizes")[3][1:] == [f"{side:.0f}" for side in sides]
    assert page.table("What ended where")[1:] == [["train", "4", "7"], ["val", "2", "7"], ["test", "6", "7"]]
    assert page.table("Check for leaks")[1:] == [
        ["images in several parts", "0"],
        ["groups in several parts", "\u2013"],
    ]
    assert page.table("Records left out: 1")[1] == ["image torn", "train/torn.png", "\u2013", "cut off <here>"]
    assert "left out: 1, mended: 0, noted: 0" in page.text


def test_submission_ledger_and_cost(page):
    facts = dict(page.table("The file"))
    assert facts == {
        "file": "both.csv",
        "check": "passed",
        "rows": "1\u202f234",
        "images": "3",
        "objects": "5",
        "bytes": "99",
        "SHA-256": "5a" * 32,
    }
    assert page.table("Local score")[1] == ["DSB 2018 mean precision", "0.543", "0.501", "0.588", "2"]
    uploads = page.table("Uploads")[1]
    scores = ["0.6543", "0.6123", "0.5432", "777", "0.51234", "\u2013"]
    assert uploads == ["2026-01-02T03:04:05+00:00", "5a" * 6, "both", *scores]
    assert page.table("Correlation")[1] == ["validation score", "public score", "1", "\u2013", "\u2013"]
    cost = page.table("Cost of each job")
    assert cost[1:] == [["train", "faster", "1:02:03", "3", *["\u2013"] * 2, "cpu", "c0dec0dec0de", "\u2013"]]
    assert page.table("Cost: times")[1:] == [
        ["train", "1", "1:02:03", "\u2013", "3", "\u2013"],
        ["all jobs", "1", "1:02:03", "\u2013", "3", "\u2013"],
    ]
    assert page.table("Versions")[1:] == [["numpy", "2.3.4"]]


def test_cost_is_summed_by_rule_and_leaves_out_what_is_configured_no_more(tmp_path):
    finished = Finished(tmp_path)
    gpu = {"seconds": 1800.0, "gpus": 4, "peak_gpu_memory_bytes": 5 * 2**30, "versions": {}}
    for place, (rule, name) in enumerate([("train", "faster"), ("train", "unet"), ("train", "removed")]):
        record = {"rule": rule, "wildcards": {"experiment": name}, "finished": f"2026-01-0{place + 1}", **gpu}
        finished.write(finished.results / f"provenance/{name}.json", record)
    finished.write(finished.results / "provenance/dataset.json", {"rule": "dataset", "wildcards": {}, "seconds": 61.0})
    page = built(finished)
    assert page.table("Cost: times")[1:] == [
        ["dataset", "1", "0:01:01", "\u2013", "\u2013", "\u2013"],
        ["train", "2", "1:00:00", "4.00", "\u2013", "5\u202f120"],
        ["all jobs", "3", "1:01:01", "4.00", "\u2013", "5\u202f120"],
    ]
    assert "Left out: 1 records" in page.text


@pytest.mark.parametrize(("submitted", "told"), [(True, "0.900faster"), (False, "0.400second")])
def test_headlines_are_of_what_is_submitted_or_else_of_the_best_on_validation(submitted, told, tmp_path):
    finished = Finished(tmp_path)
    raw = finished.competition.model_dump()
    raw["detection"]["second"] = raw["detection"]["faster"]
    finished.competition = Competition.model_validate(raw | ({} if submitted else {"submission": None}))
    for name, val, test in (("faster", 0.5, 0.9), ("second", 0.6, 0.4)):
        for split, value in (("val", val), ("test", test)):
            finished.metrics("detection", name, split)
            path = finished.results / "detection" / name / f"metrics.{split}.json"
            metrics = json.loads(path.read_text())
            finished.write(path, metrics | {"box": BOX | {"AP": value}})
    assert f"Box AP{told}, test split" in built(finished).text


def test_the_page_needs_nothing_else(tmp_path):
    finished = Finished(tmp_path, kaggle=True)
    finished.complete()
    text = html(finished)
    page = Page(text)
    links = set()
    for tag, attributes in page.attributes:
        assert tag not in {"script", "link", "iframe", "object", "embed", "base", "form"}
        assert not any(name.startswith("on") for name in attributes)
        for name in ("src", "srcset", "poster", "data", "xlink:href", "action"):
            assert attributes.get(name, "data:").startswith("data:")
        if "href" in attributes and not attributes["href"].startswith("#"):
            links.add((tag, attributes["href"]))
    address = "https://www.kaggle.com/competitions/small-one/submissions"
    assert links == {("a", address)}
    # Anywhere else an address is text to read.
    assert re.findall(r"<[^>]*https?://[^>]*>", text) == [f'<a href="{address}" rel="noreferrer">']
    assert "@import" not in text
    assert set(re.findall(r"url\((.)", text)) == {"#"}
    assert "default-src 'none'" in text


def test_a_file_that_is_uploaded_by_hand_is_known_later(tmp_path):
    finished = Finished(tmp_path, kaggle=True)
    finished.complete()
    raw = finished.competition.model_dump()
    raw["submission"]["message"] = "it's $HOME"
    finished.competition = Competition.model_validate(raw)
    said = built(finished).text
    line = re.search(r"^kaggle competitions submit .*$", said, re.MULTILINE)[0]
    assert shlex.split(line) == [
        *("kaggle", "competitions", "submit", "-f", "submissions/small/both.csv"),
        *("-m", f"it's $HOME sha256:{'5a' * 32}", "small-one"),
    ]
    assert "with the same configuration files" in said
    assert "config/small.yaml" not in said
    check = finished.submissions / "both.check.json"
    finished.write(check, json.loads(check.read_text()) | {"ok": False})
    assert "kaggle competitions submit" not in built(finished).text


def test_the_page_is_sound(page):
    levels = [level for level, _ in page.headings]
    assert levels.count(1) == 1 and levels[0] == 1
    assert all(after <= before + 1 for before, after in itertools.pairwise(levels))
    ids = [attributes["id"] for _, attributes in page.attributes if "id" in attributes]
    assert len(ids) == len(set(ids))
    referenced = {a["href"][1:] for _, a in page.attributes if a.get("href", "").startswith("#")}
    assert referenced <= set(ids)
    assert all(image["alt"] for image in page.images())
    assert all(caption for caption, _ in page.tables)
    assert {len(row) for _, rows in page.tables for row in rows} and all(
        len({len(row) for row in rows}) == 1 for _, rows in page.tables
    )


def test_equal_files_give_equal_bytes(finished, tmp_path):
    other = Finished(tmp_path / "elsewhere")
    other.complete()
    assert html(other) == html(finished)


HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>'


def test_hostile_names_stay_text(tmp_path):
    finished = Finished(tmp_path, key=HOSTILE + "{}", title=HOSTILE, categories=(HOSTILE, "b"))
    finished.complete()
    finished.write(finished.results / "provenance" / "odd.json", {"rule": HOSTILE, "versions": {HOSTILE: HOSTILE}})
    (finished.results / "detection" / "faster" / "schedule.svg").write_text("<svg><script>alert(3)</script></svg>")
    history = finished.results / "segmentation" / "unet" / "history.csv"
    history.write_text(history.read_text().replace("loss_bce", "loss_<script>alert(4)</script>"))
    text = html(finished)
    page = Page(text)
    assert "<script" not in text and "<img src=x" not in text
    assert not any(tag == "script" or "onerror" in attributes for tag, attributes in page.attributes)
    assert page.headings[0] == (1, HOSTILE)
    assert page.table("Categories")[1][0] == HOSTILE
    assert any(image["alt"].startswith(f"Image {HOSTILE}") for image in page.images())


def test_the_schedule_comes_with_what_is_to_know_about_it(tmp_path):
    odd = {"base_lr": 0.01, "max_iter": 30, "warmup_iters": 100}
    raw = Finished(tmp_path / "plain").competition.model_dump(mode="json")
    raw["detection"]["faster"]["solver"] |= odd
    finished = Finished(tmp_path)
    finished.complete()
    finished.competition = Competition.model_validate(raw)
    for folder in ("detection/faster", "segmentation/unet"):
        (finished.results / folder / "schedule.svg").write_text("<svg></svg>")
    told = [image["alt"] for image in built(finished).images() if image["alt"].startswith("Planned learning rate")]
    # After 29 of 30 parts of a climb from a thousandth: 0.01 * (29 / 30 + 1 / 30000).
    assert told == [
        "Planned learning rate over iterations. The warm-up of 100 iterations is longer than the run of 30: the rate "
        "climbs to the end, and the highest rate reached is 0.00967 instead of base_lr 0.01.",
        "Planned learning rate over iterations.",
    ]


def test_what_is_missing_is_named(tmp_path):
    page = built(Finished(tmp_path, kaggle=True))
    for file in (
        "dataset/quarantine.json",
        "splits/0.json",
        "detection/faster/history.csv",
        "detection/faster/metrics.val.json",
        "detection/faster/metrics.test.json",
        "segmentation/unet/metrics.test.json",
        "instances/both/predictions.test.json",
        "instances/both/predictions.submission.json",
        "both.csv",
        "both.score.json",
        "ledger.csv",
        "provenance/",
    ):
        assert re.search(rf"not available \(no file {re.escape(file)}\)", page.text), file


def test_a_missing_dataset_and_a_malformed_file_are_errors(tmp_path):
    finished = Finished(tmp_path)
    finished.complete()
    finished.page.write_text("as it was")
    path = finished.results / "instances" / "both" / "metrics.val.json"
    path.write_text("{")
    with pytest.raises(PodiumError, match=r"metrics\.val\.json: not valid JSON"):
        html(finished)
    (finished.data / "dataset" / "annotations.json").unlink()
    with pytest.raises(PodiumError, match=r"annotations\.json: the file is missing"):
        html(finished)
    assert finished.page.read_text() == "as it was"


def test_500_images_make_no_larger_page_than_a_few(tmp_path):
    finished = Finished(tmp_path, images=480, test=20, gallery=6)
    finished.complete()
    text = html(finished)
    assert len(Page(text).images()) == 3 * 6 * 3 + 6 * 2
    assert len(text) < 1_000_000


def titles(page: Page, heading: str, count: int) -> list[str]:
    """Return what the pictures after a heading show, one name per image."""
    text = page.text[page.text.index(f"\n{heading}\n") :]
    return re.findall(r"image-\d+", text)[:count]


def test_best_and_worst_are_those_of_the_metrics(page, finished):
    ranked = sorted(finished.test_part, key=finished.score)
    assert titles(page, "Worst", 2) == [f"image-{number}" for number in ranked[:2]]
    assert titles(page, "Best", 2) == [f"image-{number}" for number in ranked[::-1][:2]]
    assert "2 predicted, DSB 2018 mean precision 0.050" in page.text


def test_pictures_show_what_the_files_hold(page, finished):
    """In the worst image: the true object has its colour in both, the prediction without an object is red."""
    worst = min(finished.test_part, key=finished.score)
    image, truth, prediction = (
        pixels(each["src"]).astype(int)
        for each in [each for each in page.images() if re.search(rf"image-{worst}\b", each["alt"])][:3]
    )
    assert image.shape == (96, 96, 3)
    x, y, side, _ = (2 * value for value in finished.square(worst))
    own = np.s_[y + 4 : y + side - 4, x + 4 : x + side - 4]
    assert np.abs(truth[own] - image[own]).mean() > 15
    assert np.abs(truth[own] - prediction[own]).mean() < 5
    alone, plain = np.s_[62:82, 62:82], np.s_[62:82, 2:50]
    assert np.abs(truth[alone] - image[alone]).mean() < 5
    assert (
        (prediction[alone] - image[alone])[..., 0].mean() > 30 > 0 > (prediction[alone] - image[alone])[..., 1].mean()
    )
    # The prediction with a score of 0.1 is under the threshold.
    assert np.abs(prediction[plain] - image[plain]).mean() < 5


def test_boxes_are_shown_and_ranked_where_there_are_no_masks(tmp_path):
    finished = Finished(tmp_path, masks=False)
    finished.complete()
    page = built(finished)
    # Images with a prediction too many have one hit of two boxes at every threshold.
    assert "mean precision of boxes, IoU 0.50 to 0.95 0.500" in page.text
    assert titles(page, "Worst", 2) == ["image-6", "image-12"]
    assert "the configuration has no submission" in page.text
    assert page.text.count("The configuration has no such experiment.") == 2


def test_several_categories_have_a_legend_and_their_own_rows(tmp_path):
    finished = Finished(tmp_path, categories=("car", "ship"))
    finished.complete()
    text = html(finished)
    assert Page(text).table("Categories in each part")[1:3] == [["train", "car", "4", "7"], ["train", "ship", "4", "7"]]
    assert Page(text).table("Categories that are not in every part")[1:] == [["ship", "val", "1"]]
    assert re.search(r'<li><span style="background: rgb\(\d+ \d+ \d+\)"></span>ship</li>', text)
    assert "red: none of its own" not in text


def test_torch_is_not_imported():
    program = "import sys, podium.report.page; sys.exit('torch' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
