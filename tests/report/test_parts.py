"""Which parts of the images with truth the page has numbers and pictures of."""

import json

import pytest

from podium.config.competition import Competition
from podium.report.page import build_report

from .finished import BOX, Finished
from .reading import Page

CHOSEN = {"station": "detection", "experiment": "second"}


def page_of(made: Finished, chosen: dict | None = None) -> Page:
    build_report(made.page, made.competition, made.data, made.results, made.submissions, chosen)
    return Page(made.page.read_text(encoding="utf-8"))


def changed(made: Finished, **keys: object) -> None:
    made.competition = Competition.model_validate(made.competition.model_dump(mode="json") | keys)


@pytest.fixture
def judged(tmp_path) -> Finished:
    """Two detectors with all files of both parts, as a run without a selection leaves them; then one is added."""
    made = Finished(tmp_path, masks=False)
    made.complete()
    settings = made.competition.model_dump(mode="json")["detection"]["faster"]
    for name, val, test in (("faster", 0.61, 0.91), ("second", 0.59, 0.42)):
        for part, value in (("val", val), ("test", test)):
            made.metrics("detection", name, part)
            file = made.results / f"detection/{name}/metrics.{part}.json"
            made.write(file, json.loads(file.read_text()) | {"box": BOX | {"AP": value}})
        made.predictions("detection", name, "test", made.test_part)
    changed(made, detection={"faster": settings, "second": settings}, selection={"station": "detection"})
    return made


def precision(page: Page) -> list[list[str]]:
    tables = [rows for caption, rows in page.tables if caption.startswith("Average precision")]
    return [[row[0] for row in rows[1:]] for rows in tables]


def test_where_one_is_chosen_the_test_part_of_others_is_not_read(judged):
    page = page_of(judged, CHOSEN)
    assert precision(page) == [["box, validation"], ["box, validation", "box, test"]]
    assert "Box AP0.420second, test split" in page.text
    assert "0.910" not in page.text
    assert [text for _, text in page.headings].count("Worst") == 1
    # Files that nobody reads may be broken.
    (judged.results / "detection/faster/metrics.test.json").write_text("{")
    (judged.results / "detection/faster/predictions.test.json").write_text("{")
    assert page_of(judged, CHOSEN).text == page.text


def test_the_page_follows_another_choice(judged):
    page = page_of(judged, CHOSEN | {"experiment": "faster"})
    assert precision(page) == [["box, validation", "box, test"], ["box, validation"]]
    assert "Box AP0.910faster, test split" in page.text
    assert "0.420" not in page.text


def test_before_the_choice_nothing_of_test_is_shown(judged):
    page = page_of(judged)
    assert precision(page) == [["box, validation"]] * 2
    assert "Box AP0.610faster, validation split" in page.text
    assert "Worst" not in [text for _, text in page.headings]


@pytest.mark.parametrize("masks", [True, False])
def test_without_a_test_part_pictures_are_of_validation(tmp_path, masks):
    made = Finished(tmp_path, masks=masks)
    made.complete()
    changed(made, splits={"test": 0})
    station, name = ("instances", "both") if masks else ("detection", "faster")
    file = made.data / "splits/0.json"
    split = json.loads(file.read_text())
    split |= {"test": [], "val": made.truth_ids[:2]}
    made.write(file, split)
    for each in made.results.rglob("*.test.json"):
        each.unlink()
    made.predictions(station, name, "val", split["val"])
    metrics = made.results / f"{station}/{name}/metrics.val.json"
    content = json.loads(metrics.read_text())
    mistake = {"image_id": 2, "category_id": 1, "bbox": [30, 30, 12, 12], "score": 0.8, "kind": "background"}
    for detail in content["detail"].values():
        detail["mistakes"] = [mistake]
    made.write(metrics, content)
    page = page_of(made)
    headings = [text for _, text in page.headings]
    for title in ("At random", "Best", "Worst", "Most confident mistakes"):
        assert headings.count(f"{title}, validation split") == 1
        assert title not in headings
    assert len([each for each in page.images() if each["alt"].startswith("image-2")]) >= 2
    assert ".test.json" not in page.text
    assert "test split" not in page.text
