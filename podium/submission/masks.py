"""Masks as run-length codes: a row's value is one mask."""

from collections.abc import Mapping, Sequence

import numpy as np

from podium.errors import PodiumError
from podium.submission.rle import overlaps, row_and_column, runs_from_coco, text_from_runs, to_coco, union
from podium.submission.table import Table


class MaskContent:
    """Reads and writes values of the kind `runs`; see `podium.submission.content.Content`."""

    needs = "segmentation"

    def __init__(self, table: Table):
        self.form, self.convention = table.form, table.form.code

    def write(self, found: Sequence[Mapping], image: Mapping) -> tuple[list[list[str]], int]:
        instances = [runs for runs in self._sorted_runs(found, image) if len(runs)]
        if not instances:
            return [], 0
        if self.form.rows == "instance":
            self._refuse_overlaps(instances, image)
        else:
            instances, count = [union(instances)], len(instances)
            return [[text_from_runs(instances[0], self.convention)]], count
        return [[text_from_runs(instance, self.convention)] for instance in instances], len(instances)

    def empty(self) -> list[str]:
        return [self.form.empty]

    def read(self, cells: Sequence[str], image: Mapping, category_id: int) -> list[dict]:
        (value,) = cells
        if value == self.form.empty:
            return []
        if not value.strip():
            raise PodiumError(f"the value is blank; an image without instances has {self.form.empty!r}")
        rle = to_coco(value, image["height"], image["width"], self.convention)
        return [{"category_id": category_id, "score": 1.0, "segmentation": rle}]

    def _sorted_runs(self, found: Sequence[Mapping], image: Mapping) -> list[np.ndarray]:
        """Return the instances' runs by descending score, then by position."""
        keyed = []
        for prediction in found:
            runs = runs_from_coco(mask_of(prediction, image), self.convention.order)
            keyed.append((-prediction.get("score", 1.0), runs.ravel().tolist(), runs))
        return [runs for _, _, runs in sorted(keyed, key=lambda item: item[:2])]

    def _refuse_overlaps(self, instances: Sequence[np.ndarray], image: Mapping) -> None:
        if self.form.overlap == "forbidden" and (shared := overlaps(instances)):
            row, column = row_and_column(shared[0][2], image["height"], image["width"], self.convention.order)
            raise PodiumError(
                f"{len(shared)} pairs of instances share pixels, which the format forbids; first at row {row}, "
                f"column {column} (counted from 0)",
                record=image["key"],
                mend="let the instances station remove overlaps",
            )


def mask_of(prediction: Mapping, image: Mapping) -> Mapping:
    """Return a prediction's RLE; PodiumError where it is of another size than the image."""
    rle = prediction["segmentation"]
    if list(rle["size"]) != [image["height"], image["width"]]:
        raise PodiumError(
            f"a mask has the size (height, width) {list(rle['size'])}, the image {[image['height'], image['width']]}",
            record=image["key"],
            key="segmentation.size",
        )
    return rle
