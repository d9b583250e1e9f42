"""Records by the image that they are of."""

from collections import defaultdict
from collections.abc import Iterable, Mapping


def by_image(records: Iterable[Mapping]) -> defaultdict[int, list]:
    """Return annotations or COCO results by `image_id`, in the order given; an image without any has an empty list."""
    found = defaultdict(list)
    for each in records:
        found[each["image_id"]].append(each)
    return found
