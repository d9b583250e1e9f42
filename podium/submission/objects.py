"""All objects of an image in one text, such as `score x y width height score x y width height`."""

import base64
import binascii
import math
import zlib
from collections.abc import Mapping, Sequence

from podium.errors import PodiumError
from podium.submission.masks import mask_of
from podium.submission.numbers import fraction, number, number_text
from podium.submission.rle import RLE, runs_from_coco
from podium.submission.table import Table

SCORE_DECIMALS = 6


class ObjectContent:
    """Reads and writes values of the kind `objects`; see `podium.submission.content.Content`."""

    def __init__(self, table: Table):
        self.form, self.labels, self.code = table.form, table.labels, table.form.code
        self.needs = "segmentation" if "mask" in self.code.words else "bbox"

    def write(self, found: Sequence[Mapping], image: Mapping) -> tuple[list[list[str]], int]:
        objects = []
        for prediction in found:
            place = self._place(prediction, image)
            if place is None:
                continue
            score = prediction.get("score", 1.0)
            told = {"score": number_text(score, SCORE_DECIMALS), **place}
            if "category" in self.code.words:
                told["category"] = self.labels.label(prediction["category_id"])
            objects.append((-score, " ".join(told[word] for word in self.code.words)))
        text = " ".join(words for _, words in sorted(objects))
        return [[text]] if objects else [], len(objects)

    def empty(self) -> list[str]:
        return [self.form.empty]

    def read(self, cells: Sequence[str], image: Mapping, category_id: int) -> list[dict]:
        (value,) = cells
        if value == self.form.empty:
            return []
        words, size = value.split(), len(self.code.words)
        if not words:
            raise PodiumError(f"the value is blank; an image without objects has {self.form.empty!r}")
        if len(words) % size:
            raise PodiumError(f"{len(words)} words; each object has {size}: {' '.join(self.code.words)}")
        count = len(words) // size
        found = []
        for index in range(count):
            told = dict(zip(self.code.words, words[index * size : (index + 1) * size], strict=True))
            try:
                found.append(self._object(told, image, category_id))
            except PodiumError as error:
                raise PodiumError(f"object {index + 1} of {count}: {error.problem}") from None
        return found

    def _place(self, prediction: Mapping, image: Mapping) -> dict[str, str] | None:
        """Return the words that say where an object is; None where it has no pixel, or no area after rounding."""
        if self.needs == "segmentation":
            rle = mask_of(prediction, image)
            return {"mask": pack(rle)} if len(runs_from_coco(rle, "column")) else None
        x, y, width, height = prediction["bbox"]
        if not all(map(math.isfinite, (x, y, width, height))):
            raise PodiumError(f"a prediction's box is {prediction['bbox']}", record=image["key"], key="bbox")
        x1, x2 = (self._rounded(each, image["width"]) for each in (x, x + width))
        y1, y2 = (self._rounded(each, image["height"]) for each in (y, y + height))
        if x2 <= x1 or y2 <= y1:
            return None
        told = {"x": x1, "y": y1, "width": x2 - x1, "height": y2 - y1, "x1": x1, "y1": y1, "x2": x2, "y2": y2}
        return {word: number_text(value, self.code.decimals) for word, value in told.items()}

    def _rounded(self, place: float, side: int) -> float:
        """Return a coordinate inside the image, in the format's units and with its decimals."""
        inside = min(max(place, 0.0), side)
        return round(inside / side if self.code.units == "fraction" else inside, self.code.decimals)

    def _object(self, told: Mapping[str, str], image: Mapping, category_id: int) -> dict:
        score = fraction(told["score"], "the score") if "score" in told else 1.0
        if "category" in told:
            category_id = self.labels.category_id(told["category"])
        place = {"segmentation": unpack(told["mask"], image)} if "mask" in told else {"bbox": self._box(told, image)}
        return {"category_id": category_id, "score": score, **place}

    def _box(self, told: Mapping[str, str], image: Mapping) -> list[float]:
        """Return a box in pixels: x, y, width, height."""
        place = [word for word in told if word not in ("score", "category")]
        value = {word: number(told[word], word) for word in place}
        if "width" in value:
            value |= {"x1": value["x"], "x2": value["x"] + value["width"]}
            value |= {"y1": value["y"], "y2": value["y"] + value["height"]}
        scale = (image["width"], image["height"]) if self.code.units == "fraction" else (1, 1)
        ends = (1, 1) if self.code.units == "fraction" else (image["width"], image["height"])
        sides = []
        for first, last, end in (("x1", "x2", ends[0]), ("y1", "y2", ends[1])):
            low, high = value[first], value[last]
            if high <= low:
                raise PodiumError(f"the box {' '.join(map(told.get, place))} has no area")
            if low < 0 or high > end * (1 + 1e-9):  # x + width is a sum of rounded numbers
                raise PodiumError(
                    f"the box {' '.join(map(told.get, place))} is not within x 0 to {ends[0]}, y 0 to {ends[1]}"
                )
            sides.append((low, high - low))
        (x, width), (y, height) = sides
        return [x * scale[0], y * scale[1], width * scale[0], height * scale[1]]


def pack(rle: Mapping) -> str:
    """Return a mask as one word: the counts of COCO's RLE, compressed by zlib, in base64.

    Source: https://www.kaggle.com/c/open-images-2019-instance-segmentation/overview/evaluation
    """
    counts = rle["counts"]
    data = counts if isinstance(counts, bytes) else counts.encode("ascii")
    return base64.b64encode(zlib.compress(data, zlib.Z_BEST_COMPRESSION)).decode("ascii")


def unpack(word: str, image: Mapping) -> RLE:
    """Return the mask of a word as COCO's RLE; PodiumError for a malformed or empty one, or one of another size."""
    height, width = image["height"], image["width"]
    inflate = zlib.decompressobj()
    try:
        # A count takes two pixels or more and at most seven characters: more text than that is no mask of this size.
        data = inflate.decompress(base64.b64decode(word, validate=True), 7 * (height * width + 1))
        counts = data.decode("ascii")
    except (binascii.Error, zlib.error, UnicodeDecodeError) as error:
        raise PodiumError(f"the mask {word[:20]!r} is no zlib in base64: {error}") from None
    if inflate.unconsumed_tail or not inflate.eof:
        raise PodiumError(f"the mask {word[:20]!r} is cut off, or too long for {height}x{width}")
    rle = {"size": [height, width], "counts": counts}
    if not len(runs_from_coco(rle, "column")):
        raise PodiumError(f"the mask {word[:20]!r} has no pixel")
    return rle
