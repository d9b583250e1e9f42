import re
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest

from podium.errors import PodiumError
from podium.report.drawing import inline
from podium.report.plots import (
    curves,
    histogram,
    loss_curve,
    range_test_plot,
    read_history,
    schedule_plot,
    validation_curve,
)
from tests.report.reading_svg import SVG, line, texts


def history(length: int, **more: list[float]) -> pd.DataFrame:
    iteration = np.arange(1, length + 1, dtype=float)
    loss = 1 / iteration
    frame = {"iteration": iteration, "lr": np.full(length, 0.01), "loss": 2 * loss, "loss_a": loss, "loss_b": loss}
    return pd.DataFrame(frame | more)


def validated(length: int, at: list[int]) -> list[float]:
    return [0.5 if iteration in at else np.nan for iteration in range(1, length + 1)]


def longest_path(svg: str) -> np.ndarray:
    """Return the points (n, 2) of the path that has most."""
    paths = [re.findall(r"[ML] ([\d.-]+) ([\d.-]+)", path) for path in re.findall(r' d="([^"]*)"', svg)]
    return np.array(max(paths, key=len), dtype=float)


def test_what_is_drawn_is_named():
    svg = curves(history(30, val_AP=validated(30, [10, 20, 30]), val_mean_iou=validated(30, [30])))
    found = texts(svg)
    assert {"loss", "total", "a", "b", "learning rate", "validation", "AP", "mean IoU", "iteration"} <= set(found)


def test_a_line_goes_through_its_values():
    """The rate's line, in the plot's own units, is a linear image of the rates."""
    rates = np.concatenate([np.linspace(0, 0.02, 20), np.linspace(0.02, 0.005, 30)])
    frame = pd.DataFrame({"iteration": np.arange(1.0, 51.0), "lr": rates})
    points = longest_path(loss_curve(frame))
    # Straight pieces are simplified: first, highest and last point are left.
    assert len(points) >= 3
    heights = points[:, 1].max() - points[:, 1]
    assert heights[np.argmin(np.abs(points[:, 0] - points[0, 0]))] == pytest.approx(0, abs=0.02)
    assert heights[-1] / heights.max() == pytest.approx(0.25, abs=0.001)
    peak = points[np.argmax(heights), 0]
    assert (peak - points[0, 0]) / (points[-1, 0] - points[0, 0]) == pytest.approx(19.5 / 49, abs=0.02)


def test_every_validation_has_a_dot():
    svg = validation_curve(history(50, val_AP=validated(50, [10, 20, 30, 40, 50])))
    dots = [use for use in ElementTree.fromstring(svg).iter(f"{SVG}use") if "#3f7fd0" in use.get("style", "")]
    assert len(dots) == 5 + 1  # and the legend's


def test_parts_without_values_are_left_out():
    assert validation_curve(history(30)) is None
    assert loss_curve(history(0)) is None
    assert "no iterations" in texts(curves(history(0)))
    assert "learning rate" in texts(curves(history(5)[["iteration", "lr"]]))
    assert "loss" not in texts(curves(history(5)[["iteration", "lr"]]))


@pytest.mark.parametrize("loss", [[0.0] * 8, [np.nan, np.inf, 1, 2, 3, 4, 5, 6], [1e30] * 8, [-1.0] * 8])
def test_odd_losses_are_drawn(loss):
    assert "total" in texts(curves(history(8).assign(loss=loss)))


def test_long_histories_stay_small_and_keep_their_peaks():
    length = 200_000
    frame = history(length).assign(loss=np.random.default_rng(0).random(length) + 1)
    frame.loc[123_456, "loss"] = 2.09
    svg = curves(frame)
    assert len(svg) < 400_000
    points = longest_path(svg)
    # Beside the peak all values lie under 2, and the axis begins at 0: the peak's height shows what a loss of 1 is.
    heights = np.sort(points[:, 1])
    assert heights[1] - heights[0] > 0.03 * (points[:, 1].max() - heights[0])


def test_equal_histories_give_equal_bytes_and_no_date():
    frame = history(40, val_AP=validated(40, [20, 40]))
    assert curves(frame) == curves(frame.copy())
    assert not re.search(r"metadata|date|20\d\d-", curves(frame))


def test_a_histogram_counts():
    svg = histogram([10.0] * 5 + [100.0] * 10, "size", "pixels")
    assert {"objects", "size (pixels)"} <= set(texts(svg))
    bars = re.findall(r'd="M ([\d.]+) ([\d.]+) \nL ([\d.]+) \2 \nL \3 ([\d.]+) \nL \1 \4', svg)
    heights = sorted({round(abs(float(bar[3]) - float(bar[1])), 1) for bar in bars if bar[1] != bar[3]})
    full = [height for height in heights if height > 1][:2]
    assert full[1] / full[0] == pytest.approx(2, abs=0.02)
    assert "objects" in texts(histogram([7.0], "size", "pixels"))


def test_a_schedules_line_goes_through_its_rates():
    rates = [0.001, 0.02, 0.02, 0.015, 0.0, 0.004]
    iterations, drawn = line(schedule_plot(rates, []), "rates")
    assert iterations == pytest.approx([1, 2, 3, 4, 5, 6], abs=0.001)
    assert drawn == pytest.approx(rates, abs=2e-6)


def test_a_schedules_notes_are_written_whole_in_lines_that_fit():
    """400 pixels wide, the drawing's letters are as high as 9.6 pixels: 80 of them are as wide as it."""
    notes = ["The warm-up of 1000 iterations is longer than the run of 300: " + "the rate climbs " * 9, "A step."]
    svg = schedule_plot([0.1, 0.2], notes)
    written = texts(svg)
    lines = [text for text in written if text.startswith("• ") or "climbs" in text]
    assert " ".join(lines) == " ".join(f"• {note.strip()}" for note in notes)
    assert len(lines) > 3 and max(map(len, lines)) <= 76
    width, height = map(float, re.search(r'viewBox="0 0 ([\d.]+) ([\d.]+)"', svg).groups())
    sizes = [float(size) for size in re.findall(r"font(?:-size)?: ?(?:[^;\"]* )?([\d.]+)px", svg)]
    assert sizes and min(sizes) * 400 / width >= 9
    # All of them are within the picture.
    places = [float(y) for y in re.findall(r"translate\([\d.]+ ([\d.]+)\)", svg)]
    assert all(0 < y < height for y in places)
    assert notes[0] not in " ".join(texts(schedule_plot([0.1, 0.2], [])))


def test_the_iterations_of_the_heads_alone_are_shaded():
    plain, shaded = (schedule_plot([0.01] * 20, [], heads_only=heads) for heads in (0, 5))
    assert "heads only" in texts(shaded) and "heads only" not in texts(plain)
    x, _ = line(shaded, "rates")
    assert x == pytest.approx(np.arange(1, 21), abs=0.005)
    left, right = line(shaded, "heads only")[0][[0, 2]]
    assert (left, right) == pytest.approx((0, 5.5), abs=0.01)


@pytest.mark.parametrize("rates", [[], [0.1], [0.0, 0.0]])
def test_odd_schedules_are_drawn(rates):
    assert ("no iterations" in texts(schedule_plot(rates, [], heads_only=1))) == (not rates)


def test_a_long_schedule_stays_small_and_keeps_its_peak():
    rates = np.full(300_000, 0.01)
    rates[123_456] = 0.02
    svg = schedule_plot(rates, [])
    assert len(svg) < 100_000
    assert line(svg, "rates")[1].max() == pytest.approx(0.02, abs=2e-6)


def test_a_range_test_is_drawn_with_its_marks():
    rates = np.geomspace(1e-6, 1, 60)
    table = pd.DataFrame({"lr": rates, "loss": 2 - rates, "smoothed": 2 - rates})
    svg = range_test_plot(table, {"base_lr": 0.02, "steepest descent": 0.0123})
    assert {"loss", "smoothed", "base_lr: 0.02", "steepest descent: 0.012", "learning rate"} <= set(texts(svg))
    assert "loss" in texts(range_test_plot(table.iloc[:1], {}))
    assert range_test_plot(table, {}) == range_test_plot(table.copy(), {})


def test_inline_plots_share_no_ids_and_follow_the_page():
    svg = curves(history(30, val_AP=validated(30, [10, 30])))
    one, other = inline(svg, "one", "the <first>"), inline(svg, "other", "the second")
    ids = [re.findall(r' id="([^"]+)"', text) for text in (one, other)]
    assert ids[0] and not set(ids[0]) & set(ids[1])
    for text, own in zip((one, other), ids, strict=True):
        assert set(re.findall(r'(?:url\(|href=")#([\w-]+)', text)) == set(own)
        assert "xmlns" not in text and "#333333" not in text and "#ffffff" not in text and "currentColor" in text
    assert one.startswith('<svg role="img" aria-label="the &lt;first&gt;"')


def test_read_history(tmp_path):
    path = tmp_path / "history.csv"
    path.write_text("iteration,lr,loss,val_AP\n1,0.1,2.5,\n2,0.1,nan,0.25\n")
    frame = read_history(path)
    assert frame["iteration"].tolist() == [1, 2]
    assert frame.fillna(-1).to_numpy().tolist() == [[1, 0.1, 2.5, -1], [2, 0.1, -1, 0.25]]
    path.write_text("iteration,lr,loss\n")
    assert len(read_history(path)) == 0


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("", "not a table"),
        ("lr,loss\n1,2\n", "key iteration: the column is missing"),
        ("iteration,loss\n1,x\n", "a cell is no number"),
    ],
)
def test_a_malformed_history_is_an_error(tmp_path, text, problem):
    path = tmp_path / "history.csv"
    path.write_text(text)
    with pytest.raises(PodiumError, match=problem):
        read_history(path)
    path.unlink()
    with pytest.raises(PodiumError, match="missing"):
        read_history(path)
