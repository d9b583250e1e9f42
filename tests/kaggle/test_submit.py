"""Uploads and scores by the real `kaggle` command: once, whatever happens."""

import hashlib
import json
import threading

import pytest

from podium import kaggle_command
from podium.errors import PodiumError
from podium.kaggle_command import run_kaggle
from podium.kaggle_faults import Unreachable
from podium.locks import alone
from podium.submission import kaggle, uploads
from podium.submission.kaggle import submit
from podium.submission.uploads import list_uploads, poll

CONTENT = b"ImageId,EncodedPixels\na,1 1\n"
DIGEST = hashlib.sha256(CONTENT).hexdigest()
ALLOWANCE = (
    "Submission not allowed: Your team has used its daily Submission allowance (5) today, "
    "please try again tomorrow UTC (4.2 hours from now)."
)


@pytest.fixture(autouse=True)
def quick(tmp_path, monkeypatch):
    (tmp_path / "s.csv").write_bytes(CONTENT)
    monkeypatch.setattr(kaggle, "SETTLING", (0, 0.1))
    monkeypatch.setattr(kaggle_command, "WAITS", (0.1,))


def send(tmp_path, **options) -> dict:
    return submit(tmp_path / "s.csv", "cells", 'a first, "good" one', tmp_path / "receipts", **options)


def receipt_file(tmp_path):
    return tmp_path / "receipts" / f"cells.{DIGEST}.json"


def test_upload_once_and_wait_for_the_score(server, tmp_path, caplog):
    caplog.set_level("INFO")
    receipt = send(tmp_path)
    assert server.uploaded == [CONTENT]
    assert server.submissions[0]["description"] == f'a first, "good" one sha256:{DIGEST}'
    assert (receipt["ref"], receipt["sha256"], receipt["competition"]) == ("1000", DIGEST, "cells")
    assert json.loads(receipt_file(tmp_path).read_text()) == receipt
    assert "Kaggle login: the key in KAGGLE_KEY" in caplog.text
    assert "4 submissions are left today" in caplog.text

    calls = len(server.calls)
    assert send(tmp_path) == receipt
    assert len(server.calls) == calls

    upload = poll("cells", "1000", first_wait=0.01)
    assert (upload.status, upload.public_score, upload.private_score) == ("COMPLETE", 0.75, 0.5)
    assert server.calls.count("CreateSubmission") == 1


def test_an_earlier_upload_is_found_by_its_content(server, tmp_path):
    """As from another machine, where there is no receipt."""
    send(tmp_path)
    receipt_file(tmp_path).unlink()
    assert send(tmp_path)["ref"] == "1000"
    assert server.uploaded == [CONTENT]
    (tmp_path / "s.csv").write_bytes(CONTENT + b"b,1 1\n")
    assert send(tmp_path)["ref"] == "1001"
    assert len(server.uploaded) == 2
    assert len(list((tmp_path / "receipts").glob("*.json"))) == 2, "a receipt for each content"


def test_an_earlier_upload_under_a_hundred_others_is_found(server, tmp_path):
    send(tmp_path)
    receipt_file(tmp_path).unlink()
    others = [{**server.submissions[0], "ref": ref, "description": f"other\n{ref}"} for ref in range(2000, 2150)]
    server.submissions = others + server.submissions
    assert send(tmp_path)["ref"] == "1000"
    assert len(server.uploaded) == 1


def test_an_upload_whose_answer_was_an_error_is_found(server, tmp_path):
    server.faults["CreateSubmission done"] = (500, "Internal Server Error")
    assert send(tmp_path)["ref"] == "1000"
    assert server.calls.count("CreateSubmission") == 1


def test_an_unreadable_answer_to_an_upload_that_was_made(server, tmp_path):
    server.faults["CreateSubmission done"] = (200, None)
    server.hooks["CreateSubmission"] = lambda: setattr(server, "hidden", 1)
    assert send(tmp_path)["ref"] == "1000"
    assert server.calls.count("CreateSubmission") == 1


def test_no_reference_and_a_list_that_lags(server, tmp_path):
    server.says_ref = False
    server.hooks["CreateSubmission"] = lambda: setattr(server, "hidden", 1)
    assert send(tmp_path)["ref"] == "1000"
    assert server.calls.count("CreateSubmission") == 1


@pytest.mark.slow
def test_no_reference_and_never_listed(server, tmp_path):
    server.says_ref = False
    server.hooks["CreateSubmission"] = lambda: setattr(server, "hidden", 100)
    for _ in range(2):
        with pytest.raises(PodiumError, match="does not list it yet") as error:
            send(tmp_path)
        assert "run again in some minutes" in error.value.mend
    assert server.calls.count("CreateSubmission") == 1
    server.hidden = 0
    assert send(tmp_path)["ref"] == "1000"
    assert server.calls.count("CreateSubmission") == 1


@pytest.mark.slow
@pytest.mark.parametrize(
    ("method", "fault", "problem", "mend"),
    [
        ("StartSubmissionUpload", (403, "You must accept this competition's rules"), "refused access", "/cells/rules"),
        ("StartSubmissionUpload", (404, None), "no competition 'cells'", "deadline"),
        ("CreateSubmission", (400, ALLOWANCE), "limit of submissions is reached.*4.2 hours", "midnight UTC"),
        (
            "CreateSubmission",
            (400, "Submission not allowed: This competition only accepts Submissions from Notebooks."),
            "'cells' is a code competition, which takes notebooks",
            "submission.code_competition",
        ),
        ("CreateSubmission", (400, None), "refused the request", "midnight UTC"),
        ("PUT", (400, "no"), "could not be uploaded", "nothing was submitted"),  # 2.2.4 ends with 0
        ("ListSubmissions", (401, "Unauthorized"), "did not accept the login", "kaggle auth login"),
        ("ListSubmissions", (404, "Not Found"), "no competition 'cells'", "name"),
        ("ListSubmissions", (429, "Too many requests"), "asked too often", "minutes"),
    ],
    ids=["rules", "gone", "limit", "notebooks", "bare", "upload", "login", "unknown", "often"],
)
def test_refusals_leave_nothing_behind(server, tmp_path, method, fault, problem, mend):
    server.faults[method] = fault
    with pytest.raises(PodiumError, match=problem) as error:
        send(tmp_path)
    assert mend in error.value.mend
    assert server.submissions == []
    assert not receipt_file(tmp_path).exists(), "the next call begins anew"


@pytest.mark.parametrize(
    ("limits", "problem"),
    [
        ({"numToday": 5, "numTotal": 9, "numAllowedNow": 0}, "no submission is left today: 5 were made"),
        ({"numTotal": 9, "limitedByTotal": True}, "its limit in all is reached"),
    ],
)
def test_the_limit_is_asked_before_the_upload(server, tmp_path, limits, problem):
    server.limits = limits
    with pytest.raises(PodiumError, match=problem):
        send(tmp_path)
    assert server.uploaded == []
    assert "StartSubmissionUpload" not in server.calls


@pytest.mark.parametrize("fault", [(404, None), (500, "Internal Server Error")])
def test_a_limit_that_cannot_be_asked_stops_nothing(server, tmp_path, fault):
    server.faults["GetSubmissionLimits"] = fault
    assert send(tmp_path)["ref"] == "1000"


def test_a_team_that_never_submitted_has_no_numbers(server, tmp_path):
    server.limits = {}
    assert send(tmp_path)["ref"] == "1000"


def test_server_errors_pass(server, tmp_path):
    server.faults = {"ListSubmissions": [(500, "Internal Server Error")], "StartSubmissionUpload": [(500, None)]}
    with pytest.raises(Unreachable, match="could not be reached"):
        send(tmp_path)
    assert send(tmp_path)["ref"] == "1000"
    assert server.calls.count("CreateSubmission") == 1


@pytest.mark.slow
@pytest.mark.parametrize("method", ["ListSubmissions", "PUT"])
def test_a_server_that_never_answers(server, tmp_path, monkeypatch, method):
    monkeypatch.setattr(uploads, "ASKING", 4 if method == "ListSubmissions" else 120)
    server.hangs = {method}
    with pytest.raises(Unreachable, match="was not done in 4 seconds"):
        send(tmp_path, timeout=4)
    server.hangs.clear()
    monkeypatch.setattr(uploads, "ASKING", 120)
    assert send(tmp_path)["ref"] == "1000"
    assert len(server.submissions) == 1


@pytest.mark.slow
def test_an_answer_that_never_comes_to_an_upload_that_was_made(server, tmp_path):
    server.hangs = {"CreateSubmission done"}
    assert send(tmp_path, timeout=10)["ref"] == "1000"
    assert server.calls.count("CreateSubmission") == 1


def test_two_at_once_upload_once(server, tmp_path):
    results = []
    threads = [threading.Thread(target=lambda: results.append(send(tmp_path)["ref"])) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["1000", "1000"]
    assert server.calls.count("CreateSubmission") == 1


@pytest.mark.slow
def test_a_lock_that_is_held_too_long(server, tmp_path):
    held = alone(tmp_path / "receipts" / ".lock", "upload", patience=0)
    with held, pytest.raises(PodiumError, match=r"another upload from here has not ended in 0\.5 seconds"):
        send(tmp_path, timeout=0.5)
    assert server.calls == []
    assert send(tmp_path)["ref"] == "1000", "the lock's file stays, the lock does not"


def test_verbose_does_not_reach_the_command(server, monkeypatch):
    monkeypatch.setenv("VERBOSE", "1")
    monkeypatch.setenv("VERBOSE_OUTPUT", "1")
    output = run_kaggle(["competitions", "submissions", "-v", "cells"], "cells", timeout=40)
    assert "authorization" not in output.lower()


def test_an_output_that_is_no_list_is_no_empty_list(command, home, tmp_path, monkeypatch):
    (tmp_path / "other").mkdir()
    (tmp_path / "other" / "kaggle").write_text("#!/bin/sh\necho A new release is out\n")
    (tmp_path / "other" / "kaggle").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path / 'other'}:/usr/bin:/bin")
    monkeypatch.setenv("KAGGLE_API_TOKEN", "x")
    with pytest.raises(PodiumError, match="did not list the submissions but said 'A new release is out'"):
        list_uploads("cells")


@pytest.mark.slow
def test_waiting_survives_errors_and_ends(server, tmp_path):
    send(tmp_path)
    server.faults["ListSubmissions"] = (503, "Service Unavailable")
    with pytest.raises(PodiumError, match=r"no score after 3 seconds: Kaggle could not be reached") as error:
        poll("cells", "1000", patience=3, first_wait=0.1)
    assert "nothing is uploaded again" in error.value.mend
    server.faults.clear()
    server.listings_until_score = 1
    assert poll("cells", "1000", first_wait=0.01).public_score == 0.75


def test_a_submission_that_cannot_be_scored(server, tmp_path):
    send(tmp_path)
    server.final = {"status": "ERROR", "errorDescription": "ImageId a is there twice"}
    with pytest.raises(PodiumError, match="could not score") as error:
        poll("cells", "1000", first_wait=0.01)
    reason = ": ImageId a is there twice" if "GetSubmission" in server.calls else ""  # known since 2.2.5
    assert error.value.problem == f"the competition could not score the submission{reason}"
    assert error.value.record == "submission 1000"
    assert send(tmp_path)["ref"] == "1000"
    assert server.calls.count("CreateSubmission") == 1


def test_a_submission_that_is_not_listed(server):
    with pytest.raises(PodiumError, match="the competition does not list it"):
        poll("cells", "1000", patience=0)
