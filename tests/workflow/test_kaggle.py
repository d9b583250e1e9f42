"""The real command line and a local server through the workflow: from the download to the score in the ledger."""

import json
import re
import shutil
import threading
import zipfile
from functools import partial
from pathlib import Path

import pytest

from podium.config.formats import resolve_format
from podium.config.load import merge
from podium.data.generated.competition import generate
from podium.submission.ledger import read_ledger, record
from podium.submission.rle import encode
from tests.kaggle.conftest import LOGINS, PROXIES
from tests.kaggle.server import KaggleServer
from tests.workflow.run import configure, planned, read, snakemake

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("kaggle")]

PLANTED = {"variable": "planted-token-5f1c", "key": "planted-key-41e0", "oauth": "planted-access-08bb"}
REFRESH = "planted-refresh-c3d2"
SOURCE = {"kind": "kaggle", "competition": "cells", "timeout": 120}
# No test part: what is looked at comes after it.
CHANGES = {"splits": {"test": 0.0}, "submission": {"solution": "solution.csv"}}
LEDGER, UPLOAD = "submissions/tiny/ledger.csv", "submissions/tiny/boxes_unet.upload.json"


def plant(home: Path, patch: pytest.MonkeyPatch, *kinds: str) -> None:
    """Leave these kinds of login in the home and the environment, and no others."""
    for name in LOGINS:
        patch.delenv(name, raising=False)
    folder = home / ".kaggle"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    if "variable" in kinds:
        patch.setenv("KAGGLE_API_TOKEN", PLANTED["variable"])
    if "key" in kinds:
        (folder / "kaggle.json").write_text(json.dumps({"username": "somebody", "key": PLANTED["key"]}))
    if "oauth" in kinds:
        login = {"refresh_token": REFRESH, "access_token": PLANTED["oauth"], "username": "somebody"}
        login["access_token_expiration"] = "2100-01-01T00:00:00+00:00"
        (folder / "credentials.json").write_text(json.dumps(login))


class Processes(threading.Thread):
    """Collects the command lines of all processes while it runs."""

    def __init__(self):
        super().__init__(daemon=True)
        self.seen: set[str] = set()
        self.ended = threading.Event()

    def run(self):
        while not self.ended.wait(0.02):
            for path in Path("/proc").glob("[0-9]*/cmdline"):
                try:
                    self.seen.add(path.read_bytes().replace(b"\0", b" ").decode(errors="replace"))
                except OSError:
                    continue  # it has ended

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, *_):
        self.ended.set()
        self.join()


def require_no_secret(folder: Path, *texts: str) -> None:
    secrets = [secret.encode() for secret in (*PLANTED.values(), REFRESH)]
    found = [(path, path.read_bytes()) for path in folder.rglob("*") if path.is_file()]
    assert len(found) > 20
    for place, content in [*found, *(("output", text.encode()) for text in texts)]:
        assert not [secret for secret in secrets if secret in content], place


@pytest.fixture(scope="module")
def world(tmp_path_factory):
    """A server with a small competition, a home with all kinds of login, and a folder where `submit` was run."""
    folder = tmp_path_factory.mktemp("kaggle")
    work, home = folder / "work", folder / "home"
    work.mkdir()
    convention = resolve_format("dsb2018").code
    drawn = {"seed": 7, "train_images": 24, "test_images": 4, "size": 96}
    generate(folder / "a.zip", work / "solution.csv", **drawn, encode=partial(encode, convention=convention))
    configure(work, CHANGES, source=SOURCE)
    with pytest.MonkeyPatch.context() as patch, KaggleServer() as server:
        with zipfile.ZipFile(folder / "a.zip") as archive:
            server.files = {name: archive.read(name) for name in archive.namelist()}
        for name in PROXIES:
            patch.delenv(name, raising=False)
        for name, value in server.environment(home).items():
            patch.setenv(name, value)
        plant(home, patch, *PLANTED)
        with Processes() as processes:
            done = snakemake(work, "submit")
        assert done.returncode == 0, done.stdout[-5000:]
        yield server, work, home, done.stdout, processes.seen


def test_from_the_download_to_the_score(world):
    server, work, *_ = world
    assert server.uploaded == [(work / "submissions/tiny/boxes_unet.csv").read_bytes()]
    assert server.calls.count("DownloadDataFiles") == 1
    assert server.calls.count("CreateSubmission") == 1
    score = read(work / "submissions/tiny/boxes_unet.leaderboard.json")
    assert (score["public_score"], score["private_score"]) == (0.75, 0.5)
    (row,) = read_ledger(work / LEDGER)
    assert (row["ref"], row["public_score"], row["private_score"]) == ("1000", "0.75", "0.5")
    # The demo is tuned: the file has what the choice makes, of which this is the score in sample.
    tuning = read(work / "results/tiny/instances/boxes_unet/tuning.json")
    assert float(row["validation_score"]) == tuning["tuned_in_sample"]["score"]
    assert float(row["cross_fitted_score"]) == tuning["cross_fitted"]["score"]
    assert float(row["local_test_score"]) == read(work / "submissions/tiny/boxes_unet.score.json")["score"]
    assert f"sha256:{row['sha256']}" in server.submissions[0]["description"]
    calls = len(server.calls)
    assert "Nothing to be done" in snakemake(work, "submit").stdout
    assert len(server.calls) == calls


def test_the_page_follows_the_ledger_and_nothing_else_runs(world):
    _, work, *_ = world
    done = snakemake(work, "results/tiny/report.html")
    assert done.returncode == 0, done.stdout[-5000:]
    assert "0.75" in (work / "results/tiny/report.html").read_text()
    rest = {"draw_curves": 2, "draw_tuning": 1, "share": 1}
    assert planned(work) == rest
    before = (work / LEDGER).read_text()
    record(work / LEDGER, {"ref": "1000", "private_score": 0.625})
    assert planned(work) == rest | {"report": 1}
    (work / LEDGER).write_text(before)
    assert planned(work) == rest


def test_a_private_score_that_comes_later_completes_the_row(world, tmp_path):
    server, work, *_ = world
    copy = shutil.copytree(work, tmp_path / "copy")
    (copy / LEDGER).write_text((copy / LEDGER).read_text().replace(",0.75,0.5\n", ",0.75,\n"))
    assert read_ledger(copy / LEDGER)[0]["private_score"] == ""
    uploads = server.calls.count("CreateSubmission")
    assert "Nothing to be done" in snakemake(copy, "submit").stdout, "by itself nothing is asked again"
    again = ("submit", "--forcerun", "leaderboard_score")
    said = snakemake(copy, *again, "--dry-run").stdout
    jobs = re.findall(r"^(\w+) +(\d+)$", said.split("Job stats:")[-1].split("total")[0], re.MULTILINE)
    assert jobs == [("leaderboard_score", "1"), ("submit", "1")]
    server.submissions[0]["privateScore"] = "0.4375"
    done = snakemake(copy, *again)
    assert done.returncode == 0, done.stdout[-5000:]
    (row,) = read_ledger(copy / LEDGER)
    assert (row["ref"], row["public_score"], row["private_score"]) == ("1000", "0.75", "0.4375")
    assert server.calls.count("CreateSubmission") == uploads
    server.submissions[0]["privateScore"] = "0.5"


def test_no_secret_is_written_said_or_passed(world):
    _, work, _, said, commands = world
    assert "Kaggle login: the token in KAGGLE_API_TOKEN" in said
    assert any("competitions submit" in command for command in commands)
    require_no_secret(work, said, *commands)


@pytest.mark.parametrize(
    ("kind", "method", "fault", "words"),
    [
        ("variable", "ListSubmissions", (401, None), "did not accept the login, the token in KAGGLE_API_TOKEN"),
        ("key", "CreateSubmission", (400, f"no, {PLANTED['key']}"), "said 'no, ***'"),
        ("oauth", "StartSubmissionUpload", (403, f"Forbidden {PLANTED['oauth']}"), "it said 'Forbidden ***'"),
    ],
)
def test_nor_when_kaggle_refuses(world, tmp_path, monkeypatch, kind, method, fault, words):
    """And nothing is lost: the next run uploads."""
    server, work, home, *_ = world
    copy = shutil.copytree(work, tmp_path / "copy")
    for path in ("receipts", LEDGER, UPLOAD, "boxes_unet.leaderboard.json"):
        path = copy / "submissions/tiny" / Path(path).name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    plant(home, monkeypatch, kind)
    server.submissions.clear()
    server.faults[method] = fault
    try:
        with Processes() as processes:
            refused = snakemake(copy, "submit")
    finally:
        server.faults.clear()
    assert refused.returncode != 0
    assert words in refused.stdout
    assert "To mend it: " in refused.stdout
    assert "Traceback" not in refused.stdout
    assert server.submissions == []
    if kind == "variable":
        done = snakemake(copy, "submit")
        assert done.returncode == 0, done.stdout[-5000:]
        assert [row["ref"] for row in read_ledger(copy / LEDGER)] == ["1000"]
        assert len(server.submissions) == 1
    require_no_secret(copy, refused.stdout, *processes.seen)


def test_a_code_competition_takes_no_file(world, tmp_path):
    server, work, *_ = world
    copy = shutil.copytree(work, tmp_path / "copy")
    (copy / UPLOAD).unlink()
    configure(copy, merge(CHANGES, {"submission": {"code_competition": True}}), source=SOURCE)
    calls = len(server.calls)
    done = snakemake(copy, "submit")
    assert done.returncode != 0
    assert "'cells' is a code competition, which takes notebooks and no files" in done.stdout
    assert len(server.calls) == calls
