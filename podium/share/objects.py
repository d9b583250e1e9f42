"""An object with its outline, as the formats and the viewer draw it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from podium.data.masks import Rle, area
from podium.share.outlines import Part, one_line, outline, rectangle, smoothed


@dataclass(frozen=True)
class SharedObject:
    """A predicted or a true object.

    Attributes
    ----------
    entry
        COCO result or annotation.
    place
        Of its category among the categories, from 0.
    category
        Its name.
    size
        (width, height) of the image.
    """

    entry: Mapping
    place: int
    category: str
    size: tuple[int, int]

    @property
    def score(self) -> float | None:
        return self.entry.get("score")

    @property
    def crowd(self) -> bool:
        return bool(self.entry.get("iscrowd"))

    @property
    def box(self) -> list[float]:
        """[x, y, w, h] in pixels."""
        return self.entry["bbox"]

    @cached_property
    def mask(self) -> Rle | None:
        """None also where it has no pixels, as Mask R-CNN's may: the box then stands for the object."""
        rle = self.entry.get("segmentation")
        return rle if rle and area(rle) else None

    @cached_property
    def area(self) -> float:
        """Pixels of the mask, or of the box where there is no mask."""
        return area(self.mask) if self.mask else self.box[2] * self.box[3]

    @cached_property
    def parts(self) -> list[Part]:
        """The exact outline; without a mask the box."""
        return outline(self.mask) if self.mask else [[rectangle(self.box)]]

    @cached_property
    def smooth(self) -> list[Part]:
        """The outline without the stairs of pixels."""
        return [[smoothed(ring) for ring in part] for part in self.parts] if self.mask else self.parts

    @property
    def lines(self) -> list:
        """A ring for each part, its holes joined to it."""
        return [one_line(part) for part in self.smooth]

    @property
    def line(self):
        """One ring for all."""
        return one_line(self.lines)

    @property
    def corners(self) -> tuple[float, float, float, float]:
        """The box as x0, y0, x1, y1, cut at the image's edges."""
        x, y, width, height = self.box
        right, bottom = self.size
        return max(x, 0.0), max(y, 0.0), min(x + width, right), min(y + height, bottom)


def objects_of(entries: Sequence[Mapping], names: Mapping[int, str], size: tuple[int, int]) -> list[SharedObject]:
    """Return entries as objects; `names` are those of the categories by id, in their order."""
    places = {number: place for place, number in enumerate(names)}
    return [SharedObject(entry, places[entry["category_id"]], names[entry["category_id"]], size) for entry in entries]
