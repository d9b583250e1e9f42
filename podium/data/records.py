"""Raw records: what a layout reads from an archive, before anything about it is checked."""

from collections.abc import Hashable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

Subset = Literal["train", "test"]


@dataclass(frozen=True)
class RawImage:
    """An image that the archive holds or speaks of.

    Attributes
    ----------
    source_id
        What annotations refer to it by, in its subset.
    key
        The ImageId as the competition writes it, as far as known: its file's name without extension.
    path
        Its file; None where no such file was found.
    file
        The file's name as the archive writes it, relative to the archive.
    size
        (width, height) that the archive states, as it states them; None where it states none.
    problem
        Why the layout could not read it as one image, where it could not.
    """

    source_id: Hashable
    key: str
    path: Path | None
    file: str
    subset: Subset
    size: tuple[object, object] | None = None
    problem: str | None = None


@dataclass(frozen=True)
class RawAnnotation:
    """An object in a training image.

    Attributes
    ----------
    record
        Names it in messages: `annotation 17`.
    file
        The file that holds it, relative to the archive.
    image
        `source_id` of its image.
    category
        Name of its category.
    bbox
        [x, y, w, h] as the archive writes it; None where it has none.
    mask
        As the archive writes it: a list of polygons, a run-length code (a dict), or the path of a picture; None
        where there is none.
    iscrowd
        0 or 1, as the archive writes it.
    """

    record: str
    file: str
    image: Hashable
    category: str
    bbox: object | None = None
    mask: object | Path | None = None
    iscrowd: object = 0


@dataclass
class RawDataset:
    """Everything that a layout reads. `categories` are names in the order that becomes ids 1 … k."""

    images: list[RawImage] = field(default_factory=list)
    annotations: list[RawAnnotation] = field(default_factory=list)
    categories: list[str] = field(default_factory=list)
