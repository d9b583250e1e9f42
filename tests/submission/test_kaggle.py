"""The real `kaggle` command line against a local server."""

import hashlib
import json
import traceback

import pytest

from podium.errors import PodiumError
from podium.submission.kaggle import Unreachable, list_uploads, poll, run_kaggle, submit

from .kaggle_server import KaggleServer

CONTENT = b"ImageId,EncodedPixels\na,1 1\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()


@pytest.fixture
def server(tmp_path, monkeypatch):
    for name in ("KAGGLE_API_TOKEN", "KAGGLE_CONFIG_DIR", "KAGGLE_PROXY", "HTTPS_PROXY", "https_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    (tmp_path / "home").mkdir()
    (tmp_path / "s.csv").write_bytes(CONTENT)
    with KaggleServer() as server:
        for name, value in server.environment(tmp_path / "home").items():
            monkeypatch.setenv(name, value)
        yield server


def send(tmp_path, **options) -> dict:
    message = 'a first, "good" one'
    return submit(tmp_path / "s.csv", "cells", message, tmp_path / "receipt.json", timeout=60, **options)


def test_upload_once_and_wait_for_the_score(server, tmp_path):
    receipt = send(tmp_path)
    assert server.uploaded == [CONTENT]
    assert server.submissions[0]["description"] == f'a first, "good" one sha256:{DIGEST}'
    assert (receipt["ref"], receipt["sha256"], receipt["competition"]) == ("1000", DIGEST, "cells")
    assert json.loads((tmp_path / "receipt.json").read_text()) == receipt

    calls = len(server.calls)
    assert send(tmp_path) == receipt
    assert len(server.calls) == calls

    upload = poll("cells", "1000", first_wait=0.01)
    assert (upload.status, upload.public_score, upload.private_score) == ("COMPLETE", 0.75, 0.5)
    assert server.calls.count("CreateSubmission") == 1


def test_an_earlier_upload_is_found_by_its_content(server, tmp_path):
    """As after a crash between the upload and its receipt."""
    send(tmp_path)
    (tmp_path / "receipt.json").unlink()
    assert send(tmp_path)["ref"] == "1000"
    assert server.uploaded == [CONTENT]
    (tmp_path / "s.csv").write_bytes(CONTENT + b"b,1 1\n")
    assert send(tmp_path)["ref"] == "1001"
    assert len(server.uploaded) == 2


def test_an_upload_whose_answer_was_an_error_is_found(server, tmp_path):
    server.fault_after_create = True
    assert send(tmp_path)["ref"] == "1000"
    assert server.calls.count("CreateSubmission") == 1


def test_an_upload_that_is_not_listed_yet_is_not_made_again(server, tmp_path):
    receipt = {"competition": "cells", "sha256": DIGEST, "message": "m", "time": "2026-01-02T03:04:05", "ref": None}
    (tmp_path / "receipt.json").write_text(json.dumps(receipt))
    with pytest.raises(PodiumError, match="does not list it yet"):
        send(tmp_path)
    assert server.calls == ["ListSubmissions"]


@pytest.mark.parametrize(
    ("method", "status", "said", "problem", "mend"),
    [
        ("StartSubmissionUpload", 403, "You must accept this competition's rules", "refused access", "/cells/rules"),
        ("CreateSubmission", 400, "Your team has used its daily Submission allowance", "limit", "midnight UTC"),
        ("PUT", 400, "no", "could not be uploaded", "nothing was submitted"),
        ("ListSubmissions", 401, "Unauthorized", "credentials", "kaggle auth login"),
        ("ListSubmissions", 404, "Not Found", "no competition 'cells'", "name"),
    ],
    ids=["rules", "limit", "upload", "login", "unknown"],
)
def test_refusals(server, tmp_path, method, status, said, problem, mend):
    server.faults[method] = (status, said)
    with pytest.raises(PodiumError, match=problem) as error:
        send(tmp_path)
    assert mend in error.value.mend
    assert server.submissions == []
    assert not (tmp_path / "receipt.json").exists()
    everything = "".join(traceback.format_exception(error.value))
    assert "not-a-real-key" not in everything


def test_no_credentials(server, monkeypatch):
    monkeypatch.delenv("KAGGLE_USERNAME")
    monkeypatch.delenv("KAGGLE_KEY")
    with pytest.raises(PodiumError, match="no credentials"):
        list_uploads("cells")


def test_verbose_does_not_reach_the_command(server, monkeypatch):
    monkeypatch.setenv("VERBOSE", "1")
    output = run_kaggle(["competitions", "submissions", "-v", "cells"], timeout=60)
    assert "authorization" not in output.lower()


def test_no_answer_in_time(server):
    with pytest.raises(Unreachable, match="was not done in 0"):
        list_uploads("cells", timeout=0.01)


def test_waiting_survives_an_error_and_ends(server, tmp_path):
    send(tmp_path)
    server.faults["ListSubmissions"] = (503, "Service Unavailable")
    with pytest.raises(PodiumError, match=r"no score after 2 seconds: Kaggle could not be reached"):
        poll("cells", "1000", patience=2, first_wait=0.1)
    assert server.calls.count("ListSubmissions") >= 3
    del server.faults["ListSubmissions"]
    server.final = {"status": "ERROR", "errorDescription": "Invalid submission"}
    with pytest.raises(PodiumError, match="could not score"):
        poll("cells", "1000", first_wait=0.01)
