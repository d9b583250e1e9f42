"""Formats that have a file for each image: YOLO, Pascal VOC, LabelMe, GeoJSON."""

import json
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from xml.etree import ElementTree

import numpy as np

from podium.share.georeference import Georeference
from podium.share.images import SharedImage
from podium.share.objects import SharedObject
from podium.share.outlines import signed_area


@dataclass(frozen=True)
class Target:
    """What is written where.

    Attributes
    ----------
    folder
        The folder that is shared.
    source
        predictions or truth.
    picture
        The image's picture, relative to the folder, where it has the original's size.
    place
        Where on Earth the image lies, where that is known.
    masks
        Whether objects of this source have masks.
    """

    folder: Path
    image: SharedImage
    source: str
    picture: str | None
    place: Georeference | None
    masks: bool

    @property
    def size(self) -> tuple[int, int]:
        """(width, height)."""
        return self.image.size


def yolo(target: Target, objects: Sequence[SharedObject]) -> None:
    """Write Ultralytics' labels, a line for each object: category from 0, then parts of the image's width and height.

    Under `detect` x and y of the box's middle, its width and height; under `segment`, where there are masks, the
    corners of one polygon. Crowds are left out, as Ultralytics' own conversion from COCO does
    (https://docs.ultralytics.com/datasets/detect/ and /segment/).
    """
    width, height = target.size
    kept = [each for each in objects if not each.crowd]
    boxes = [
        [(x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height]
        for x0, y0, x1, y1 in (each.corners for each in kept)
    ]
    polygons = [np.clip(each.line / target.size, 0, 1).ravel() for each in kept] if target.masks else None
    for task, rows in (("detect", boxes), ("segment", polygons)):
        if rows is not None:
            lines = [
                " ".join([str(each.place), *(f"{value:.6f}" for value in row)])
                for each, row in zip(kept, rows, strict=True)
            ]
            folder = target.folder / "yolo" / task / target.source / "labels" / target.image.part
            _write(folder / f"{target.image.stem}.txt", "".join(f"{line}\n" for line in lines))


def voc(target: Target, objects: Sequence[SharedObject]) -> None:
    """Write Pascal VOC's XML. Pixels are counted from 1, and the last one belongs to the box.

    Boxes only; a crowd is `difficult`, which VOC's evaluation passes over; `confidence` is added to what VOC has
    (development kit of VOC2012, section 8.1; http://host.robots.ox.ac.uk/pascal/VOC/voc2012/devkit_doc.pdf).
    """
    root = ElementTree.Element("annotation")
    _texts(root, folder=target.image.part, filename=target.image.path.name)
    width, height = target.size
    _texts(ElementTree.SubElement(root, "size"), width=width, height=height, depth=3)
    _texts(root, segmented=0)
    for each in objects:
        x0, y0, x1, y1 = (round(value) for value in each.corners)
        node = ElementTree.SubElement(root, "object")
        _texts(node, name=each.category, pose="Unspecified", truncated=0, difficult=int(each.crowd))
        if each.score is not None:
            _texts(node, confidence=each.score)
        box = ElementTree.SubElement(node, "bndbox")
        xmin, ymin = min(x0 + 1, width), min(y0 + 1, height)
        _texts(box, xmin=xmin, ymin=ymin, xmax=max(x1, xmin), ymax=max(y1, ymin))
    ElementTree.indent(root)
    text = ElementTree.tostring(root, encoding="unicode") + "\n"
    _write(target.folder / "voc" / target.source / "Annotations" / f"{target.image.stem}.xml", text)


def labelme(target: Target, objects: Sequence[SharedObject]) -> None:
    """Write LabelMe's JSON: a polygon for each part of an object, or its box, in pixels.

    Parts of one object share a `group_id`. LabelMe's polygons have no holes: a line without width leads to each.
    `imagePath` is the picture given here where that has the original's size, else the original's name
    (https://github.com/wkentaro/labelme, labelme/_label_file.py).
    """
    shapes = []
    for number, each in enumerate(objects, start=1):
        if each.mask:
            lines, kind = each.lines, "polygon"
        else:
            x0, y0, x1, y1 = each.corners
            lines, kind = [np.array([(x0, y0), (x1, y1)])], "rectangle"
        for line in lines:
            shapes.append(
                {
                    "label": each.category,
                    "points": line.tolist(),
                    "group_id": number if len(lines) > 1 else None,
                    "description": "" if each.score is None else f"score {each.score:.4f}",
                    "shape_type": kind,
                    "flags": {"crowd": True} if each.crowd else {},
                    "mask": None,
                }
            )
    content = {
        "version": "5.5.0",
        "flags": {},
        "shapes": shapes,
        "imagePath": f"../../{target.picture}" if target.picture else target.image.path.name,
        "imageData": None,
        "imageHeight": target.size[1],
        "imageWidth": target.size[0],
    }
    _write(target.folder / "labelme" / target.source / f"{target.image.stem}.json", _json(content))


def geojson(target: Target, objects: Sequence[SharedObject]) -> None:
    """Write a feature collection, polygons exact to the pixel with their holes.

    Where the image says where it lies: longitude and latitude on WGS 84 (RFC 7946), or the image's own reference
    system, named as in GeoJSON 2008 (https://geojson.org/geojson-spec.html#named-crs), which GDAL and QGIS read. Else
    pixels, x right, y down, as QuPath reads and writes them; `properties` has its `objectType` and `classification`
    (https://qupath.readthedocs.io/en/stable/docs/advanced/exporting_annotations.html).
    """
    features = [
        {
            "type": "Feature",
            "geometry": _geometry(each, target.place),
            "properties": {
                "objectType": "annotation",
                "classification": {"name": each.category},
                "category": each.category,
                "source": target.source,
                "score": each.score,
                "crowd": each.crowd,
                "area_pixels": each.area,
                "image": target.image.entry["key"],
            },
        }
        for each in objects
    ]
    content = {"type": "FeatureCollection", "features": features}
    if target.place and not target.place.is_wgs84:
        content["crs"] = {"type": "name", "properties": {"name": f"urn:ogc:def:crs:EPSG::{target.place.epsg}"}}
    _write(target.folder / "geojson" / target.source / f"{target.image.stem}.geojson", _json(content))


WRITERS: dict[str, Callable[[Target, Sequence[SharedObject]], None]] = {
    "yolo": yolo,
    "voc": voc,
    "labelme": labelme,
    "geojson": geojson,
}
"""By name: each writes one image's objects of one source."""

THRESHOLDED = {"yolo", "voc", "labelme"}
"""Formats for annotations: they hold the predictions from the threshold on, the others all."""


def _geometry(each: SharedObject, place: Georeference | None) -> dict:
    polygons = []
    for part in each.parts:
        rings = [place.places(ring) if place else ring for ring in part]
        # RFC 7946, 3.1.6: counter-clockwise where y points up, around holes the other way.
        if signed_area(rings[0]) < 0:
            rings = [ring[::-1] for ring in rings]
        polygons.append([[*ring.tolist(), ring[0].tolist()] for ring in rings])
    if len(polygons) == 1:
        return {"type": "Polygon", "coordinates": polygons[0]}
    return {"type": "MultiPolygon", "coordinates": polygons}


def _texts(parent: ElementTree.Element, **values: object) -> None:
    for name, value in values.items():
        # XML has no way to write most control characters.
        text = re.sub(r"[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", str(value))
        ElementTree.SubElement(parent, name).text = text


def _json(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, allow_nan=False) + "\n"


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
