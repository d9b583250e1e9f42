"""A local stand-in for Kaggle that the real command line talks to: the calls of submitting, nothing else.

The command is pointed at it through `environment`, as an HTTP proxy for http://localhost, so that any port will do.
"""

import json
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path


class KaggleServer:
    """One competition's submissions, and the faults that a test asks for.

    Attributes
    ----------
    submissions
        What ListSubmissions gives, newest first.
    uploaded
        The bytes of every file that was received.
    calls
        The names of the API's methods, in the order in which they were called.
    faults
        By method (or "PUT" for the upload): the status and message that it answers instead.
    fault_after_create
        The submission is made, and then CreateSubmission answers with status 500.
    listings_until_score
        How many listings still show a submission as pending.
    """

    def __init__(self):
        self.submissions: list[dict] = []
        self.uploaded: list[bytes] = []
        self.calls: list[str] = []
        self.faults: dict[str, tuple[int, str]] = {}
        self.fault_after_create = False
        self.listings_until_score = 1
        self.final = {"status": "COMPLETE", "publicScore": "0.75", "privateScore": "0.5"}
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), type("Handler", (_Handler,), {"kaggle": self}))

    def __enter__(self):
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_):
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

    def answer(self, method: str, body: dict) -> tuple[int, dict]:
        self.calls.append(method)
        if method in self.faults:
            status, message = self.faults[method]
            return status, {"code": status, "message": message}
        if method == "StartSubmissionUpload":
            return 200, {"token": f"blob-{len(self.uploaded)}", "createUrl": "http://localhost/storage/upload"}
        if method == "CreateSubmission":
            ref = 1000 + len(self.submissions)
            self.submissions.insert(
                0,
                {
                    "ref": ref,
                    "date": "2026-01-02T03:04:05Z",
                    "description": body["submissionDescription"],
                    "fileName": "submission.csv",
                    "status": "PENDING",
                },
            )
            if self.fault_after_create:
                return 500, {"code": 500, "message": "Internal Server Error"}
            return 200, {"message": "Successfully submitted", "ref": ref}
        if method == "GetSubmissionLimits":
            return 200, {"numToday": 1, "numTotal": 1, "numAllowedNow": 4}
        if method == "ListSubmissions":
            if self.submissions and self.submissions[0]["status"] == "PENDING":
                if self.listings_until_score == 0:
                    self.submissions[0].update(self.final)
                self.listings_until_score -= 1
            return 200, {"submissions": self.submissions}
        return 404, {"code": 404, "message": f"Not Found: {method}"}


class _Handler(BaseHTTPRequestHandler):
    kaggle: KaggleServer

    def do_POST(self):
        body = json.loads(self._body() or b"{}")
        self._send(*self.kaggle.answer(self.path.rpartition("/")[2], body))

    def do_PUT(self):
        content = self._body()
        if "PUT" in self.kaggle.faults:
            status, message = self.kaggle.faults["PUT"]
            self._send(status, {"code": status, "message": message})
        else:
            self.kaggle.uploaded.append(content)
            self._send(200, {})

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _send(self, status: int, value: dict) -> None:
        content = json.dumps(value).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass
