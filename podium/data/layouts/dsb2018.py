"""Data Science Bowl 2018: `<ImageId>/images/<ImageId>.png`, and a 0/255 mask per instance in `<ImageId>/masks/*.png`.

Source: https://bbbc.broadinstitute.org/BBBC038.
"""

from pathlib import Path

from podium.config.layout import Dsb2018Layout
from podium.data.images import SUFFIXES
from podium.data.layouts.places import find, is_junk, name_in, visible
from podium.data.quarantine import Quarantine
from podium.data.records import RawAnnotation, RawDataset, RawImage, Subset


def read_dsb2018(root: Path, layout: Dsb2018Layout, quarantine: Quarantine) -> RawDataset:
    """Read the records of an extracted archive.

    The key of an image is its folder's name. An image whose folder has no masks has no objects.
    """
    raw = RawDataset(categories=[layout.category])
    _read_folder(root, find(root, layout.train, "train"), "train", layout.category, raw, quarantine)
    if layout.test is not None:
        _read_folder(root, find(root, layout.test, "test"), "test", layout.category, raw, quarantine)
    return raw


def _read_folder(
    root: Path, folder: Path, subset: Subset, category: str, raw: RawDataset, quarantine: Quarantine
) -> None:
    for place in visible(folder):
        if not place.is_dir():
            quarantine.note(f"file {name_in(root, place)}", "a file beside the images' folders is not read")
            continue
        key = place.name
        files = _images(root, place / "images", quarantine)
        if len(files) == 1:
            file, problem = name_in(root, files[0]), None
            if files[0].stem != key:
                quarantine.note(f"image {key}", "its file has another name than its folder", file=file)
        else:
            file, problem = name_in(root, place) + "/images", f"the folder holds {len(files)} images, not one"
        raw.images.append(RawImage(key, key, files[0] if files else None, file, subset, problem=problem))
        if subset == "train":
            raw.annotations += [
                RawAnnotation(f"mask {mask.stem}", name_in(root, mask), key, category, mask=mask)
                for mask in _images(root, place / "masks", quarantine)
            ]


def _images(root: Path, folder: Path, quarantine: Quarantine) -> list[Path]:
    if not folder.is_dir():
        return []
    images = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix.lower() in SUFFIXES and not is_junk(path):
            images.append(path)
        else:
            quarantine.note(f"file {name_in(root, path)}", "it is no image by its name and is not read")
    return images
