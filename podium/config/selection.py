"""Which experiment is the best: chosen by a rule on validation, before the test part is read."""

from typing import Literal

from pydantic import Field, model_validator

from podium.config.judging import JudgingMetric, Station, check_metric, default_metric
from podium.config.section import Name, Section


class Selection(Section):
    """The highest value wins, of equal ones the first in the order of the file.

    Where there is a selection, the test part is read for the chosen experiment alone, after it was chosen.
    """

    station: Station = Field("instances", description="the station whose experiments are candidates")
    by: JudgingMetric | None = Field(
        None,
        description="metric on validation, the higher the better; null: box_ap of detectors, mean_iou of segmenters, "
        "mask_ap of instances",
    )
    among: Literal["all", "written", "ablations"] | tuple[Name, ...] = Field(
        "all",
        description="candidates: all experiments of the station, those that are written out, the points of ablations, "
        "or a list of names",
    )

    @property
    def metric(self) -> str:
        """The metric by which experiments are chosen."""
        return self.by or default_metric(self.station)

    @model_validator(mode="after")
    def _the_metric_is_one_of_the_station(self):
        if self.by:
            check_metric(self.station, self.by)
        if self.among == ():
            raise ValueError("among: an empty list leaves nothing to choose from")
        return self
