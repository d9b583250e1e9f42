"""What a detector finds in the tiles of a large photograph, before it is merged."""

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
    # The whole photograph, which is the last, has another size than the others.
    cut = len(tiles) - (len(tiles) > 1 and settings.tiles.whole)
    batches = [tiles[start : min(start + several, cut)] for start in range(0, cut, several)]
    batches += [[tile] for tile in tiles[cut:]]

    def prepared(batch: list[Tile]) -> tuple[list[Tensor], list[Tile]]:
        return [as_input(tile.cut(image), settings) for tile in batch], batch

    results = [found for batch in ahead(prepared, batches, threads) for found in seen(model, *batch)]
    for found in results[cut:]:
        sides = found["boxes"][:, 2:] - found["boxes"][:, :2]
        large = sides.amax(dim=1) > settings.tiles.overlap
        found.update({key: part[large] for key, part in found.items()})
    views = torch.arange(len(tiles)).repeat_interleave(torch.tensor([len(found["boxes"]) for found in results]))
    return tiles, {key: torch.cat([found[key] for found in results]) for key in results[0]} | {"views": views}
