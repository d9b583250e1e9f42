"""What colleagues are given who have nothing of this installed."""

from typing import Literal

from pydantic import Field

from podium.config.section import Section

FORMATS = ("coco", "csv", "yolo", "voc", "labelme", "geojson")


class Share(Section):
    parts: tuple[Literal["val", "test", "submission"], ...] = Field(
        ("test", "submission"),
        min_length=1,
        description="whose images: validation, the local test part, the competition's own test images; a part that "
        "the competition does not have is left out",
    )
    picture_side: int = Field(1024, ge=64, le=16384, description="longer side of a picture in pixels, at most")
    max_images: int | None = Field(
        None,
        ge=1,
        description="the most images of a part that are shown, taken at equal distances; the exported files always "
        "have all; null: all",
    )
    formats: tuple[Literal[FORMATS], ...] = Field(
        FORMATS, description="formats that predictions and truth are exported in"
    )
