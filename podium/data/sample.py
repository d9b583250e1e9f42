"""The competition's sample_submission.csv: which images it asks for."""

import csv
from collections.abc import Collection
from pathlib import Path, PurePosixPath

from podium.data.quarantine import Quarantine
from podium.errors import PodiumError


def check_sample(
    path: Path,
    file: str,
    *,
    keys: Collection[str],
    test_keys: Collection[str],
    left_out: Collection[str],
    quarantine: Quarantine,
) -> dict[str, str]:
    """Compare the ids in a sample submission's first column with the images; return the id of each key asked for.

    An id without an image means that the archive lacks an image: it is listed like one that cannot be read. Formats
    whose ids are no image keys at all (`<ImageId>_<class>`, numbered rows) are noted only.

    Parameters
    ----------
    keys, test_keys
        Keys of all images, of the test images.
    left_out
        Keys of images that were left out.

    Raises
    ------
    PodiumError
        Where the file is no CSV with a header.
    """
    ids = _ids(path, file)
    known = {*keys, *left_out}
    # Some samples write the file's name, with its extension.
    of_image = {name: next((key for key in (name, PurePosixPath(name).stem) if key in known), None) for name in ids}
    if ids and not any(of_image.values()):
        quarantine.note("sample submission", f"none of its {len(ids)} ids is an image's key", file=file)
        return {}
    for name, key in of_image.items():
        if key is None:
            problem = "the sample submission asks for this image, which is missing"
            quarantine.leave_out("image", f"image {name}", problem, file=file)
        elif key not in keys:
            problem = (
                "the sample submission asks for this image, which was left out: a submission gets empty rows for it"
            )
            quarantine.note(f"image {key}", problem, file=file)
    unasked = sorted(set(test_keys) - set(of_image.values()))
    if unasked:
        quarantine.note(
            "sample submission",
            f"it does not ask for {len(unasked)} test images: {', '.join(unasked[:5])}" + (", …" * (len(unasked) > 5)),
            file=file,
        )
    return {key: name for name, key in of_image.items() if key is not None}


def _ids(path: Path, file: str) -> list[str]:
    try:
        with path.open(encoding="utf-8-sig", newline="") as opened:
            rows = csv.reader(opened, strict=True)
            header = next(rows, None)
            ids = dict.fromkeys(row[0] for row in rows if row)
    except (UnicodeDecodeError, csv.Error) as error:
        raise PodiumError(f"the sample submission is no CSV: {error}", file=file) from None
    if not header or len(header) < 2:
        raise PodiumError(f"the sample submission has no header of two columns or more: {header}", file=file)
    return list(ids)
