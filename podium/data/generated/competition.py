"""The generated competition: an archive shaped like Kaggle's, and the solution that its host would keep.

Nothing is downloaded and nobody else's pictures are used, so the whole chain can be shown and tested anywhere.
"""

import csv
import hashlib
import io
import struct
import zipfile
import zlib
from collections.abc import Callable
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

from podium.data.generated.scene import Scene, draw_scene
from podium.errors import PodiumError
from podium.files import canonical_json, whole, write_text

SUBSETS = ("train", "test")
HEADER = ["ImageId", "EncodedPixels"]
SMALLEST = 96
"""Below this side in pixels the small aircraft would have no shape left."""
SPAN = 144
"""A scene's shorter side in the units that everything is drawn in: aircraft are 16 to 80 of them long."""


def generate(
    archive: Path,
    solution: Path,
    *,
    seed: int,
    train_images: int,
    test_images: int,
    size: int = 192,
    encode: Callable[[np.ndarray], str],
) -> None:
    """Write a competition's archive and its hidden solution.

    Equal arguments give equal bytes, and an image depends on `seed`, `size`, its subset and its place therein alone:
    asking for more images changes none of the others.

    Parameters
    ----------
    archive
        Zip to write: `train/<ImageId>.png`, `train.json` (COCO instances, one category "plane", masks as compressed
        RLE, `file_name` from the archive's root), `test/<ImageId>.png`, `sample_submission.csv` (a row with an empty
        code per test image). Pictures are 8-bit RGB.
    solution
        CSV to write, `ImageId,EncodedPixels`: a row per aircraft of the test images, one with an empty code for an
        image without any.
    seed
        Not negative.
    train_images, test_images
        How many; every twenty-fifth of either subset, beginning with its second, shows no aircraft.
    size
        Side in pixels of the square pictures, and the shorter side of the others (two of ten), whose longer one is 4/3
        of it. What is drawn grows with it.
    encode
        Returns the code of a mask, bool (h, w).

    Raises
    ------
    PodiumError
        When a number is too small.
    """
    for key, value, least in (
        ("seed", seed, 0),
        ("size", size, SMALLEST),
        ("train_images", train_images, 1),
        ("test_images", test_images, 1),
    ):
        if value < least:
            raise PodiumError(f"{value} is too small for the generated competition", key=key, mend=f"at least {least}")

    images, annotations = [], []
    sample, truth = [HEADER], [HEADER]
    with whole(archive) as temporary, zipfile.ZipFile(temporary, "w") as package:
        for place in range(train_images):
            key, scene = _image_id(seed, "train", place), scene_at(seed, "train", place, size)
            name = f"train/{key}.png"
            _add(package, name, png(scene.image))
            height, width = scene.image.shape[:2]
            images.append({"id": place + 1, "file_name": name, "width": width, "height": height})
            annotations += [
                _annotation(mask, place + 1, len(annotations) + k + 1) for k, mask in enumerate(scene.masks)
            ]
        for place in range(test_images):
            key, scene = _image_id(seed, "test", place), scene_at(seed, "test", place, size)
            _add(package, f"test/{key}.png", png(scene.image))
            sample.append([key, ""])
            truth += [[key, encode(mask)] for mask in scene.masks] or [[key, ""]]
        coco = {
            "info": {"description": "Generated aerial scenes with aircraft", "version": "1"},
            "images": images,
            "annotations": annotations,
            "categories": [{"id": 1, "name": "plane"}],
        }
        _add(package, "train.json", canonical_json(coco).encode())
        _add(package, "sample_submission.csv", _csv(sample).encode())
    write_text(solution, _csv(truth))


def scene_at(seed: int, subset: str, place: int, size: int) -> Scene:
    """Draw the scene at a place (from 0) in a subset."""
    rng = np.random.default_rng([seed, SUBSETS.index(subset), place])
    longer = size * 4 // 3
    height, width = {3: (size, longer), 8: (longer, size)}.get(place % 10, (size, size))
    return draw_scene(rng, height, width, unit=size / SPAN, empty=place % 25 == 1)


def png(image: np.ndarray) -> bytes:
    """Return an RGB image, uint8 (h, w, 3), as a PNG without compression.

    Compressed bytes differ from one zlib to another and between processors; these do not, and noise hardly shrinks.
    The format is ISO/IEC 15948, with zlib's stored blocks (RFC 1950, 1951).
    """
    height, width = image.shape[:2]
    no_filter = np.zeros((height, 1), np.uint8)
    rows = np.hstack([no_filter, image.reshape(height, width * 3)]).tobytes()
    blocks = [rows[start : start + 0xFFFF] for start in range(0, len(rows), 0xFFFF)]
    stream = b"\x78\x01" + b"".join(
        struct.pack("<BHH", k == len(blocks) - 1, len(block), len(block) ^ 0xFFFF) + block
        for k, block in enumerate(blocks)
    )
    stream += struct.pack(">I", zlib.adler32(rows))
    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return b"\x89PNG\r\n\x1a\n" + _chunk(b"IHDR", header) + _chunk(b"IDAT", stream) + _chunk(b"IEND", b"")


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def _image_id(seed: int, subset: str, place: int) -> str:
    """Return an id that tells nothing about the image."""
    return hashlib.sha256(f"{seed}/{subset}/{place}".encode()).hexdigest()[:16]


def _annotation(mask: np.ndarray, image_id: int, annotation_id: int) -> dict:
    rle = coco_mask.encode(np.asfortranarray(mask, np.uint8))
    return {
        "id": annotation_id,
        "image_id": image_id,
        "category_id": 1,
        "bbox": coco_mask.toBbox(rle).tolist(),
        "area": float(coco_mask.area(rle)),
        "iscrowd": 0,
        "segmentation": {"size": list(mask.shape), "counts": rle["counts"].decode()},
    }


def _add(package: zipfile.ZipFile, name: str, data: bytes) -> None:
    """Add a file with nothing of this machine or of today in its record."""
    record = zipfile.ZipInfo(name, date_time=(1980, 1, 1, 0, 0, 0))
    record.create_system, record.external_attr = 3, 0o644 << 16
    package.writestr(record, data)


def _csv(rows: list[list[str]]) -> str:
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(rows)
    return text.getvalue()
