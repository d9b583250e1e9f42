"""What all tests share."""

import os
from pathlib import Path

import pytest

# Albumentations would ask its server for newer versions when it is imported.
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
# Small models are faster with one thread, by far where other tests run beside them. Read when torch is imported.
os.environ["OMP_NUM_THREADS"] = "1"

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def root() -> Path:
    """The repository's root."""
    return ROOT


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real data sets; the test is skipped where it is not there."""
    folder = Path(os.environ.get("PODIUM_REAL_DATA", ROOT.parent / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"there is no folder {folder} of real data sets: set PODIUM_REAL_DATA to one")
    return folder
