"""Which experiments are compared with each other, as ways to the same objects."""

from podium.config.competition import Competition
from podium.config.judging import Station

Way = tuple[Station, str]
"""The station and the name of an experiment."""


def ways(competition: Competition) -> list[Way]:
    """Return the written experiments that are compared, the one that the others are compared to first.

    It is the submitted one unless that is left to the selection, else the first that finds masks, else the first. Those
    of its fold are compared: they were trained and validated on the same images. Nothing is returned without two that
    find masks, or two detectors.
    """
    written = _written(competition)
    masks = [each for each in written if competition.finds_masks(*each)]
    submission = competition.submission
    submitted = [each for each in written if submission and each == (submission.station, submission.experiment)]
    first = [*submitted, *masks, *written][:1]
    same = [each for each in written if each not in first and competition.fold(*each) == competition.fold(*first[0])]
    found = [*first, *same]
    kinds = [each for each in found if each in masks], [each for each in found if each[0] == "detection"]
    return found if max(map(len, kinds)) > 1 else []


def on_other_folds(competition: Competition) -> list[Way]:
    """Return the written experiments that are not compared, for they are of other folds."""
    compared = ways(competition)
    return [each for each in _written(competition) if compared and each not in compared]


def compared_part(competition: Competition) -> str:
    """Return the part that ways are compared on: where one experiment is selected, the others have no test."""
    return "test" if competition.splits.test and not competition.selection else "val"


def _written(competition: Competition) -> list[Way]:
    return [(station, name) for station in ("instances", "detection") for name in competition.written(station)]
