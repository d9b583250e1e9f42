"""The viewer in a real browser, opened from disk."""

import io
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from podium.config.share import Share
from podium.share.build import build_share

from .browser import Browser
from .conftest import TITLE
from .scene import CATEGORIES, HOSTILE, KEYS, make, masks

pytestmark = pytest.mark.xdist_group("viewer")

SHOWN = """(kind) => [...document.querySelectorAll(`#overlay g.${kind}`)]
  .filter((each) => getComputedStyle(each).display !== "none").length"""
READY = "document.querySelectorAll('#overlay g').length"


@pytest.fixture(scope="module")
def browser(tmp_path_factory):
    browser = Browser(tmp_path_factory.mktemp("profile"))
    yield browser
    browser.close()


@pytest.fixture
def page(browser, shared):
    """The page at its first image, 1440 pixels wide; in the end nothing may have gone wrong or to the network."""
    browser.size(1440, 900)
    browser.open("about:blank")
    browser.requests.clear()
    browser.complaints.clear()
    browser.open((shared / "index.html").as_uri())
    browser.wait(READY)
    yield browser
    assert browser.complaints == []
    assert browser.requests
    assert [each for each in browser.requests if not each.startswith((shared.as_uri(), "data:"))] == []


def name(page):
    return page.ask("document.getElementById('name').firstChild.textContent")


def shown(page, kind):
    return page.ask(f"({SHOWN})('{kind}')")


def click(page, element):
    page.ask(f"document.getElementById('{element}').click()")


def scores(shared, number):
    found = json.loads((shared / "coco/test.predictions.json").read_text())
    return [(each["category_id"] - 1, each["score"]) for each in found if each["image_id"] == number]


def test_keys_and_buttons_go_from_image_to_image(page):
    assert name(page) == HOSTILE
    assert page.ask("document.getElementById('previous').disabled")
    for number in (5, 6, 7, 8):
        page.press("ArrowRight")
        page.wait(READY)
        assert name(page) == KEYS[number]
        assert page.ask("document.querySelector('[aria-current] b').textContent") == KEYS[number]
    page.press("ArrowRight")
    assert name(page) == KEYS[8], "the last one"
    page.press("ArrowLeft")
    assert name(page) == KEYS[7]
    click(page, "next")
    assert name(page) == KEYS[8]
    click(page, "previous")
    click(page, "previous")
    assert name(page) == KEYS[6]
    page.wait("document.getElementById('picture').naturalWidth === 1024")
    assert page.ask("location.hash") == "#drawing"
    page.ask("document.querySelectorAll('#images button')[1].click()")
    assert name(page) == KEYS[5]


def open_at(page, shared, address):
    page.open("about:blank")
    page.open((shared / "index.html").as_uri() + address)
    page.wait(READY)


def test_an_image_has_an_address(page, shared):
    open_at(page, shared, "#Map-7")
    assert name(page) == KEYS[7]
    assert not page.ask("Boolean(document.querySelector('.dash'))"), "its truth is not known"
    assert shown(page, "true") == 0


def test_the_slider_hides_what_is_under_the_threshold(page, shared):
    own = [score for _, score in scores(shared, 4)]
    assert shown(page, "found") == sum(score >= 0.5 for score in own) == 3
    page.ask("document.getElementById('threshold').focus()")
    page.press("Home")
    page.wait("document.getElementById('threshold-text').textContent === '0.00'")
    for percent in range(101):
        assert shown(page, "found") == sum(score >= percent / 100 for score in own), percent
        words = page.ask("document.getElementById('counts').textContent")
        assert words.startswith(f"{sum(score >= percent / 100 for score in own)} of 7 predictions")
        listed = page.ask("[...document.querySelectorAll('#images small')].map((each) => parseInt(each.textContent))")
        others = [sum(score >= percent / 100 for _, score in scores(shared, number)) for number in (4, 5, 6)]
        assert listed[:3] == others
        if percent < 100:
            page.press("ArrowRight")
            page.wait(f"document.getElementById('threshold-text').textContent === '{(percent + 1) / 100:.2f}'")
    assert name(page) == HOSTILE, "arrows move the slider that has the focus, not the images"
    assert shown(page, "true") == 5, "the truth has no score"
    page.ask("document.activeElement.blur()")
    page.press("[")
    assert page.ask("document.getElementById('threshold-text').textContent") == "0.95"
    assert shown(page, "found") == 1


def test_the_slider_begins_with_a_threshold_that_is_no_whole_percent(browser, tmp_path):
    dataset, split, found = make(tmp_path / "dataset")
    for each, score in zip(found["test"], [0.376, 0.375, 0.3749, 0.3701, 0.37, 0.369, 0.1], strict=False):
        each["score"] = score
    thresholds = dict.fromkeys(found, 0.375)
    build_share(
        *(tmp_path / "share", Share(formats=[]), dataset, split, found), title="", experiment="", thresholds=thresholds
    )
    browser.size(1440, 900)
    browser.open((tmp_path / "share/index.html").as_uri())
    browser.wait(READY)
    seen = []
    for key in (None, "ArrowLeft", "ArrowRight", "ArrowRight"):
        if key:
            browser.ask("document.getElementById('threshold').focus()")
            before = browser.ask("document.getElementById('threshold').value")
            browser.press(key)
            browser.wait(f"document.getElementById('threshold').value !== '{before}'")
            browser.ask("new Promise(requestAnimationFrame)")
        words = browser.ask("document.getElementById('threshold-text').textContent")
        assert browser.ask("document.getElementById('threshold').getAttribute('aria-valuetext')") == words
        listed = browser.ask("parseInt(document.querySelector('#images small').textContent)")
        assert listed == shown(browser, "found")
        seen.append((words, listed))
    assert seen == [("0.375", 2), ("0.37", 5), ("0.375", 2), ("0.38", 0)]


def test_categories_are_chosen(page, shared):
    texts = page.ask("[...document.querySelectorAll('#categories li')].map((each) => each.textContent)")
    assert texts == CATEGORIES
    click(page, "no-categories")
    assert (shown(page, "found"), shown(page, "true")) == (0, 0)
    page.ask("document.querySelectorAll('#categories input')[0].click()")
    assert shown(page, "found") == sum(score >= 0.5 and place == 0 for place, score in scores(shared, 4))
    assert shown(page, "true") == 2
    assert page.ask("document.querySelector('#images small').textContent") == "1 found, 2 true"
    assert page.ask("document.querySelector('#categories summary').textContent") == "Categories (1 of 4)"
    click(page, "all-categories")
    assert (shown(page, "found"), shown(page, "true")) == (3, 5)


@pytest.mark.parametrize(
    ("key", "hidden"),
    [("t", "g.true"), ("f", "g.found"), ("m", ".mask"), ("b", "rect"), ("l", "text")],
)
def test_layers_are_shown_and_hidden(page, key, hidden):
    seen = f"""[...document.querySelectorAll('#overlay {hidden}')]
      .filter((each) => each.getClientRects().length && getComputedStyle(each).display !== "none").length"""
    before = page.ask(seen)
    assert before > 0
    page.press(key)
    assert page.ask(seen) == 0
    page.press(key)
    assert page.ask(seen) == before


def test_shapes_lie_where_the_objects_are_and_holes_are_open(page):
    at = """([x, y]) => {
      const sheet = document.getElementById("sheet").getBoundingClientRect(), scale = sheet.width / 120;
      const found = document.elementFromPoint(sheet.left + x * scale, sheet.top + y * scale);
      return found.closest("g")?.object.box ?? null;
    }"""
    page.press("t")  # Predictions alone.
    page.press("b")
    assert page.ask(f"({at})([30, 25])") == [18, 13, 24, 24]
    ring = [34, 24, 32, 32]
    assert page.ask(f"({at})([50, 52])") == ring
    assert page.ask(f"({at})([50, 40])") is None, "the hole"
    assert masks(4)[1][52, 50]
    assert not masks(4)[1][40, 50]
    assert page.ask(f"({at})([100, 80])") is None


def pixels(page):
    import base64

    data = page.call("Page.captureScreenshot", format="png")["data"]
    return np.asarray(Image.open(io.BytesIO(base64.b64decode(data))).convert("RGB"), int)


@pytest.mark.parametrize(("width", "dark"), [(1440, False), (1440, True), (820, False), (400, False), (400, True)])
def test_it_can_be_read_at_any_width(page, width, dark):
    page.size(width, 860, dark)
    assert page.ask("document.documentElement.scrollWidth") <= width
    inside = """(() => {
      const [stage, sheet] = ["stage", "sheet"].map((id) => document.getElementById(id).getBoundingClientRect());
      return sheet.width > 0.45 * Math.min(stage.width, stage.height * 4 / 3)
        && sheet.left >= stage.left && sheet.right <= stage.right && sheet.bottom <= stage.bottom;
    })()"""
    page.wait(inside)
    with_masks = pixels(page)
    page.press("m")
    page.wait("getComputedStyle(document.querySelector('#overlay .mask')).display === 'none'")
    assert (pixels(page) != with_masks).any(axis=2).sum() > 1000
    page.press("m")
    for _ in range(4):
        click(page, "larger")
    assert page.ask("document.documentElement.scrollWidth") <= width, "an enlarged picture moves in its frame"
    background = page.ask("getComputedStyle(document.body).backgroundColor")
    assert (background == "rgb(255, 255, 255)") != dark
    page.ask("document.getElementById('objects').open = true")
    poor = """(() => {
      const numbers = (text) => text.match(/[\\d.]+/g).map(Number);
      const light = (text) => numbers(text).slice(0, 3).map((value) => value / 255)
        .map((value) => (value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4))
        .reduce((sum, value, place) => sum + value * [0.2126, 0.7152, 0.0722][place], 0);
      const ground = (node) => {
        for (; node; node = node.parentElement) {
          const colour = getComputedStyle(node).backgroundColor, [, , , alpha] = numbers(colour);
          if (alpha === undefined || alpha === 1) return colour;
        }
      };
      return [...document.querySelectorAll("body *:not(svg, svg *, noscript, option, :disabled)")].filter((node) => {
        if (![...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim())) return false;
        const [one, other] = [getComputedStyle(node).color, ground(node)].map(light).sort((a, b) => b - a);
        return (one + 0.05) / (other + 0.05) < 4.5;
      }).map((node) => node.outerHTML.slice(0, 80));
    })()"""
    assert page.ask(poor) == [], "contrast of text under 4.5 (WCAG 2.2, 1.4.3)"


def test_narrow_pages_have_the_list_behind_a_button(page):
    page.size(400, 860)
    visible = "getComputedStyle(document.getElementById('list')).display !== 'none'"
    assert not page.ask(visible)
    click(page, "show-list")
    assert page.ask(visible)
    assert page.ask("document.getElementById('show-list').getAttribute('aria-expanded')") == "true"
    assert page.ask("document.documentElement.scrollWidth") <= 400
    page.ask("document.querySelectorAll('#images button')[2].click()")
    assert not page.ask(visible)
    assert name(page) == KEYS[6]


def test_enlarging_keeps_the_place_that_is_looked_at(page):
    page.ask("document.querySelectorAll('#images button')[2].click()")
    page.wait(READY)
    middle = """(() => {
      const stage = document.getElementById("stage").getBoundingClientRect();
      const sheet = document.getElementById("sheet").getBoundingClientRect();
      const scale = sheet.width / 1200;
      const [x, y] = [stage.left + stage.width / 2, stage.top + stage.height / 2];
      return [(x - sheet.left) / scale, (y - sheet.top) / scale, scale];
    })()"""
    before = page.ask(middle)
    for _ in range(5):
        page.press("+")
    after = page.ask(middle)
    assert after[2] == pytest.approx(before[2] * 1.5**5)
    assert after[:2] == pytest.approx(before[:2], abs=3)
    page.press("ArrowRight", modifiers=8)
    assert page.ask(middle)[0] == pytest.approx(after[0] + 80 / after[2], abs=2), "Shift and an arrow move it"
    assert name(page) == KEYS[6]
    page.press("0")
    assert page.ask(middle)[2] == pytest.approx(before[2])


def test_the_list_is_searched(page):
    page.ask("document.getElementById('search').focus()")
    for letter in "map":
        page.press(letter)
    assert page.ask("document.getElementById('listed').textContent") == "2 images"
    page.ask("document.getElementById('part').value = 'submission'")
    page.ask("document.getElementById('part').dispatchEvent(new Event('change'))")
    assert page.ask("document.getElementById('listed').textContent") == "1 image"
    page.ask("document.activeElement.blur()")
    page.press("ArrowRight")
    assert name(page) == KEYS[7], "the arrows follow the list"


def test_buttons_lead_where_the_keys_lead_from_an_image_that_is_not_in_the_list(page):
    page.ask("document.querySelectorAll('#images button')[2].click()")
    page.ask("document.getElementById('search').value = 'map'")  # Images 5 and 7, one on each side.
    page.ask("document.getElementById('search').dispatchEvent(new Event('input'))")
    disabled = "['previous', 'next'].map((id) => document.getElementById(id).disabled)"
    assert name(page) == KEYS[6]
    assert page.ask(disabled) == [False, False]
    click(page, "previous")
    assert name(page) == KEYS[5]
    assert page.ask(disabled) == [True, False]
    page.ask("document.querySelectorAll('#images button')[4].click()")
    assert page.ask(disabled) == [False, False], "after the last one of the list the first comes"
    page.press("ArrowLeft")
    assert name(page) == KEYS[7]


def test_an_address_that_is_none_shows_the_first_image(page, shared):
    open_at(page, shared, "#%")
    assert name(page) == HOSTILE


def test_the_score_has_keys_that_all_keyboards_have(page):
    text = "document.getElementById('threshold-text').textContent"
    for key, words in (("u", "0.55"), ("]", "0.60"), ("U", "0.65"), ("[", "0.60"), ("d", "0.55"), ("D", "0.50")):
        page.press(key)
        assert page.ask(text) == words
    named = page.ask("[...document.querySelectorAll('footer kbd')].map((each) => each.textContent)")
    assert {"D", "U", "[", "]"} <= set(named)


def test_the_table_is_one_stop_and_arrows_go_along_its_rows(page):
    page.ask("document.getElementById('objects').open = true")
    stops = "[...document.querySelectorAll('#objects tbody tr')].filter((each) => each.tabIndex === 0).length"
    focused = "document.activeElement.matches('#objects tbody tr') && document.activeElement.textContent"
    marked = "[...document.querySelectorAll('#overlay .marked')].map((each) => each.row.textContent)"
    texts = "[...document.querySelectorAll('#objects tbody tr:not([hidden])')].map((each) => each.textContent)"
    rows = page.ask(texts)
    assert len(rows) == 3 + 5
    assert page.ask(stops) == 1
    page.ask("document.querySelector('#objects .scroll').focus()")
    page.press("Tab")
    ways = [("ArrowDown", 1), ("ArrowUp", 0), ("ArrowUp", 0), ("End", 7), ("Home", 0), ("ArrowDown", 1)]
    for key, place in [(None, 0), *ways]:
        if key:
            page.press(key)
        assert page.ask(focused) == rows[place]
        assert page.ask(marked) == [rows[place]], "it is seen in the picture which object it is"
    page.press("Tab")
    assert page.ask("Boolean(document.activeElement.closest('footer'))")
    page.press("Tab", modifiers=8)
    assert page.ask(focused) == rows[1], "it is left and entered where it was"
    # The row that was the stop is hidden: another one is it.
    for _ in range(9):
        page.press("u")
    assert rows[1] not in page.ask(texts)
    assert page.ask(stops) == 1
    page.ask("document.querySelector('#objects .scroll').focus()")
    page.press("Tab")
    assert page.ask(focused) == page.ask(texts)[0]


def test_hostile_names_are_only_text(page):
    assert page.ask("document.title") == TITLE
    assert page.ask("document.querySelector('h1').textContent") == TITLE
    assert page.ask("document.querySelectorAll('b b, h1 b, img[src=x], #categories script').length") == 0
    assert page.ask("document.querySelector('#images b').textContent") == HOSTILE
    click(page, "objects")
    assert CATEGORIES[1] in page.ask("document.querySelector('#objects tbody').textContent")


def test_everything_that_is_used_has_a_name(page):
    page.ask("for (const each of document.querySelectorAll('details')) each.open = true")
    page.call("Accessibility.enable")
    nodes = page.call("Accessibility.getFullAXTree")["nodes"]
    used = {"button", "checkbox", "slider", "searchbox", "combobox", "link", "image", "DisclosureTriangle"}
    found = [
        (each["role"]["value"], each.get("name", {}).get("value", "").strip()) for each in nodes if not each["ignored"]
    ]
    assert [each for each in found if each[0] in used and not each[1]] == []
    assert {"button", "checkbox", "slider", "searchbox", "combobox", "link", "image"} <= {role for role, _ in found}
    summary = f"{HOSTILE}: 3 of 7 predictions shown, 5 true objects"
    assert summary.split() == next(text for role, text in found if role == "image" and "shown" in text).split()


def test_pictures_of_the_list_are_loaded_as_it_is_scrolled(page):
    assert page.ask("[...document.querySelectorAll('#images img')].every((each) => each.loading === 'lazy')")


def test_a_list_that_is_missing_is_named(browser, shared, tmp_path):
    folder = shutil.copytree(shared, tmp_path / "share")
    (folder / "data/index.js").unlink()
    browser.size(1440, 900)
    browser.open((folder / "index.html").as_uri())
    problem = "document.getElementById('problem')"
    assert browser.ask(f"{problem}.textContent").startswith("The file data/index.js is missing")
    assert browser.ask(f"{problem}.checkVisibility() && {problem}.getBoundingClientRect().bottom < innerHeight")


def test_files_that_are_missing_are_named(browser, shared, tmp_path):
    folder = shutil.copytree(shared, tmp_path / "share")
    (folder / "data/images/map.js").unlink()
    browser.size(1440, 900)
    browser.open((folder / "index.html").as_uri() + "#map")
    browser.wait("!document.getElementById('problem').hidden")
    problem = browser.ask("document.getElementById('problem').textContent")
    assert problem.startswith("The file data/images/map.js is missing")
    browser.press("ArrowRight")
    browser.wait(READY)
    assert browser.ask("document.getElementById('problem').hidden")
