"""A local stand-in for Kaggle that the real command line talks to: a competition's files and its submissions.

The command is pointed at it through `environment`, as an HTTP proxy for http://localhost, so that any port will do.
"""

import io
import json
import threading
import zipfile
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


def zipped(members: dict[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, content in members.items():
            archive.writestr(zipfile.ZipInfo(name), content)
    return buffer.getvalue()


class KaggleServer:
    """One competition, and the faults that a test asks for.

    Attributes
    ----------
    files
        Contents by name: what ListDataFiles lists, in pages of `page` files, and single downloads give.
    archive
        The bytes of the whole archive; None: of a zip of `files`.
    compressed
        Names of files that single downloads give as `<name>.zip`.
    cut_after, stall_after
        Bytes of a download after which the connection is cut, or nothing comes any more; the first, once.
    ranges
        The first byte that each download asked for.
    submissions
        What ListSubmissions gives, newest first.
    hidden
        How many listings more do not show a new submission yet.
    uploaded
        The bytes of every file that was received.
    calls
        The names of the API's methods, in the order in which they were called.
    faults
        By method (or "PUT" for the upload, "GET" for a download): a status and message that it answers instead, always,
        or a list of them, each once. Without a message, the answer is no JSON.
    hangs
        Methods that never answer.
    hooks
        By method, or method and " done": what is called before it does anything, and before it answers.
    says_ref
        Whether CreateSubmission tells the reference.
    listings_until_score
        How many listings still show a submission as pending.
    limits
        What GetSubmissionLimits gives.
    logins
        The Authorization headers that came.
    """

    def __init__(self):
        self.files: dict[str, bytes] = {"train.json": b"[]", "train/a.png": bytes(range(256)) * 40}
        self.page = 20
        self.archive: bytes | None = None
        self.redirects = True
        self.compressed: set[str] = set()
        self.cut_after: int | None = None
        self.stall_after: int | None = None
        self.ranges: list[int] = []
        self.submissions: list[dict] = []
        self.hidden = 0
        self.uploaded: list[bytes] = []
        self.calls: list[str] = []
        self.faults: dict[str, tuple[int, str | None] | list[tuple[int, str | None]]] = {}
        self.hangs: set[str] = set()
        self.hooks: dict[str, Callable[[], None]] = {}
        self.says_ref = True
        self.listings_until_score = 1
        self.final = {"status": "COMPLETE", "publicScore": "0.75", "privateScore": "0.5"}
        self.limits = {"numToday": 1, "numTotal": 1, "numAllowedNow": 4}
        self.logins: set[str] = set()
        self.closing = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"kaggle": self}))

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
        self.closing.set()
        self._server.shutdown()
        self._server.server_close()

    def environment(self, home: Path) -> dict[str, str]:
        """Return the variables that make the command talk to this server, with a false login and an own home."""
        proxy = f"http://127.0.0.1:{self._server.server_port}"
        return {
            "HOME": str(home),
            "KAGGLE_USERNAME": "somebody",
            "KAGGLE_KEY": "not-a-real-key",
            "KAGGLE_API_ENVIRONMENT": "LOCALHOST",
            "HTTP_PROXY": proxy,
            "http_proxy": proxy,
            "NO_PROXY": "",
            "no_proxy": "",
        }

    def content(self, name: str) -> bytes:
        """Return what a download from the storage gives."""
        if name == "archive.zip":
            return zipped(self.files) if self.archive is None else self.archive
        if name in self.files:
            return self.files[name]
        inner = name.removesuffix(".zip")
        return zipped({inner.rpartition("/")[2]: self.files[inner]})

    def fault(self, method: str) -> tuple[int, str | None] | None:
        fault = self.faults.get(method)
        if isinstance(fault, list):
            return fault.pop(0) if fault else None
        return fault

    def happens(self, point: str) -> None:
        if hook := self.hooks.get(point):
            hook()
        if point in self.hangs:
            self.closing.wait(60)

    def answer(self, method: str, body: dict) -> tuple[int, dict | str]:
        """Return a status and a JSON answer, or the address of a redirect."""
        if method == "IntrospectToken":
            return 200, {"active": True, "username": "somebody"}
        if method == "ListDataFiles":
            names, start = list(self.files), int(body.get("pageToken") or 0)
            end = start + min(self.page, body.get("pageSize", 20))
            listed = [{"name": name, "totalBytes": len(self.files[name])} for name in names[start:end]]
            dated = [each | {"creationDate": "2026-01-02T03:04:05Z"} for each in listed]
            return 200, {"files": dated, **({"nextPageToken": str(end)} if end < len(names) else {})}
        if method in ("DownloadDataFiles", "DownloadDataFile") and not self.redirects:
            return 200, {}
        if method == "DownloadDataFiles":
            return 302, "http://localhost/storage/archive.zip"
        if method == "DownloadDataFile":
            name = body["fileName"]
            return 302, f"http://localhost/storage/{name}{'.zip' if name in self.compressed else ''}"
        if method == "StartSubmissionUpload":
            return 200, {"token": f"blob-{len(self.uploaded)}", "createUrl": "http://localhost/storage/upload"}
        if method == "CreateSubmission":
            ref = 1000 + len(self.submissions)
            submission = {
                "ref": ref,
                "date": "2026-01-02T03:04:05Z",
                "description": body["submissionDescription"],
                "fileName": "submission.csv",
                "status": "PENDING",
            }
            self.submissions.insert(0, submission)
            return 200, {"message": "Successfully submitted", **({"ref": ref} if self.says_ref else {})}
        if method == "GetSubmissionLimits":
            return 200, self.limits
        if method == "GetSubmission":
            return 200, next(each for each in self.submissions if each["ref"] == int(body["ref"]))
        if method == "ListSubmissions":
            if self.hidden:
                self.hidden -= 1
                return 200, {"submissions": self.submissions[1:]}
            if self.submissions and self.submissions[0]["status"] == "PENDING":
                if self.listings_until_score <= 0:
                    self.submissions[0].update(self.final)
                self.listings_until_score -= 1
            return 200, {"submissions": self.submissions[: body.get("pageSize", 20)]}
        return 404, {"code": 404, "message": f"Not Found: {method}"}


class _Handler(BaseHTTPRequestHandler):
    kaggle: KaggleServer

    def do_POST(self):
        body = json.loads(self._body() or b"{}")
        method = self.path.rpartition("/")[2]
        self.kaggle.calls.append(method)
        self.kaggle.logins.add(self.headers.get("Authorization", ""))
        self.kaggle.happens(method)
        if fault := self.kaggle.fault(method):
            return self._refuse(*fault)
        status, answer = self.kaggle.answer(method, body)
        self.kaggle.happens(f"{method} done")
        if fault := self.kaggle.fault(f"{method} done"):
            return self._refuse(*fault)
        if isinstance(answer, str):
            self._send(status, b"", "text/html", Location=answer)
        else:
            self._send(status, json.dumps(answer).encode(), "application/json")

    def do_PUT(self):
        content = self._body()
        self.kaggle.happens("PUT")
        if fault := self.kaggle.fault("PUT"):
            return self._refuse(*fault)
        self.kaggle.uploaded.append(content)
        self._send(200, b"{}", "application/json")

    def do_GET(self):
        if fault := self.kaggle.fault("GET"):
            return self._refuse(*fault)
        content, asked = self.kaggle.content(self.path.partition("/storage/")[2]), self.headers.get("Range")
        start = int(asked.removeprefix("bytes=").removesuffix("-")) if asked else 0
        self.kaggle.ranges.append(start)
        self.send_response(206 if asked else 200)
        self.send_header("Content-Length", str(len(content) - start))
        self.send_header("Accept-Ranges", "bytes")
        self.send_header("ETag", '"one"')
        self.send_header("Last-Modified", "Sat, 03 Jan 2026 10:00:00 GMT")
        self.end_headers()
        cut, self.kaggle.cut_after = self.kaggle.cut_after, None
        end = cut or self.kaggle.stall_after
        self.wfile.write(content[start:end])
        self.wfile.flush()
        if self.kaggle.stall_after:
            self.kaggle.closing.wait(30)
        if cut:
            self.close_connection = True

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _refuse(self, status: int, message: str | None) -> None:
        if message is None:
            return self._send(status, b"<html>sorry</html>", "text/html")
        self._send(status, json.dumps({"code": status, "message": message}).encode(), "application/json")

    def _send(self, status: int, content: bytes, kind: str, **headers: str) -> None:
        self.send_response(status)
        for name, value in {"Content-Type": kind, "Content-Length": str(len(content)), **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def handle(self):
        with suppress(OSError):  # the command was killed, as the test wants it
            super().handle()

    def log_message(self, *_):
        pass
