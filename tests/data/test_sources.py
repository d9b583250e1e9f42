"""Archives by hand and from a local path; tests/kaggle has those from Kaggle."""

import pytest

from podium.config.source import KaggleSource, LocalSource
from podium.data.archives import extract
from podium.data.sources import provide_archive
from podium.errors import PodiumError
from tests.kaggle.server import zipped

CONTENT = zipped({"train.json": b"[]", "train/a.png": bytes(range(256)) * 40})


def local(path):
    return LocalSource(kind="local", path=str(path))


def kaggle(timeout=60):
    return KaggleSource(kind="kaggle", competition="cells", timeout=timeout)


def test_an_archive_put_there_by_hand_is_tested_and_stays(tmp_path):
    archive = tmp_path / "data" / "archive.zip"
    archive.parent.mkdir()
    archive.write_bytes(CONTENT)
    before = archive.stat()
    provide_archive(local(archive), archive)
    provide_archive(kaggle(), archive)
    assert archive.stat() == before
    archive.write_bytes(CONTENT[:-100])
    with pytest.raises(PodiumError, match="cut off"):
        provide_archive(kaggle(), archive)
    assert archive.read_bytes() == CONTENT[:-100]


def test_an_archive_by_hand_without_the_files_that_are_asked_for(tmp_path):
    archive = tmp_path / "archive.zip"
    archive.write_bytes(CONTENT)
    source = KaggleSource(kind="kaggle", competition="cells", files=("train.json",))
    provide_archive(source, archive)
    with pytest.raises(PodiumError, match=r"key source\.files: the archive that is there lacks 'test\.json'"):
        provide_archive(source.model_copy(update={"files": ("train.json", "test.json")}), archive)
    assert archive.read_bytes() == CONTENT


def test_the_copy_of_a_local_archive_follows_it(tmp_path):
    (tmp_path / "mine.zip").write_bytes(CONTENT)
    (tmp_path / "archive.zip").write_bytes(b"an older copy")
    provide_archive(local(tmp_path / "mine.zip"), tmp_path / "archive.zip")
    assert (tmp_path / "archive.zip").read_bytes() == CONTENT


def test_a_local_archive_is_copied_and_a_folder_packed(tmp_path):
    (tmp_path / "mine.zip").write_bytes(CONTENT)
    provide_archive(local(tmp_path / "mine.zip"), tmp_path / "data" / "a.zip")
    assert (tmp_path / "data" / "a.zip").read_bytes() == CONTENT
    extract(tmp_path / "mine.zip", tmp_path / "folder")
    provide_archive(local(tmp_path / "folder"), tmp_path / "data" / "b.zip")
    extract(tmp_path / "data" / "b.zip", tmp_path / "again")
    assert (tmp_path / "again/train/a.png").read_bytes() == (tmp_path / "folder/train/a.png").read_bytes()


def test_local_paths_that_are_wrong(tmp_path):
    archive = tmp_path / "data" / "archive.zip"
    with pytest.raises(PodiumError, match=r"key source\.path: there is no such archive"):
        provide_archive(local(tmp_path / "x.zip"), archive)
    (tmp_path / "x.zip").write_bytes(b"hello")
    with pytest.raises(PodiumError, match=r"x\.zip.*no zip archive"):
        provide_archive(local(tmp_path / "x.zip"), archive)
    with pytest.raises(PodiumError, match="its own archive"):
        provide_archive(local(tmp_path), archive)
    assert not archive.exists()
