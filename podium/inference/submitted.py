"""Predictions as they are submitted: one rule for what is judged, shown, shared and sent."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from podium.config.tuning import Choice
from podium.inference.select import selected


@dataclass(frozen=True)
class Submitted:
    """COCO results as they are submitted.

    Attributes
    ----------
    results
        All that stay, whatever their score: what orders predictions by their scores wants them.
    threshold
        The score from which on they count.
    """

    results: list[dict]
    threshold: float

    @property
    def counting(self) -> list[dict]:
        """The results that count, and that a submission file has."""
        return [result for result in self.results if result["score"] >= self.threshold]


def as_submitted(
    results: Iterable[dict],
    sizes: Mapping[int, tuple[int, int]],
    choice: Choice | None,
    score_threshold: float,
    *,
    shares_out: bool,
) -> Submitted:
    """Lay the thresholds chosen on validation over COCO results, or the configured one without a choice.

    Parameters
    ----------
    sizes
        (height, width) by image id.
    choice
        None for the validation part, which it is made on, and where thresholds are not tuned.
    score_threshold
        The configured one.
    shares_out
        Whether a pixel of several masks is left to the one with the highest score (`Competition.shares_out`).
    """
    kept = selected(results, sizes, choice, overlap=not shares_out)
    return Submitted(kept, choice.score_threshold if choice else score_threshold)
