"""Folders that appear wholly or not at all."""

import errno

import pytest

from podium.data.folders import whole_folder
from podium.errors import PodiumError


def test_a_folder_is_replaced_as_a_whole_and_only_when_the_block_ends_well(tmp_path):
    place = tmp_path / "there" / "dataset"
    for content in ("one", "two"):
        with whole_folder(place) as partial:
            (partial / content).write_text(content)
            assert not (place / content).exists()
        assert [path.name for path in place.iterdir()] == [content]
    with pytest.raises(KeyError), whole_folder(place) as partial:
        (partial / "three").write_text("three")
        raise KeyError
    assert [path.name for path in place.iterdir()] == ["two"]
    assert [path.name for path in place.parent.iterdir()] == ["dataset"]


def test_what_killed_runs_left_is_cleared(tmp_path):
    for name in (".x.part", ".x.old"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "half").write_text("half")
    with whole_folder(tmp_path / "x") as partial:
        assert list(partial.iterdir()) == []
    assert [path.name for path in tmp_path.iterdir()] == ["x"]


def test_a_full_disk_is_an_error_for_the_user_other_faults_are_not(tmp_path):
    with pytest.raises(PodiumError, match="disk is full"), whole_folder(tmp_path / "x"):
        raise OSError(errno.ENOSPC, "No space left on device")
    with pytest.raises(OSError, match="I/O"), whole_folder(tmp_path / "x"):
        raise OSError(errno.EIO, "I/O error")
    assert list(tmp_path.iterdir()) == []
