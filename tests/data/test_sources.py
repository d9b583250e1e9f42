"""Archives by hand, from a local path, and from the real `kaggle` command against a local server."""

import io
import json
import threading
import time
import zipfile
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from podium.config.source import KaggleSource, LocalSource
from podium.data.archives import extract
from podium.data.sources import provide_archive
from podium.errors import PodiumError
from podium.kaggle_command import Unreachable


def zipped(members):
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return buffer.getvalue()


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


class Server:
    """Kaggle's download of a competition, with the faults that a test asks for."""

    def __init__(self):
        self.content, self.fault, self.redirects = CONTENT, None, True
        self.stall_after, self.ranges = None, []
        self._http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"kaggle": self}))
        self.proxy = f"http://127.0.0.1:{self._http.server_port}"
        threading.Thread(target=self._http.serve_forever, daemon=True).start()

    def close(self):
        self._http.shutdown()
        self._http.server_close()


class _Handler(BaseHTTPRequestHandler):
    kaggle: Server

    def log_message(self, *_):
        pass

    def do_POST(self):
        self.rfile.read(int(self.headers["Content-Length"] or 0))
        if self.kaggle.fault:
            status, message = self.kaggle.fault
            self._send(status, json.dumps({"code": status, "message": message}).encode(), "application/json")
        elif self.kaggle.redirects:
            self.send_response(302)
            self.send_header("Location", "http://localhost/storage/archive.zip")
            self.send_header("Content-Length", "0")
            self.end_headers()
        else:
            self._send(200, b"<html>sorry</html>", "text/html")

    def do_GET(self):
        content, asked = self.kaggle.content, self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.kaggle.ranges.append(start)
        self.send_response(206 if asked else 200)
        for name, value in {
            "Content-Length": len(content) - start,
            "Accept-Ranges": "bytes",
            "ETag": '"one"',
            "Last-Modified": "Sat, 03 Jan 2026 10:00:00 GMT",
        }.items():
            self.send_header(name, str(value))
        self.end_headers()
        if self.kaggle.stall_after is not None:
            self.wfile.write(content[start : self.kaggle.stall_after])
            self.wfile.flush()
            time.sleep(30)
        else:
            self.wfile.write(content[start:])

    def _send(self, status, body, kind):
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR", "KAGGLE_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    server = Server()
    for name, value in {
        "HOME": str(tmp_path / "home"),
        "KAGGLE_USERNAME": "somebody",
        "KAGGLE_KEY": "not-a-real-key",
        "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
        "HTTP_PROXY": server.proxy,
        "http_proxy": server.proxy,
        "NO_PROXY": "",
        "no_proxy": "",
    }.items():
        monkeypatch.setenv(name, value)
    yield server
    server.close()


def fetched(tmp_path):
    return sorted(path.name for path in (tmp_path / "data").iterdir())


def test_a_download(server, tmp_path):
    provide_archive(kaggle(), tmp_path / "data" / "archive.zip")
    assert (tmp_path / "data" / "archive.zip").read_bytes() == CONTENT
    assert fetched(tmp_path) == ["archive.zip"]


@pytest.mark.parametrize(
    ("fault", "problem", "mend"),
    [
        ((401, "Unauthenticated"), "no credentials", "KAGGLE_API_TOKEN"),
        ((403, "You must accept this competition's rules"), "refused access", "/competitions/cells/rules"),
        ((404, "Not found"), "no competition 'cells'", "check the name"),
    ],
)
def test_refusals(server, tmp_path, fault, problem, mend):
    server.fault = fault
    with pytest.raises(PodiumError, match=problem) as error:
        provide_archive(kaggle(), tmp_path / "data" / "archive.zip")
    assert mend in error.value.mend
    assert "not-a-real-key" not in str(error.value)
    assert fetched(tmp_path) == []


def test_no_credentials(server, tmp_path, monkeypatch):
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    with pytest.raises(PodiumError, match="no credentials"):
        provide_archive(kaggle(), tmp_path / "data" / "archive.zip")


@pytest.mark.parametrize("content", [CONTENT[:-50], b"<html>sorry</html>"])
def test_junk_that_the_command_takes_for_a_success(server, tmp_path, content):
    server.content = content
    with pytest.raises(PodiumError, match="what was downloaded of 'cells' is unusable") as error:
        provide_archive(kaggle(), tmp_path / "data" / "archive.zip")
    assert "in the browser" in error.value.mend
    assert fetched(tmp_path) == []


def test_an_answer_without_a_redirect(server, tmp_path):
    server.redirects = False
    with pytest.raises(PodiumError):
        provide_archive(kaggle(), tmp_path / "data" / "archive.zip")
    assert fetched(tmp_path) == []


@pytest.mark.slow
def test_a_download_that_hangs_ends_and_is_continued(server, tmp_path):
    server.content = zipped({"big.bin": bytes(3 << 20)})
    server.stall_after = 2 << 20
    with pytest.raises(Unreachable, match="not done in 12 seconds"):
        provide_archive(kaggle(timeout=12), tmp_path / "data" / "archive.zip")
    assert not (tmp_path / "data" / "archive.zip").exists()
    server.stall_after = None
    provide_archive(kaggle(), tmp_path / "data" / "archive.zip")
    assert (tmp_path / "data" / "archive.zip").read_bytes() == server.content
    assert fetched(tmp_path) == ["archive.zip"]
    assert max(server.ranges) > 0, "the second call begins where the first was killed"
