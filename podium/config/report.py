"""What the page shows."""

from pydantic import Field

from podium.config.section import Section


class Report(Section):
    gallery: int = Field(6, ge=0, le=100, description="pictures in each gallery: random, best, worst, submission")
    picture_side: int = Field(480, ge=64, le=4096, description="longer side of a picture in pixels")
