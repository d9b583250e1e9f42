"""Run-length codes of masks: ours against pycocotools and against the usual way with NumPy, in one run.

    python benchmarks/run_length_codes.py
    python benchmarks/run_length_codes.py --instances 100 --masks 100      quickly

Two tasks. A photograph of 13383x4287 pixels with 500 instances: their COCO codes, as they are kept, to the text of a
submission and back. And 1,000 masks of 1024x1024 that are there pixel by pixel, to text and back. The usual way goes
over the pixels of each mask: flatten, take differences. pycocotools goes between pixels and COCO's codes; to get from
them to text the usual way is taken. The contenders take turns and see equal masks; their results are compared before
the clock starts. Printed is the median of each contender's seconds of processor time, and the median and range of its
ratio to ours within the turns: 2 is twice our time. Ways over the pixels of the photograph take half a second an
instance: they are timed on a few instances (`--dense`), and their seconds are multiplied.

Peak memory is that of a process of its own for each contender, less what it held before (Linux).
"""

import argparse
import multiprocessing
import os
import re
import statistics
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from pycocotools import mask as coco_mask

from podium.config.formats import RunLengthCode
from podium.data.masks import encode_at
from podium.submission import rle

HEIGHT, WIDTH = 4287, 13383
SIDE = 1024
ORDERS = {"column": "F", "row": "C"}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--instances", type=int, default=500, help="instances of the photograph")
    parser.add_argument("--masks", type=int, default=1000, help="masks of 1024x1024 pixels")
    parser.add_argument("--dense", type=int, default=1, help="instances for the ways over the photograph's pixels")
    parser.add_argument("--turns", type=int, default=3)
    asked = parser.parse_args()
    print(f"{os.cpu_count()} cores, one is used; NumPy {np.__version__}")
    for order in ORDERS:
        convention = RunLengthCode(order=order, base=1)
        photograph(convention, asked)
        squares(convention, asked)
    memory(asked)


def photograph(convention: RunLengthCode, asked: argparse.Namespace) -> None:
    """COCO codes of a large image's instances to text and back."""
    codes = instances(asked.instances, HEIGHT, WIDTH)
    few = codes[: asked.dense]
    texts = [rle.from_coco(each, convention) for each in codes]
    times = len(codes) / len(few)
    assert texts[: len(few)] == [text_by_pixels(coco_mask.decode(each), convention) for each in few]
    assert codes == [rle.to_coco(each, HEIGHT, WIDTH, convention) for each in texts]
    print(f"\n{WIDTH}x{HEIGHT}, {len(codes)} instances of {runs_of(texts):.0f} runs, {convention.order} order")
    compare(
        "COCO to text",
        asked.turns,
        {
            "ours": (lambda: [rle.from_coco(each, convention) for each in codes], 1),
            "pycocotools, NumPy": (
                lambda: [text_by_pixels(coco_mask.decode(each), convention) for each in few],
                times,
            ),
        },
    )
    compare(
        "text to COCO",
        asked.turns,
        {
            "ours": (lambda: [rle.to_coco(each, HEIGHT, WIDTH, convention) for each in texts], 1),
            "NumPy, pycocotools": (
                lambda: [
                    coco_mask.encode(np.asfortranarray(pixels_of_text(each, HEIGHT, WIDTH, convention)))
                    for each in texts[: len(few)]
                ],
                times,
            ),
        },
    )


def squares(convention: RunLengthCode, asked: argparse.Namespace) -> None:
    """Masks that are there pixel by pixel, to text and back."""
    codes = instances(asked.masks, SIDE, SIDE, radius=300)
    # A hundred different ones are a hundred megabytes; all are gone through again and again.
    masks = [np.ascontiguousarray(coco_mask.decode(each), dtype=bool) for each in codes[:100]]
    masks = [masks[index % len(masks)] for index in range(len(codes))]
    codes = [codes[index % 100] for index in range(len(codes))]
    texts = [rle.encode(each, convention) for each in masks]
    assert texts[:5] == [text_by_pixels(each, convention) for each in masks[:5]]
    assert (rle.decode(texts[0], SIDE, SIDE, convention) == masks[0]).all()
    print(f"\n{len(masks)} masks of {SIDE}x{SIDE}, of {runs_of(texts):.0f} runs, {convention.order} order")
    compare(
        "pixels to text",
        asked.turns,
        {
            "ours": (lambda: [rle.encode(each, convention) for each in masks], 1),
            "NumPy": (lambda: [text_by_pixels(each, convention) for each in masks], 1),
            "pycocotools, to COCO": (lambda: [coco_mask.encode(np.asfortranarray(each)) for each in masks], 1),
        },
    )
    compare(
        "text to pixels",
        asked.turns,
        {
            "ours": (lambda: [rle.decode(each, SIDE, SIDE, convention) for each in texts], 1),
            "NumPy": (lambda: [pixels_of_text(each, SIDE, SIDE, convention) for each in texts], 1),
            "pycocotools, of COCO": (lambda: [coco_mask.decode(each) for each in codes], 1),
        },
    )
    compare(
        "COCO to text and back",
        asked.turns,
        {"ours": (lambda: [rle.to_coco(rle.from_coco(each, convention), SIDE, SIDE, convention) for each in codes], 1)},
    )


def instances(count: int, height: int, width: int, radius: int = 60) -> list[dict]:
    """Return COCO codes of ellipses with ragged edges, anywhere in the image."""
    draw = np.random.default_rng(0)
    found = []
    for _ in range(count):
        high, wide = draw.integers(radius // 3, radius, size=2)
        rows, columns = np.mgrid[-high : high + 1, -wide : wide + 1]
        ragged = 1 + 0.02 * draw.standard_normal(rows.shape)
        mask = (rows / high) ** 2 + (columns / wide) ** 2 < ragged
        y, x = draw.integers(height - mask.shape[0]), draw.integers(width - mask.shape[1])
        found.append(encode_at(mask, int(x), int(y), height, width))
    return found


def runs_of(texts: Sequence[str]) -> float:
    return statistics.mean(len(each.split()) / 2 for each in texts)


def text_by_pixels(mask: np.ndarray, convention: RunLengthCode) -> str:
    """Write a mask as most public kernels do: flatten it, and look where neighbours differ."""
    pixels = np.concatenate([[0], mask.flatten(order=ORDERS[convention.order]), [0]])
    runs = np.where(pixels[1:] != pixels[:-1])[0] + convention.base
    runs[1::2] -= runs[::2]
    return " ".join(str(each) for each in runs)


def pixels_of_text(text: str, height: int, width: int, convention: RunLengthCode) -> np.ndarray:
    """Read a mask as most public kernels do: fill the runs one by one."""
    words = np.asarray(text.split(), dtype=int)
    starts = words[::2] - convention.base
    mask = np.zeros(height * width, dtype=np.uint8)
    for start, end in zip(starts, starts + words[1::2], strict=True):
        mask[start:end] = 1
    return mask.reshape((height, width), order=ORDERS[convention.order])


def compare(task: str, turns: int, contenders: dict[str, tuple[Callable[[], object], float]]) -> None:
    """Time contenders in turn; each has a factor by which its seconds count."""
    seconds: dict[str, list[float]] = {name: [] for name in contenders}
    for turn in range(turns):
        for name in list(contenders)[:: 1 if turn % 2 else -1]:
            work, factor = contenders[name]
            began = time.process_time()
            work()
            seconds[name].append(factor * (time.process_time() - began))
    for name, each in seconds.items():
        ratios = [other / ours for other, ours in zip(each, seconds["ours"], strict=True)]
        shown = f"ratio {statistics.median(ratios):.1f} ({min(ratios):.1f} to {max(ratios):.1f})"
        print(f"  {task:<22} {name:<22} {statistics.median(each):8.3f} s  {shown}", flush=True)


def memory(asked: argparse.Namespace) -> None:
    """Peak memory of writing and reading all instances of an image, as image and instances grow."""
    print("\npeak memory of COCO to text and back, row order")
    for count, times in ((asked.instances, 1), (4 * asked.instances, 1), (asked.instances, 2)):
        height, width = times * HEIGHT, times * WIDTH
        peak = in_a_process(_ours, count, height, width)
        print(f"  ours, {count} instances, {width}x{height}: {peak:.1f} MB")
    print(f"  by pixels, one instance, {WIDTH}x{HEIGHT}: {in_a_process(_by_pixels, 1, HEIGHT, WIDTH):.1f} MB")


def in_a_process(work: Callable, *arguments: object) -> float:
    with multiprocessing.get_context("spawn").Pool(1) as pool:
        return pool.apply(_measured, (work, *arguments))


def _measured(work: Callable, count: int, height: int, width: int) -> float:
    codes = instances(count, height, width)
    before = _peak()
    work(codes, height, width)
    return (_peak() - before) / 1024


def _peak() -> int:
    """Return the most memory that this process held, in KiB; getrusage would tell its parent's, too."""
    return int(re.search(r"VmHWM:\s*(\d+)", Path("/proc/self/status").read_text())[1])


def _ours(codes: Sequence[dict], height: int, width: int) -> None:
    convention = RunLengthCode(order="row", base=1)
    for each in codes:
        rle.to_coco(rle.from_coco(each, convention), height, width, convention)


def _by_pixels(codes: Sequence[dict], height: int, width: int) -> None:
    convention = RunLengthCode(order="row", base=1)
    for each in codes:
        text = text_by_pixels(coco_mask.decode(each), convention)
        coco_mask.encode(np.asfortranarray(pixels_of_text(text, height, width, convention)))


if __name__ == "__main__":
    main()
