"""Weights of the zoo through the workflow: once for all, from a mirror or by hand."""

import json
import threading
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import yaml

from tests.workflow.run import configure, snakemake

pytestmark = pytest.mark.slow

NAME = "COCO-Detection/faster_rcnn_X_101_32x8d_FPN_3x"
FILE = f"data/zoo/{NAME}/model_final_68b088.pkl"
RECORD = f"data/zoo/{NAME}/model_final_68b088.json"
# Its MD5 begins with 68b088, too.
CONTENT = b"podium 10182070"


@pytest.fixture
def mirror(tmp_path, monkeypatch):
    """The folder of a server that holds the file, and lists what was asked for in `asked`."""
    asked = []

    class Handler(SimpleHTTPRequestHandler):
        def log_message(self, *_):
            asked.append(self.path)

    folder = tmp_path / "mirror"
    (folder / NAME / "139173657").mkdir(parents=True)
    (folder / NAME / "139173657" / "model_final_68b088.pkl").write_bytes(CONTENT)
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Handler, directory=folder))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    monkeypatch.setenv("PODIUM_ZOO_URL", f"http://127.0.0.1:{server.server_port}")
    yield asked
    server.shutdown()
    server.server_close()


def test_a_download_serves_all_competitions(tmp_path, mirror):
    work = tmp_path / "work"
    work.mkdir()
    for name in ("tiny", "other"):
        changes = {"name": name, "submission": {"solution": f"data/{name}/solution.csv"}}
        configure(work, changes)
        done = snakemake(work, RECORD)
        assert done.returncode == 0, done.stdout
    assert (work / FILE).read_bytes() == CONTENT
    assert len(mirror) == 1
    assert json.loads((work / RECORD).read_text())["licence"] == "CC BY-SA 3.0"


def test_a_file_put_there_by_hand(tmp_path, monkeypatch):
    monkeypatch.setenv("PODIUM_ZOO_URL", "http://127.0.0.1:9")
    configure(tmp_path)
    begun = (tmp_path / FILE).with_name(".model_final_68b088.pkl.part")
    begun.parent.mkdir(parents=True)
    begun.write_bytes(CONTENT[:4])
    done = snakemake(tmp_path, RECORD)
    assert done.returncode != 0
    assert f"put it at {FILE}" in done.stdout
    assert begun.read_bytes() == CONTENT[:4], "what arrived before is kept for the next run"
    (tmp_path / FILE).write_bytes(b"something else")
    done = snakemake(tmp_path, RECORD)
    assert done.returncode != 0
    assert "this is not the zoo's file" in done.stdout
    assert (tmp_path / FILE).read_bytes() == b"something else", "what was put there by hand is not deleted"
    (tmp_path / FILE).write_bytes(CONTENT)
    done = snakemake(tmp_path, RECORD)
    assert done.returncode == 0, done.stdout
    assert (tmp_path / FILE).read_bytes() == CONTENT
    assert (tmp_path / RECORD).exists()


def test_a_training_from_the_zoo_waits_for_its_weights_and_is_exported(tmp_path):
    zoo_model = {"weights": "COCO-Detection/faster_rcnn_R_50_FPN_3x", "norm": "frozen", "freeze_at": 2}
    configure(tmp_path)
    raw = yaml.safe_load((tmp_path / "competition.yaml").read_text())
    raw["detection"]["resnet18"]["model"] = zoo_model
    (tmp_path / "competition.yaml").write_text(yaml.safe_dump(raw))
    done = snakemake(tmp_path, "--dry-run", "results/tiny/detection/resnet18/detectron2/model.pth")
    assert done.returncode == 0, done.stdout
    table = done.stdout.split("Job stats:")[-1].split("total")[0]
    assert {"zoo_weights", "train_detector", "export_detectron2"} <= set(table.split())
