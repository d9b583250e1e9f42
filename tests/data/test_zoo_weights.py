"""Downloads of the zoo's weights from a local server with the faults of real networks."""

import hashlib
import json
import logging
import re
import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from podium.config.zoo import ZooModel, zoo
from podium.data import zoo_weights
from podium.data.zoo_weights import provide_zoo_weights
from podium.errors import PodiumError

CONTENT = bytes(range(256)) * 12_000  # three megabytes
NAME = "COCO-Detection/tiny_FPN"
FILE = f"model_final_{hashlib.md5(CONTENT).hexdigest()[:6]}.pkl"


@pytest.fixture(autouse=True)
def tiny_zoo(monkeypatch):
    """A zoo whose only model is small: what is tested is the download, not three hundred megabytes."""
    model = ZooModel(file=f"123/{FILE}", architecture="faster_rcnn", backbone="resnet50", box_ap=1.0)
    monkeypatch.setattr(zoo_weights, "zoo", lambda: {NAME: model})


class Server:
    """Serves CONTENT at the zoo's address; `faults` are taken one for each request, then all goes well."""

    def __init__(self):
        self.content, self.faults, self.asked, self.ranges = CONTENT, [], [], True
        self.http = ThreadingHTTPServer(("127.0.0.1", 0), type("Bound", (_Handler,), {"zoo": self}))
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.http.server_port}/mirror"

    def close(self):
        self.http.shutdown()
        self.http.server_close()


class _Handler(BaseHTTPRequestHandler):
    zoo: Server

    def log_message(self, *_):
        pass

    def do_GET(self):
        zoo, asked = self.zoo, self.headers.get("Range")
        zoo.asked.append((self.path, asked))
        fault = zoo.faults.pop(0) if zoo.faults else None
        if isinstance(fault, int) and fault < 1000:
            self.send_error(fault)
            return
        start = int(re.fullmatch(r"bytes=(\d+)-", asked)[1]) if asked and zoo.ranges else 0
        if start >= len(zoo.content):
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(zoo.content)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if asked and zoo.ranges else 200)
        if asked and zoo.ranges:
            first = 0 if fault == "wrong place" else start
            self.send_header("Content-Range", f"bytes {first + (fault == 'wrong place')}-9/{len(zoo.content)}")
        self.send_header("Content-Length", str(len(zoo.content) - start))
        self.end_headers()
        end = start + fault if isinstance(fault, int) else len(zoo.content)
        self.wfile.write(zoo.content[start:end])
        if isinstance(fault, int):  # the connection is cut
            self.wfile.flush()
            self.connection.shutdown(socket.SHUT_RDWR)


@pytest.fixture
def server(monkeypatch):
    server = Server()
    monkeypatch.setenv("PODIUM_ZOO_URL", server.url)
    yield server
    server.close()


@pytest.fixture
def place(tmp_path):
    return tmp_path / "data" / "zoo" / NAME / FILE


def provide(place):
    provide_zoo_weights(NAME, place, place.with_suffix(".json"), pause=0.0)


def names(place):
    return sorted(path.name for path in place.parent.iterdir())


def test_a_download(server, place, caplog):
    with caplog.at_level(logging.INFO):
        provide(place)
    assert place.read_bytes() == CONTENT
    assert server.asked == [(f"/mirror/{NAME}/123/{FILE}", None)]
    assert names(place) == sorted([FILE, place.with_suffix(".json").name])
    assert json.loads(place.with_suffix(".json").read_text()) == {
        "name": NAME,
        "url": f"{server.url}/{NAME}/123/{FILE}",
        "bytes": len(CONTENT),
        "md5": hashlib.md5(CONTENT).hexdigest(),
        "sha256": hashlib.sha256(CONTENT).hexdigest(),
        "licence": "CC BY-SA 3.0",
        "licence_url": "https://creativecommons.org/licenses/by-sa/3.0/",
        "attribution": "Detectron2 Model Zoo, Facebook AI Research, https://github.com/facebookresearch/detectron2",
    }
    assert "CC BY-SA 3.0" in caplog.text


def test_a_broken_connection_is_continued(server, place):
    server.faults = [1_000_000, 500_000, 503]
    provide(place)
    assert place.read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=1000000-", "bytes=1500000-", "bytes=1500000-"]


def test_a_run_continues_where_the_one_before_gave_up(server, place):
    server.faults = [2_000_000, *[503] * 20]
    with pytest.raises(PodiumError, match=r"503.*2000000 bytes that arrived are kept") as caught:
        provide(place)
    assert str(place) in caught.value.mend
    assert not place.exists()
    assert names(place) == [f".{FILE}.part"]
    server.faults, server.asked = [], []
    provide(place)
    assert place.read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == ["bytes=2000000-"]


def test_a_server_that_cannot_continue_begins_again(server, place):
    server.ranges, server.faults = False, [1_000_000]
    provide(place)
    assert place.read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [None, "bytes=1000000-"]


def test_a_server_that_always_breaks_at_the_same_place_is_given_up(server, place):
    server.ranges, server.faults = False, [1_000_000] * 50
    with pytest.raises(PodiumError, match=f"1000000 of {len(CONTENT)} bytes arrived"):
        provide(place)
    assert len(server.asked) < 10


def test_a_server_that_continues_elsewhere(server, place):
    server.faults = [1_000_000, "wrong place"]
    provide(place)
    assert place.read_bytes() == CONTENT


def test_a_whole_file_that_was_not_renamed_yet(server, place):
    place.parent.mkdir(parents=True)
    place.with_name(f".{FILE}.part").write_bytes(CONTENT)
    provide(place)
    assert place.read_bytes() == CONTENT
    assert [asked for _, asked in server.asked] == [f"bytes={len(CONTENT)}-"]


def test_a_partial_file_that_is_too_large(server, place):
    place.parent.mkdir(parents=True)
    place.with_name(f".{FILE}.part").write_bytes(CONTENT + b"more")
    provide(place)
    assert place.read_bytes() == CONTENT


def test_another_file_is_refused_and_not_kept(server, place):
    server.content = b"<html>please log in</html>"
    with pytest.raises(PodiumError, match=r"26 bytes whose MD5 is .* should begin with") as caught:
        provide(place)
    assert str(place) in caught.value.mend
    assert names(place) == []


def test_a_spoilt_beginning_is_noticed_and_not_continued_for_ever(server, place):
    place.parent.mkdir(parents=True)
    place.with_name(f".{FILE}.part").write_bytes(b"x" * 1000)
    with pytest.raises(PodiumError, match="should begin with"):
        provide(place)
    provide(place)
    assert place.read_bytes() == CONTENT


@pytest.mark.parametrize("status", [403, 404])
def test_what_will_not_succeed_later_is_not_tried_again(status, server, place):
    server.faults = [status] * 3
    with pytest.raises(PodiumError, match=f"answered {status}") as caught:
        provide(place)
    assert len(server.asked) == 1
    assert str(place) in caught.value.mend


def test_without_a_network(place, monkeypatch):
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    monkeypatch.setenv("PODIUM_ZOO_URL", f"http://127.0.0.1:{port}")
    with pytest.raises(PodiumError, match="refused") as caught:
        provide(place)
    assert f"/{NAME}/123/{FILE} elsewhere and put it at {place}" in caught.value.mend


def test_a_file_put_there_by_hand_needs_no_network(place, monkeypatch):
    monkeypatch.setenv("PODIUM_ZOO_URL", "http://127.0.0.1:9")
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT)
    before = place.stat()
    provide(place)
    assert place.stat() == before
    assert json.loads(place.with_suffix(".json").read_text())["sha256"] == hashlib.sha256(CONTENT).hexdigest()


def test_another_file_put_there_by_hand_is_refused_and_stays(place):
    place.parent.mkdir(parents=True)
    place.write_bytes(CONTENT[:-1])
    with pytest.raises(PodiumError, match="not the zoo's file") as caught:
        provide(place)
    assert caught.value.file == place
    assert place.read_bytes() == CONTENT[:-1]
    assert not place.with_suffix(".json").exists()


def test_names_that_are_not_in_the_zoo(place):
    with pytest.raises(PodiumError, match="did you mean 'COCO-Detection/tiny_FPN'"):
        provide_zoo_weights("COCO-Detection/tiny_FPM", place, place.with_suffix(".json"))
    other = place.with_name("model_final_000000.pkl")
    with pytest.raises(PodiumError, match="another name"):
        provide_zoo_weights(NAME, other, other.with_suffix(".json"))


def test_every_model_of_the_zoo_names_its_hash():
    for name, model in zoo().items():
        assert re.fullmatch(r"\d+/model_final_[0-9a-f]{6}\.pkl", model.file), name
        assert re.fullmatch(r"COCO-[A-Za-z]+/[A-Za-z0-9_]+", name)
