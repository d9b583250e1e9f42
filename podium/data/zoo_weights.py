"""Detectors of Detectron2's model zoo: downloaded once, for all competitions of a working directory."""

import hashlib
import http.client
import logging
import os
import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path, PurePosixPath
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from tqdm import tqdm

from podium.config.nearest import did_you_mean
from podium.config.zoo import ZooModel, zoo
from podium.errors import PodiumError
from podium.files import file_digest, write_json

log = logging.getLogger(__name__)

_BASE = "https://dl.fbaipublicfiles.com/detectron2"
_BASE_VARIABLE = "PODIUM_ZOO_URL"

_LICENCE = {
    "licence": "CC BY-SA 3.0",
    "licence_url": "https://creativecommons.org/licenses/by-sa/3.0/",
    "attribution": "Detectron2 Model Zoo, Facebook AI Research, https://github.com/facebookresearch/detectron2",
}

_ATTEMPTS = 5  # in a row that bring nothing
_PAUSE = 2.0  # seconds between attempts
_SILENCE = 60.0  # seconds after which a connection counts as broken
_CHUNK = 1 << 20


def provide_zoo_weights(name: str, file: str | Path, record: str | Path, pause: float = _PAUSE) -> None:
    """Put the weights of a zoo model at `file`, checked, and what they are at `record`.

    A file that is there already, as put there by hand, is checked and used as it is. Else it is downloaded from
    `<base>/<name>/<identity>/<file>`, where the environment variable PODIUM_ZOO_URL can name another base. What arrived
    before the connection broke stays in a hidden file beside it, and the next attempt or call continues there.

    Parameters
    ----------
    name
        The model's name in the zoo, as COCO-Detection/faster_rcnn_X_101_32x8d_FPN_3x.
    record
        A small JSON file: `name`, `url`, `bytes`, `md5`, `sha256`, and the licence.
    pause
        Seconds between attempts.

    Raises
    ------
    PodiumError
        The file cannot be had, or is not the zoo's: its MD5 does not begin as its name says. A file put there by hand
        is never removed.
    """
    file = Path(file)
    model = _model(name, file)
    url = f"{os.environ.get(_BASE_VARIABLE) or _BASE}".rstrip("/") + f"/{name}/{model.file}"
    beginning = re.search(r"_([0-9a-f]{6})\.pkl$", model.file)[1]
    by_hand = f"download {url} elsewhere and put it at {file}"
    if file.exists():
        md5 = _md5(file)
        if not md5.startswith(beginning):
            raise PodiumError(
                f"this is not the zoo's file: its MD5 is {md5}, and should begin with {beginning}",
                file=file,
                mend=f"remove it and run again, or {by_hand}",
            )
    else:
        partial = file.with_name(f".{file.name}.part")
        partial.parent.mkdir(parents=True, exist_ok=True)
        log.info("downloading %s (licence: %s)", url, _LICENCE["licence"])
        _download(url, partial, by_hand, pause)
        md5 = _md5(partial)
        if not md5.startswith(beginning):
            size = partial.stat().st_size
            partial.unlink()
            raise PodiumError(
                f"what {url} gave is not the zoo's file: {size} bytes whose MD5 is {md5}, and should begin with "
                f"{beginning}",
                mend=f"run again; if it stays so, {by_hand}",
            )
        partial.replace(file)
    known = {"name": name, "url": url, "bytes": file.stat().st_size, "md5": md5, "sha256": file_digest(file)}
    write_json(record, known | _LICENCE, indent=1)
    log.info("%s is there: %s, licensed %s (%s)", name, file, _LICENCE["licence"], _LICENCE["licence_url"])
    log.info("what is made from it and passed on falls under that licence: name %s", _LICENCE["attribution"])


def _model(name: str, file: Path) -> ZooModel:
    if name not in zoo():
        near = did_you_mean(name, zoo(), cutoff=0.0).rstrip()
        raise PodiumError(f"{name!r} is not in the zoo; {near}", mend=f"take one of {', '.join(zoo())}")
    model = zoo()[name]
    expected = PurePosixPath(model.file).name
    if file.name != expected:
        raise PodiumError(f"the weights of {name} have another name", file=file, mend=f"ask for {expected}")
    return model


class _Broken(Exception):
    """The connection failed: another attempt may succeed."""


def _download(url: str, partial: Path, by_hand: str, pause: float) -> None:
    """Fill `partial` until it is whole; PodiumError where the network does not give any more."""
    failures, most = 0, _size(partial)
    while True:
        try:
            _continue(url, partial, by_hand)
            return
        except _Broken as broken:
            after = _size(partial)
            failures = 0 if after > most else failures + 1
            most = max(most, after)
            if failures >= _ATTEMPTS:
                kept = f"; the {after} bytes that arrived are kept, and a new run continues there" if after else ""
                raise PodiumError(
                    f"{url} could not be downloaded: {broken}{kept}",
                    mend=f"run again where there is a network, or {by_hand}",
                ) from None
            log.warning("the download broke after %d bytes (%s); trying again", after, broken)
            time.sleep(pause)


def _continue(url: str, partial: Path, by_hand: str) -> None:
    """Ask for what is missing of `partial`, append it, and compare its size with what the server says."""
    start = _size(partial)
    with _network(url, by_hand):
        headers = {"Range": f"bytes={start}-"} if start else {}
        try:
            response = urlopen(Request(url, headers=headers), timeout=_SILENCE)
        except HTTPError as error:
            if error.code != 416 or not start:
                raise
            # There is nothing after what is here: it is whole, or of another file.
            if error.headers.get("Content-Range") == f"bytes */{start}":
                return
            partial.unlink()
            raise _Broken(f"the server has no more than the {start} bytes that were here") from None
    with response:
        begins, total = _place(response)
        if begins not in (0, start):
            partial.unlink()
            raise _Broken(f"the server continued at byte {begins} instead of {start}")
        if begins == 0 and start:
            log.info("the server does not continue a download: it begins again")
        with (
            partial.open("ab" if begins else "wb") as file,
            tqdm(total=total, initial=begins, unit="B", unit_scale=True, desc=partial.name, disable=None) as bar,
        ):
            for chunk in _chunks(response, url, by_hand):
                file.write(chunk)
                bar.update(len(chunk))
    size = _size(partial)
    if total is not None and size > total:
        partial.unlink()
        raise _Broken(f"{size} bytes are there, the file has {total}")
    if total is not None and size < total:
        raise _Broken(f"{size} of {total} bytes arrived")


def _place(response: http.client.HTTPResponse) -> tuple[int, int | None]:
    """Return at which byte of the file a response begins, and how many the file has, as far as the server says."""
    length = response.headers.get("Content-Length")
    if response.status != 206:
        return 0, int(length) if length else None
    found = re.fullmatch(r"bytes (\d+)-\d+/(\d+|\*)", response.headers.get("Content-Range", ""))
    if not found:
        raise _Broken("the server sent a part of the file and did not say which")
    return int(found[1]), None if found[2] == "*" else int(found[2])


def _chunks(response: http.client.HTTPResponse, url: str, by_hand: str) -> Iterator[bytes]:
    while True:
        with _network(url, by_hand):
            chunk = response.read(_CHUNK)
        if not chunk:
            return
        yield chunk


@contextmanager
def _network(url: str, by_hand: str) -> Iterator[None]:
    """Tell what may succeed later, _Broken, from what will not, PodiumError."""
    try:
        yield
    except HTTPError as error:
        if error.code >= 500 or error.code in (408, 429):
            raise _Broken(f"the server answered {error.code} {error.reason}") from None
        raise PodiumError(f"{url} could not be downloaded: the server answered {error.code}", mend=by_hand) from None
    except http.client.HTTPException as error:
        raise _Broken(repr(error)) from None
    except OSError as error:
        raise _Broken(str(getattr(error, "reason", error))) from None


def _size(file: Path) -> int:
    return file.stat().st_size if file.exists() else 0


def _md5(file: Path) -> str:
    with file.open("rb") as content:
        return hashlib.file_digest(content, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
