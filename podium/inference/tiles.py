"""What a detector finds in the tiles of a large photograph, before it is merged."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor, nn

from podium.config.detection import DetectionInput
from podium.data.tiles import Tile, views_of
from podium.inference.ahead import ahead
from podium.inference.seen import as_input, seen

# Tiles that go through the network together on a GPU: they have one size. A processor gains nothing by it.
_BATCH = 4


def seen_in_tiles(
    model: nn.Module, image: np.ndarray, settings: DetectionInput, threads: int = 0
) -> tuple[list[Tile], dict[str, Tensor]]:
    """Return the parts in which a photograph is seen, and what a detector finds in all of them, not merged.

    Parameters
    ----------
    model
        A detector in evaluation mode.
    image
        uint8 (h, w, 3), RGB.
    settings
        With tiles.
    threads
        Threads that prepare the next tiles meanwhile.

    Returns
    -------
    (tiles, found)
        `found` as of `seen`, of all tiles in one; `views`, int64 (n,), tells in which of `tiles` each detection was
        made. Of the whole photograph, where it is one of them, only objects longer than the overlap are there.
    """
    height, width = image.shape[:2]
    tiles = views_of(height, width, settings.tiles)
    several = _BATCH if next(model.parameters()).is_cuda else 1

    def prepared(batch: list[Tile]) -> tuple[list[Tensor], list[Tile]]:
        return [as_input(tile.cut(image), settings) for tile in batch], batch

    results = [found for batch in ahead(prepared, batches(tiles, several), threads) for found in seen(model, *batch)]
    if settings.tiles.whole and len(tiles) > 1:
        sides = results[-1]["boxes"][:, 2:] - results[-1]["boxes"][:, :2]
        large = sides.amax(dim=1) > settings.tiles.overlap
        results[-1] = {key: part[large] for key, part in results[-1].items()}
    views = torch.arange(len(tiles)).repeat_interleave(torch.tensor([len(found["boxes"]) for found in results]))
    return tiles, {key: torch.cat([found[key] for found in results]) for key in results[0]} | {"views": views}


def batches(tiles: Sequence[Tile], several: int) -> list[list[Tile]]:
    """Return the tiles, in order, in batches of at most so many, all of one size: nothing is padded."""
    groups: list[list[Tile]] = []
    for tile in tiles:
        if groups and len(groups[-1]) < several and tile[2:] == groups[-1][0][2:]:
            groups[-1].append(tile)
        else:
            groups.append([tile])
    return groups
