"""What ended where: the table of a division, what is missing from a part, and the check for leaks."""

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence

from podium.data.dataset import AnnotationEntry, CategoryEntry, ImageEntry
from podium.data.split_units import SIZES, Units, group_of, size_class


def split_table(
    parts: Mapping[str, Sequence[int]], annotations: Sequence[AnnotationEntry], categories: Sequence[CategoryEntry]
) -> list[dict]:
    """Return a row for each part as a whole (category None), followed by one for each of its categories.

    `images` counts the images that hold such an object (all images, in the row of the whole part), `objects` does not
    count crowds, `crowds` does; `small`, `medium` and `large` divide `objects` at COCO's limits.
    """
    part_of = {image_id: part for part, ids in parts.items() for image_id in ids}
    found = defaultdict(list)
    for annotation in annotations:
        part = part_of.get(annotation["image_id"])
        found[part, None].append(annotation)
        found[part, annotation["category_id"]].append(annotation)

    def row(part: str, category: CategoryEntry | None) -> dict:
        here = found[part, category and category["id"]]
        objects = [each for each in here if not each["iscrowd"]]
        sizes = Counter(size_class(each["area"]) for each in objects)
        holding = len({each["image_id"] for each in objects})
        total = len(parts[part])
        return {
            "part": part,
            "category": category and category["name"],
            "images": holding if category else total,
            "without_objects": None if category else total - holding,
            "objects": len(objects),
            "crowds": len(here) - len(objects),
            **{size: sizes[size] for size in SIZES},
        }

    ordered = sorted(categories, key=lambda category: category["id"])
    return [row(part, category) for part in parts for category in (None, *ordered)]


def missing_categories(
    parts: Mapping[str, Sequence[int]], units: Units, categories: Sequence[CategoryEntry]
) -> list[dict]:
    """Return a record for each category that a part has no object of.

    `units` says how many units hold it in all: a unit is an image, or the images that must not be divided. With fewer
    units than parts there is no division in which every part has it.
    """
    unit_of = {image_id: index for index, members in enumerate(units.images) for image_id in members}
    missing = []
    for column, category in enumerate(sorted(categories, key=lambda category: category["id"]), start=2):
        for part, ids in parts.items():
            if ids and not units.holds[[unit_of[image_id] for image_id in ids], column].any():
                held_by = int(units.holds[:, column].sum())
                missing.append({"category": category["name"], "part": part, "units": held_by})
    return missing


def leak_check(
    parts: Mapping[str, Sequence[int]], images: Sequence[ImageEntry], group_by: str | None
) -> dict[str, int | None]:
    """Count what is in more than one part, from the images alone and not from how they were divided.

    Returns
    -------
    dict
        `images_in_several_parts`; `contents_in_several_parts` (digests); `groups_in_several_parts` (None without
        `group_by`); and, for information: `images_with_a_twin` (the same content under another name, kept
        together) and `twins_in_the_competition_test` (images with truth whose content is also a test image of the
        competition's).
    """
    by_id = {image["id"]: image for image in images}
    divided = [(part, by_id[image_id]) for part, ids in parts.items() for image_id in ids]

    def in_several(mark) -> int:
        found = defaultdict(set)
        for part, image in divided:
            found[mark(image)].add(part)
        return sum(len(where) > 1 for where in found.values())

    copies = defaultdict(int)
    for _, image in divided:
        copies[image["digest"]] += 1
    of_test = {image["digest"] for image in images if image["subset"] == "test"}
    return {
        "images_in_several_parts": in_several(lambda image: image["id"]),
        "contents_in_several_parts": in_several(lambda image: image["digest"]),
        "groups_in_several_parts": None if group_by is None else in_several(lambda image: group_of(image, group_by)),
        "images_with_a_twin": sum(count for count in copies.values() if count > 1),
        "twins_in_the_competition_test": sum(image["digest"] in of_test for _, image in divided),
    }
