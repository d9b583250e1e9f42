"""What follows from the experiment that a selection chose: what has a part of the page, and where test is read.

`chosen` is what the selection wrote to chosen.json, `station` and `experiment`; None where nothing is chosen, or not
yet.
"""

from collections.abc import Mapping

from podium.config.competition import Competition
from podium.config.judging import Station

Chosen = Mapping[str, str] | None


def chosen_chain(competition: Competition, chosen: Chosen) -> dict[Station, list[str]]:
    """Return the chosen experiment and those that it is made of, by station."""
    return competition.chain(chosen["station"], chosen["experiment"]) if chosen else {}


def shown_experiments(competition: Competition, station: Station, chosen: Chosen) -> list[str]:
    """Return the experiments of a station that are written, and the chosen one."""
    return [*dict.fromkeys([*competition.written(station), *chosen_chain(competition, chosen).get(station, ())])]


def judged_parts(competition: Competition, station: Station, experiment: str, chosen: Chosen) -> list[str]:
    """Return the parts of the images with truth that an experiment is judged on, validation first.

    Where there is a selection, test is for the chosen experiment and those that it is made of alone.
    """
    judged = not competition.selection or experiment in chosen_chain(competition, chosen).get(station, ())
    return ["val", "test"] if competition.splits.test and judged else ["val"]
