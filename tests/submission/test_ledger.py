import csv
import multiprocessing
from concurrent.futures import ProcessPoolExecutor

import pytest

from podium.errors import PodiumError
from podium.submission.ledger import COLUMNS, read_ledger, record

UPLOAD = {"time": "2026-01-02T03:04:05+00:00", "sha256": "ab" * 32, "experiment": "joined", "validation_score": 0.5}


def test_an_upload_and_then_its_scores(tmp_path):
    ledger = tmp_path / "submissions" / "ledger.csv"
    record(ledger, {**UPLOAD, "ref": "7"})
    record(ledger, {**UPLOAD, "ref": "8"})
    record(ledger, {"ref": "7", "public_score": 0.75, "private_score": None, "experiment": "joined"})
    with ledger.open(newline="") as file:
        header, first, second = csv.reader(file)
    assert header == COLUMNS
    assert first == [UPLOAD["time"], "ab" * 32, "joined", "0.5", "", "", "7", "0.75", ""]
    assert second == [UPLOAD["time"], "ab" * 32, "joined", "0.5", "", "", "8", "", ""]
    assert [row["ref"] for row in read_ledger(ledger)] == ["7", "8"]


def test_a_ledger_without_cross_fitted_scores_is_read_and_completed(tmp_path):
    """Its header is that of ledgers from before thresholds were tuned."""
    ledger = tmp_path / "ledger.csv"
    older = [column for column in COLUMNS if column != "cross_fitted_score"]
    ledger.write_text(f"{','.join(older)}\nlong ago,{'cd' * 32},joined,0.4,0.3,6,,\n")
    (row,) = read_ledger(ledger)
    assert (list(row), row["validation_score"], row["cross_fitted_score"], row["ref"]) == (COLUMNS, "0.4", "", "6")
    record(ledger, {**UPLOAD, "ref": "7", "cross_fitted_score": 0.45})
    assert [row["cross_fitted_score"] for row in read_ledger(ledger)] == ["", "0.45"]
    assert ledger.read_text().splitlines()[0] == ",".join(COLUMNS)


def test_two_processes_lose_no_row(tmp_path):
    ledger = tmp_path / "ledger.csv"
    with ProcessPoolExecutor(2, mp_context=multiprocessing.get_context("spawn")) as pool:
        list(pool.map(record, [ledger] * 40, [{**UPLOAD, "ref": str(ref)} for ref in range(40)]))
    assert {row["ref"] for row in read_ledger(ledger)} == set(map(str, range(40)))


@pytest.mark.parametrize("text", ["", "time,ref\n1,2\n", ",".join(COLUMNS) + "\n1,2\n"])
def test_another_file_is_never_overwritten(tmp_path, text):
    ledger = tmp_path / "ledger.csv"
    ledger.write_text(text)
    with pytest.raises(PodiumError, match="not a ledger"):
        record(ledger, {**UPLOAD, "ref": "7"})
    assert ledger.read_text() == text


@pytest.mark.parametrize("entry", [{"ref": "1", "score": 1}, {"experiment": "without a reference"}])
def test_wrong_columns(tmp_path, entry):
    with pytest.raises(KeyError):
        record(tmp_path / "ledger.csv", entry)
