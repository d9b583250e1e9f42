import numpy as np
import pytest
from scipy import stats

from podium.evaluation import bootstrap
from podium.evaluation.bootstrap import difference, resampled
from podium.evaluation.totals import mean


def interval(values, **options) -> tuple[float, float]:
    return bootstrap.interval(mean(values), len(values), **options)


@pytest.mark.parametrize("level", [0.8, 0.95])
def test_equals_scipys_percentile_interval(level):
    values = np.random.default_rng(0).beta(5, 2, 80)
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=20_000, confidence_level=level, method="percentile", rng=1
    ).confidence_interval
    # The ends of an interval from 20,000 samples have a standard error of about 0.0003 here.
    assert interval(values, samples=20_000, level=level) == pytest.approx(tuple(expected), abs=0.002)


def test_contains_the_mean_and_shrinks_with_more_images():
    values = np.random.default_rng(1).uniform(size=400)
    few, many = interval(values[:25]), interval(values)
    assert few[0] < values[:25].mean() < few[1]
    assert many[0] < values.mean() < many[1]
    # The width goes with 1 / sqrt(images): a quarter.
    assert (many[1] - many[0]) / (few[1] - few[0]) == pytest.approx(1 / 4, rel=0.3)


def test_same_seed_same_interval():
    values = [0.1, 0.5, 0.7, 0.9]
    assert interval(values, seed=3) == interval(values, seed=3)
    assert interval(values, seed=3, samples=50) != interval(values, seed=4, samples=50)


def test_values_that_do_not_vary():
    assert interval([0.25]) == interval([0.25] * 9) == (0.25, 0.25)


def test_nothing_to_draw_from():
    assert np.isnan(interval([])).all()
    assert np.isnan(bootstrap.interval(lambda weights: float("nan"), 3)).all()


def test_samples_without_a_score_are_left_out():
    # Defined where the first image is drawn, at least once of two; the score is its share.
    found = bootstrap.interval(lambda weights: weights[0] / 2 if weights[0] else float("nan"), 2, samples=400)
    assert found == (0.5, 1.0)


def test_each_sample_draws_as_many_images_as_there_are():
    sums = []
    bootstrap.interval(lambda weights: sums.append((weights.size, weights.sum())) or 0.0, 7, samples=20)
    assert sums == [(7, 7.0)] * 20


def test_the_difference_of_means_is_the_bootstrap_of_the_differences():
    """Only where both are resampled alike: unpaired, the interval would be far wider."""
    random = np.random.default_rng(0)
    first = random.random(30)
    second = first + 0.05 + 0.01 * random.standard_normal(30)
    scores = resampled([mean(first), mean(second)], 30, samples=500, seed=4)
    found = difference(scores[1:], scores[:1])
    assert (found["low"], found["high"]) == pytest.approx(interval(second - first, samples=500, seed=4))
    assert found["above"] == 1.0
    assert found["high"] - found["low"] < 0.01


def test_seeds_are_averaged_before_they_are_compared():
    scores = np.array([[0.1, 0.5, 0.3], [0.3, 0.7, 0.1]])
    found = difference(scores, np.array([[0.2, 0.5, 0.3]]))
    # Means 0.2, 0.6, 0.2: differences 0, 0.1, -0.1.
    assert found["above"] == pytest.approx((1 + 0.5) / 3)
    assert found["low"] == pytest.approx(-0.1 + 0.025 * 2 * 0.1)


def test_resamples_without_a_score_are_left_out():
    nan = float("nan")
    found = difference(np.array([[nan, 0.3]]), np.array([[0.1, 0.2]]))
    assert found == {"low": pytest.approx(0.1), "high": pytest.approx(0.1), "above": 1.0}
    assert difference(np.array([[nan]]), np.array([[0.1]])) == {"low": None, "high": None, "above": None}
