"""A made-up dataset of what is odd: holes, several parts, a crowd, hostile names, a georeferenced image, a drawing."""

import json
from functools import cache
from pathlib import Path

import numpy as np
from PIL import Image, TiffImagePlugin

from podium.data.dataset import Dataset, load_dataset
from podium.data.masks import box_of, encode

CATEGORIES = ["plane", '"><script>document.title=1</script>', "=1+1", "ürün"]
HOSTILE = "<img src=x onerror=document.title=2>#%?'\"\u2028& ä"
SIZES = {
    1: (120, 90),
    2: (120, 90),
    3: (120, 90),
    4: (120, 90),
    5: (120, 90),
    6: (1200, 300),
    7: (120, 90),
    8: (64, 300),
}
KEYS = {1: "one", 2: "two", 3: "three", 4: HOSTILE, 5: "map", 6: "drawing", 7: "Map", 8: "con"}
SPLIT = {"train": [1, 2], "val": [3], "test": [4, 5, 6]}
SCORES = [0.95, 0.9, 0.5, 0.29, 0.49999, 0.3, 0.05]
# Scale 0.5 m, upper left corner at easting 500000, northing 4650000, WGS 84 / UTM zone 33N.
GEOTIFF = {
    33550: (0.5, 0.5, 0.0),
    33922: (0.0, 0.0, 0.0, 500000.0, 4650000.0, 0.0),
    34735: (1, 1, 0, 3, 1024, 0, 1, 1, 1025, 0, 1, 1, 3072, 0, 1, 32633),
}
_TYPES = {33550: 12, 33922: 12, 34264: 12, 34735: 3}  # Doubles, and 16 bits.


def disc(size: tuple[int, int], x: float, y: float, radius: float, hole: float = 0.0) -> np.ndarray:
    rows, columns = np.mgrid[: size[1], : size[0]] + 0.5
    squares = (columns - x) ** 2 + (rows - y) ** 2
    return (squares <= radius**2) & (squares >= hole**2)


@cache
def masks(number: int) -> list[np.ndarray]:
    """Return an image's masks: a disc, a ring, two discs of one object, three pixels, a disc at the edge."""
    size = SIZES[number]
    small = np.zeros(size[::-1], dtype=bool)
    small[3, 5], small[4, 6], small[4, 7] = True, True, True
    both = disc(size, 20, 60, 8) | disc(size, 45, 72, 9)
    return [disc(size, 30, 25, 12), disc(size, 50, 40, 16, 7), both, small, disc(size, size[0], 50, 14)]


def entry(number: int, place: int, mask: np.ndarray, **more: object) -> dict:
    rle = encode(mask)
    category = 1 + place % len(CATEGORIES)
    return {"image_id": number, "category_id": category, "bbox": box_of(rle), "segmentation": rle, **more}


def write_geotiff(path: Path, pixels: np.ndarray, tags: dict[int, tuple]) -> None:
    info = TiffImagePlugin.ImageFileDirectory_v2()
    for tag, values in tags.items():
        info[tag] = values
        info.tagtype[tag] = _TYPES[tag]
    Image.fromarray(pixels).save(path, tiffinfo=info)


def make(folder: Path, with_masks: bool = True) -> tuple[Dataset, dict, dict]:
    """Write a dataset; return it, a split, and predictions by part."""
    noise = np.random.default_rng(0)
    images, annotations = [], []
    for number, (width, height) in SIZES.items():
        subset = "train" if number <= 6 else "test"
        name = f"{subset}/{KEYS[number]}.{'tif' if number == 5 else 'png'}"
        file = folder / "images" / name
        file.parent.mkdir(parents=True, exist_ok=True)
        grains = Image.fromarray(noise.integers(60, 140, (6, 8, 3), dtype=np.uint8))
        pixels = np.array(grains.resize((width, height)))
        if number == 5:
            write_geotiff(file, pixels, GEOTIFF)
        else:
            if number == 6:
                pixels[:], pixels[:, : width // 2] = (250, 250, 250), (20, 40, 60)
            Image.fromarray(pixels).save(file)
        images.append({"id": number, "file_name": name, "width": width, "height": height, "key": KEYS[number]})
        images[-1] |= {"subset": subset, "digest": f"{number:064}"}
        for place, mask in enumerate(masks(number) if subset == "train" else []):
            crowd = int(number == 4 and place == 4)
            more = {"id": len(annotations) + 1, "area": int(mask.sum()), "iscrowd": crowd}
            annotations.append(entry(number, place, mask, **more))
    found = {
        part: [
            entry(number, place, masks(number)[place % 5], score=score)
            for number in ids
            for place, score in enumerate(SCORES if number != 5 else SCORES[:2])
        ]
        for part, ids in {"test": SPLIT["test"], "submission": [1, 7, 8]}.items()
    }
    if not with_masks:
        for each in [*annotations, *found["test"], *found["submission"]]:
            del each["segmentation"]
    categories = [{"id": place, "name": name} for place, name in enumerate(CATEGORIES, start=1)]
    coco = {"info": {}, "images": images, "annotations": annotations, "categories": categories}
    (folder / "annotations.json").write_text(json.dumps(coco), encoding="utf-8")
    (folder / "digest.txt").write_text("0" * 64, encoding="ascii")
    return load_dataset(folder), SPLIT, found
