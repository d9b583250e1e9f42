"""The folder that is shared, made once."""

from pathlib import Path

import pytest

from podium.config.share import Share
from podium.share.build import build_share

from .scene import make

TITLE = "Planes <b>& more</b>"


@pytest.fixture(scope="session")
def shared(tmp_path_factory) -> Path:
    root = tmp_path_factory.mktemp("shared")
    dataset, split, found = make(root / "dataset")
    build_share(
        root / "share",
        Share(),
        dataset,
        split,
        found,
        title=TITLE,
        experiment="both",
        thresholds=dict.fromkeys(found, 0.5),
    )
    return root / "share"
