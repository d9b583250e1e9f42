"""What a detector finds in images of a dataset, as COCO results."""

from collections.abc import Iterable, Iterator

import numpy as np
from torch import Tensor, nn

from podium.config.detection import DetectionInput
from podium.data.dataset import Dataset
from podium.data.masks import Rle, encode_at, union
from podium.data.tiles import Tile
from podium.inference.ahead import ahead
from podium.inference.merge import Object, merge
from podium.inference.paste import paste
from podium.inference.seen import as_input, seen
from podium.inference.tiles import seen_in_tiles

Size = tuple[int, int]

# Mask R-CNN's own, in Detectron2 too.
_MASK_THRESHOLD = 0.5

# Beside a GPU, threads that decode and resize the next images.
_THREADS = 4


def predict_boxes(model: nn.Module, dataset: Dataset, image_ids: Iterable[int], settings: DetectionInput) -> list[dict]:
    """Return COCO results: image_id, category_id, bbox [x, y, w, h] in the image's own pixels, score.

    A Mask R-CNN's have a `segmentation` (RLE), too.

    Parameters
    ----------
    model
        A detector in evaluation mode (podium.models.detectors.build_detector).
    settings
        min_size_test and max_size_test, to which images are resized before and boxes scaled back after; tiles.
    """
    return [result for found in boxes_by_image(model, dataset, image_ids, settings) for result in found]


def boxes_by_image(
    model: nn.Module, dataset: Dataset, image_ids: Iterable[int], settings: DetectionInput
) -> Iterator[list[dict]]:
    """Yield the results of each image, as `predict_boxes` returns them.

    Images go through the model one by one: padded to a common size, their features at the edges would depend on the
    others. With settings.tiles it is an image's tiles that go through it (podium.inference.tiles), and what they show
    is merged (podium.inference.merge).
    """
    threads = _THREADS if next(model.parameters()).is_cuda else 0

    def prepared(image_id: int) -> tuple[int, Size, Tensor]:
        image = dataset.read(image_id)
        return image_id, image.shape[:2], as_input(image, settings)

    def read(image_id: int) -> tuple[int, np.ndarray]:
        return image_id, dataset.read(image_id)

    if settings.tiles is None:
        for image_id, size, image in ahead(prepared, image_ids, threads):
            (found,) = seen(model, [image], [Tile(0, 0, *size[::-1])])
            objects = [Object([place], score) for place, score in enumerate(found["scores"].tolist())]
            yield _results(image_id, size, found, objects)
        return
    # Of large photographs one alone waits for its turn, not several.
    for image_id, image in ahead(read, image_ids, min(threads, 1)):
        size = image.shape[:2]
        tiles, found = seen_in_tiles(model, image, settings, threads)
        objects = merge(*(found[key].numpy() for key in ("boxes", "labels", "scores", "views")), tiles)
        yield _results(image_id, size, found, objects)


def _results(image_id: int, size: Size, found: dict[str, Tensor], objects: list[Object]) -> list[dict]:
    """Return COCO results of the objects of an image of size (height, width)."""
    results = []
    for members, score in objects:
        boxes = found["boxes"][members]
        x0, y0, x1, y1 = [*boxes[:, :2].amin(dim=0).tolist(), *boxes[:, 2:].amax(dim=0).tolist()]
        label = found["labels"][members[0]].item()
        result = {"image_id": image_id, "category_id": label, "bbox": [x0, y0, x1 - x0, y1 - y0], "score": score}
        if "mask_probabilities" in found:
            masks = [
                _mask(mask, box, *size)
                for mask, box in zip(found["mask_probabilities"][members], boxes.float(), strict=True)
            ]
            result["segmentation"] = union(masks)
        results.append(result)
    return results


def _mask(probabilities: Tensor, box: Tensor, height: int, width: int) -> Rle:
    inside, x, y = paste(probabilities, box, height, width)
    return encode_at((inside >= _MASK_THRESHOLD).numpy(), x, y, height, width)
