"""Downloads by the real command: whole, faulty, cut, continued, by file."""

import os
import signal
import subprocess
import sys
import time
import zipfile

import pytest

from podium import kaggle_command
from podium.config.source import KaggleSource
from podium.data.sources import provide_archive
from podium.errors import PodiumError
from podium.kaggle_faults import Unreachable
from tests.kaggle.server import zipped

RULES = "You must accept this competition's rules before you'll be able to download files"


def kaggle(timeout=60, files=()):
    return KaggleSource(kind="kaggle", competition="cells", timeout=timeout, files=files)


def provide(tmp_path, **options):
    provide_archive(kaggle(**options), tmp_path / "data" / "archive.zip")
    return tmp_path / "data" / "archive.zip"


def fetched(tmp_path):
    return sorted({path.name for path in (tmp_path / "data").iterdir()} - {".archive.zip.lock"})


@pytest.fixture
def quick(monkeypatch):
    monkeypatch.setattr(kaggle_command, "WAITS", (0.1, 0.1))


def test_a_download_and_a_second_call(server, tmp_path, caplog):
    caplog.set_level("INFO")
    assert provide(tmp_path).read_bytes() == zipped(server.files)
    assert fetched(tmp_path) == ["archive.zip"]
    assert "the key in KAGGLE_KEY" in caplog.text
    assert "not-a-real-key" not in caplog.text
    calls = len(server.calls)
    provide(tmp_path)
    assert len(server.calls) == calls, "what is there is tested and used"


@pytest.mark.parametrize(
    ("fault", "problem", "mend"),
    [
        ((401, "Unauthenticated"), "did not accept the login, the key in KAGGLE_KEY", "KAGGLE_API_TOKEN"),
        ((401, None), "did not accept the login, the key in KAGGLE_KEY", "KAGGLE_API_TOKEN"),
        ((403, RULES), "refused access.*You must accept", "/competitions/cells/rules"),
        ((403, None), "refused access", "/competitions/cells/rules"),
        ((404, "Not found"), "no competition 'cells'", "check the name"),
        ((404, None), "no competition 'cells'", "check the name"),
        ((429, "Too many requests"), "asked too often", "some minutes"),
        ((500, None), "could not be reached", "later"),
        ((503, "not-a-real-key: Service Unavailable"), r"could not be reached: '\*\*\*: Serv", "later"),
        ((400, "What?"), "said", "kaggle"),
    ],
)
def test_refusals(server, tmp_path, quick, fault, problem, mend):
    server.faults["ListDataFiles"] = fault
    with pytest.raises(PodiumError, match=problem) as error:
        provide(tmp_path)
    assert mend in error.value.mend
    assert "not-a-real-key" not in str(error.value)
    assert "To mend it" in str(error.value)
    assert not (tmp_path / "data").exists()


def test_a_refusal_of_the_download_alone(server, tmp_path):
    server.faults["DownloadDataFiles"] = (403, RULES)
    with pytest.raises(PodiumError, match=r"refused access.*You must accept"):
        provide(tmp_path)
    assert fetched(tmp_path) == []


def test_what_passes_is_asked_again(server, tmp_path, quick):
    server.faults = {
        "ListDataFiles": [(500, "Internal Server Error")],
        "DownloadDataFiles": [(429, "Too many requests")],
    }
    assert provide(tmp_path).read_bytes() == zipped(server.files)
    assert server.calls == ["ListDataFiles"] * 2 + ["DownloadDataFiles"] * 2


@pytest.mark.parametrize("archive", [zipped({"a": b"x" * 900})[:-50], b"<html>sorry</html>", b"", zipped({"a": b"x"})])
def test_junk_that_the_command_takes_for_a_success(server, tmp_path, archive):
    server.archive = archive
    with pytest.raises(PodiumError, match="what was downloaded of 'cells' is ") as error:
        provide(tmp_path)
    assert "in the browser" in error.value.mend or "rename that file" in error.value.mend
    assert "archive.zip" not in fetched(tmp_path)
    server.archive = None
    provide(tmp_path)
    assert "archive.zip" in fetched(tmp_path)


def test_a_damaged_byte(server, tmp_path):
    content = bytearray(zipped(server.files))
    content[len(content) // 2] ^= 1
    server.archive = bytes(content)
    with pytest.raises(PodiumError, match=r"train/a\.png.*unusable.*CRC"):
        provide(tmp_path)
    assert fetched(tmp_path) == []


def test_files_that_differ_from_the_list_are_named_and_kept(server, tmp_path):
    server.page = 7
    server.files |= {f"train/{number}.png": b"1" for number in range(30)}
    held = {name: content for name, content in server.files.items() if name != "train/29.png"}
    server.archive = zipped(held | {"train/3.png": b"22", "more.txt": b""})
    with pytest.raises(PodiumError) as error:
        provide(tmp_path)
    said = "train/3.png has 2 bytes and should have 1; train/29.png is missing; more.txt is not listed"
    assert error.value.problem.endswith(said)
    assert "rename that file to archive.zip" in error.value.mend
    assert fetched(tmp_path) == ["archive.differs.zip"]
    assert server.calls.count("ListDataFiles") == 5


def test_an_answer_without_a_redirect(server, tmp_path):
    server.redirects = False
    with pytest.raises(PodiumError):
        provide(tmp_path)
    assert fetched(tmp_path) == []


@pytest.mark.slow
def test_a_connection_cut_in_the_middle_is_continued_by_the_command(server, tmp_path):
    server.files["big.bin"] = bytes(3 << 20)
    server.cut_after = 2 << 20
    assert provide(tmp_path).read_bytes() == zipped(server.files)
    assert server.ranges[0] == 0
    assert server.ranges[1] > 0, "not from its beginning"


@pytest.mark.slow
def test_a_server_that_stalls_and_a_call_that_continues(server, tmp_path):
    server.files["big.bin"] = bytes(3 << 20)
    server.stall_after = 2 << 20
    with pytest.raises(Unreachable, match=r"was not done in .* seconds \(kaggle competitions download\)"):
        provide(tmp_path, timeout=12)
    assert fetched(tmp_path) == [".archive.zip.download"]
    server.stall_after = None
    assert provide(tmp_path).read_bytes() == zipped(server.files)
    assert fetched(tmp_path) == ["archive.zip"]
    assert max(server.ranges) > 0, "the second call begins where the first was ended"


@pytest.mark.slow
def test_a_killed_download_is_continued(server, tmp_path):
    server.files["big.bin"] = bytes(3 << 20)
    server.stall_after = 2 << 20
    work = (
        f"from podium.data.download import download\ndownload('cells', {str(tmp_path / 'data' / 'archive.zip')!r}, 60)"
    )
    process = subprocess.Popen([sys.executable, "-c", work], start_new_session=True)
    part = tmp_path / "data" / ".archive.zip.download" / "cells.zip"
    until(lambda: part.exists() and part.stat().st_size >= 2 << 20)
    kill_all(process)
    server.stall_after = None
    assert provide(tmp_path).read_bytes() == zipped(server.files)
    assert max(server.ranges) > 0


def test_a_server_that_never_answers(server, tmp_path):
    server.hangs = {"ListDataFiles"}
    with pytest.raises(Unreachable, match=r"was not done in 3 seconds \(kaggle competitions files\)"):
        provide(tmp_path, timeout=3)


def test_single_files_become_one_archive(server, tmp_path):
    server.files = {
        "a/train.csv": b"1\n" * 50,
        "b/train.csv": b"2\n",
        "images.zip": zipped({"x.png": b"x"}),
        "no.bin": b"",
    }
    server.compressed = {"a/train.csv"}
    archive = provide(tmp_path, files=("a/train.csv", "b/train.csv", "images.zip"))
    with zipfile.ZipFile(archive) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == {
            name: content for name, content in server.files.items() if name != "no.bin"
        }
    assert fetched(tmp_path) == ["archive.zip"]


@pytest.mark.parametrize("broken", ["two.csv", "one.csv"])
def test_a_single_file_that_is_unusable_costs_no_finished_one(server, tmp_path, broken):
    server.files = {"one.csv": b"1\n" * 50, "two.csv": b"2\n" * 50}
    whole = dict(server.files)
    server.compressed = {broken}
    server.files[f"{broken}.zip"] = b"<html>sorry</html>"  # what the download gives
    with pytest.raises(PodiumError, match="is unusable"):
        provide(tmp_path, files=("one.csv", "two.csv"))
    kept = tmp_path / "data/.archive.zip.download"
    finished = ["one.csv"] if broken == "two.csv" else []
    assert [path.name for path in kept.rglob("*") if path.is_file()] == finished
    del server.files[f"{broken}.zip"]
    with zipfile.ZipFile(provide(tmp_path, files=("one.csv", "two.csv"))) as opened:
        assert {name: opened.read(name) for name in opened.namelist()} == whole
    assert server.calls.count("DownloadDataFile") == 3, "only the broken one is asked for again"
    assert fetched(tmp_path) == ["archive.zip"]


@pytest.mark.slow
def test_a_single_file_that_is_cut_is_continued_and_a_finished_one_stays(server, tmp_path):
    server.files = {"one.bin": b"1" * 10, "two.bin": bytes(3 << 20)}
    server.stall_after = 2 << 20
    with pytest.raises(Unreachable):
        provide(tmp_path, files=("one.bin", "two.bin"), timeout=12)
    server.stall_after = None
    provide(tmp_path, files=("one.bin", "two.bin"))
    assert server.ranges[:2] == [0, 0]
    assert server.ranges[-1] > 0, "not from its beginning"
    assert server.calls.count("DownloadDataFile") == 3, "the finished one is not asked for again"


def test_a_single_file_that_is_not_listed(server, tmp_path):
    with pytest.raises(PodiumError, match=r"lists no file 'train\.jsn'") as error:
        provide(tmp_path, files=("train.jsn",))
    assert "did you mean 'train.json'?" in error.value.mend
    assert server.calls == ["ListDataFiles"]


@pytest.mark.parametrize("name", ["", "/etc/passwd", "../x", "a/../b", "a//b", "a\\b", ".hidden", "a\nb"])
def test_file_names_that_lead_elsewhere(name):
    with pytest.raises(ValueError, match="files"):
        kaggle(files=(name,))


def until(condition, seconds=60):
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end
        time.sleep(0.05)


def kill_all(process):
    os.killpg(process.pid, signal.SIGKILL)
    process.wait()
