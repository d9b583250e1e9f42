"""What a photograph of 13383 x 4287 pixels, the largest of the planes competition, costs in memory."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

PHOTOGRAPH = 13383 * 4287 * 3
OBJECTS = 300


@pytest.mark.slow
def test_memory_is_a_few_times_the_photograph_s_whatever_its_objects(tmp_path):
    """A mask of the photograph's size is a third of it: for each of 300 objects, that would be 100 photographs."""
    script = Path(__file__).with_name("large.py")
    for arguments in (["draw", tmp_path / "dataset", OBJECTS], ["work", tmp_path / "dataset"]):
        done = subprocess.run(
            [sys.executable, script, *map(str, arguments)], check=True, capture_output=True, text=True, timeout=600
        )
    report = json.loads(done.stdout)
    values = {stage: value for stage, (value, _, _) in report.items()}
    # Objects on seams, too, come out of the tiles with their exact boxes and masks.
    assert values["start"] == values["boxes"] == values["exact"] == values["instances"] == OBJECTS
    assert min(values["true_boxes"], values["evaluated"], values["submitted"]) > 0.99
    peaks = {stage: (peak - report["start"][2]) / PHOTOGRAPH for stage, (_, _, peak) in report.items()}
    # Pillow's four bytes a pixel, their copy as an array, and that in the making.
    assert peaks["boxes"] < 4
    assert max(peaks.values()) < 4.5
