"""What a training sends while it runs, read back by the tools that it is sent to."""

import json
import logging
import os
import pickle
import signal
import struct
import subprocess
import sys

import pytest
import torch
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from podium.config.solver import Solver
from podium.errors import PodiumError
from podium.training.loop import fit
from podium.training.signals import Interrupted
from podium.training.tracking import trackers

from .one_weight import OneWeight

SOLVER = Solver(base_lr=0.25, momentum=0.0, weight_decay=0.0, schedule="cosine", max_iter=12, eval_period=3)
SETTINGS = {"seed": 3, "solver": {"base_lr": 0.25, "steps": []}}


class Slope(OneWeight):
    """One weight with a gradient of one; stopped by a signal in iteration `stop_in` (counted from 1)."""

    def __init__(self, stop_in=None, fail_in=None):
        super().__init__()
        self.stop_in, self.fail_in = stop_in, fail_in

    def losses(self, model, batch):
        value = model(batch).mean()
        done = value.item()
        if self.stop_in and self._iteration(done) == self.stop_in:
            os.kill(os.getpid(), signal.SIGTERM)
        if self.fail_in and self._iteration(done) == self.fail_in:
            raise ConnectionError("the power is gone")
        return {"loss_weight": value}

    def _iteration(self, weight):
        """The weight tells how many iterations were done."""
        from podium.training.schedule import learning_rates

        course, total = [], 0.0
        for rate in learning_rates(SOLVER):
            course.append(abs(total + weight))
            total += rate
        return 1 + course.index(min(course))

    def metrics(self, found):
        return {"value": found[0], "undefined": None}


@pytest.fixture
def folder(tmp_path):
    return tmp_path / "results" / "tiny" / "detection" / "small"


def train(folder, kind="none", identity="1234", checkpoint_period=4, **task):
    solver = SOLVER.model_copy(update={"checkpoint_period": checkpoint_period})
    state_file = folder / "state" / f"{identity}.pt"
    told = trackers(kind, folder, state_file, SETTINGS)
    return fit(Slope(**task), solver, seed=0, state_file=state_file, trackers=told)[1].history


def columns(history):
    """Return {column: [(iteration, value as TensorBoard keeps it)]} of a history."""
    found = {}
    for row in history:
        for name, value in row.items():
            if name != "iteration":
                value = torch.tensor(value, dtype=torch.float32).item()
                found.setdefault(name, []).append((row["iteration"], value))
    return found


def events(folder):
    """Read the events as TensorBoard does."""
    accumulator = EventAccumulator(str(folder / "tensorboard"), size_guidance={"scalars": 0})
    accumulator.Reload()
    return {
        tag: [(event.step, event.value) for event in accumulator.Scalars(tag)] for tag in accumulator.Tags()["scalars"]
    }


def test_tensorboard_shows_the_history(folder):
    history = train(folder)
    assert set(history[2]) == {"iteration", "lr", "loss", "loss_weight", "val_value"}
    assert events(folder) == columns(history)


def test_tensorboard_shows_an_interrupted_training_as_if_it_had_not_been(folder):
    with pytest.raises(Interrupted):
        train(folder, stop_in=5)
    assert [step for step, _ in events(folder)["lr"]] == [1, 2, 3, 4, 5]
    history = train(folder)
    assert [row["iteration"] for row in history] == list(range(1, 13))
    assert events(folder) == columns(history)


@pytest.mark.parametrize("torn", [False, True])
def test_what_was_written_after_the_state_is_purged(folder, torn):
    """A crash at iteration 8 leaves the state of iteration 4, and events, the last of them perhaps half written."""
    with pytest.raises(ConnectionError):
        train(folder, fail_in=8)
    assert [step for step, _ in events(folder)["lr"]] == list(range(1, 8))
    if torn:
        (file,) = (folder / "tensorboard").iterdir()
        os.truncate(file, file.stat().st_size - 9)
    history = train(folder)
    assert events(folder) == columns(history)


def test_a_row_is_on_the_disk_when_it_was_told(folder):
    """The state is saved next: events that still waited in memory when a kill comes would be missing for good."""
    code = (
        "import os; from pathlib import Path; from podium.training.tracking import TensorBoard\n"
        f"TensorBoard(Path({str(folder / 'tensorboard')!r}), 'x').log("
        "{'iteration': 1} | {f'loss_{part}': float(part) for part in range(2000)})\n"
        "os._exit(0)"
    )
    subprocess.run([sys.executable, "-c", code], check=True)
    assert events(folder) == {f"loss_{part}": [(1, float(part))] for part in range(2000)}


@pytest.mark.parametrize("interrupted", [True, False])
def test_nothing_is_left_of_a_training_with_other_settings(folder, interrupted):
    if interrupted:
        with pytest.raises(Interrupted):
            train(folder, identity="other", stop_in=9)
    else:
        train(folder, identity="other")
    history = train(folder, identity="1234")
    assert events(folder) == columns(history)


def test_one_that_goes_on_shows_nothing_of_another_that_ran_between(folder):
    with pytest.raises(Interrupted):
        train(folder, stop_in=5)
    train(folder, identity="other")
    history = train(folder)
    assert events(folder) == columns(history[5:])


def test_a_training_that_was_finished_leaves_its_events_alone(folder):
    history = train(folder)
    assert train(folder) == history
    assert events(folder) == columns(history)


def test_trackers_go_to_other_processes_and_touch_nothing_before_the_first_row(folder):
    told = pickle.loads(pickle.dumps(trackers("none", folder, folder / "state" / "a.pt")))
    assert not folder.exists()
    told[0].log({"iteration": 1, "loss": 2.0})
    told[0].close(finished=True)
    assert events(folder) == {"loss": [(1, 2.0)]}


def test_a_tracker_that_fails_does_not_end_the_training(folder, caplog):
    folder.mkdir(parents=True)
    (folder / "tensorboard").write_text("a file where a folder should be")
    with caplog.at_level(logging.WARNING):
        history = train(folder)
    assert len(history) == 12
    told = [record.message for record in caplog.records if "told no more" in record.message]
    assert len(told) == 1 and told[0].startswith("TensorBoard failed")


@pytest.mark.parametrize("kind", ["mlflow", "wandb"])
def test_a_service_whose_package_is_missing_is_told_with_its_name(folder, kind, monkeypatch):
    monkeypatch.setitem(sys.modules, kind, None)  # as if it were not there
    with pytest.raises(PodiumError) as caught:
        trackers(kind, folder, folder / "state" / "a.pt")
    assert caught.value.key == "tracking"
    assert f"pip install {kind}" in caught.value.mend


def test_no_service_is_imported_unless_asked_for(folder, monkeypatch):
    for kind in ("mlflow", "wandb"):
        monkeypatch.setitem(sys.modules, kind, None)
    assert len(train(folder)) == 12


@pytest.fixture
def mlflow(tmp_path, monkeypatch):
    mlflow = pytest.importorskip("mlflow", reason="MLflow is not installed")
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path / 'mlflow.db'}")
    return mlflow


def mlflow_runs(mlflow):
    client = mlflow.MlflowClient()
    experiment = client.get_experiment_by_name("tiny")
    return client, client.search_runs([experiment.experiment_id])


def mlflow_metrics(client, run, names):
    history = {name: client.get_metric_history(run.info.run_id, name) for name in names}
    return {name: [(point.step, point.value) for point in points] for name, points in history.items()}


def exactly(history):
    found = {}
    for row in history:
        for name in row.keys() - {"iteration"}:
            found.setdefault(name, []).append((row["iteration"], row[name]))
    return found


@pytest.mark.parametrize("fault", [{"stop_in": 5}, {"fail_in": 8}])
def test_mlflow_keeps_one_run_of_an_interrupted_training(folder, mlflow, fault):
    with pytest.raises((Interrupted, ConnectionError)):
        train(folder, "mlflow", **fault)
    assert [run.info.status for run in mlflow_runs(mlflow)[1]] == ["KILLED"]
    history = train(folder, "mlflow")
    client, (run,) = mlflow_runs(mlflow)
    assert run.info.run_name == "detection/small"
    assert run.info.status == "FINISHED"
    assert run.data.params == {"seed": "3", "solver.base_lr": "0.25", "solver.steps": "[]"}
    assert mlflow_metrics(client, run, exactly(history)) == exactly(history)

    train(folder, "mlflow", identity="other")
    assert len(mlflow_runs(mlflow)[1]) == 2


def test_an_mlflow_that_does_not_answer_is_told_before_the_training(folder, mlflow, monkeypatch):
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "file:///proc/nowhere")
    with pytest.raises(PodiumError, match="tracking is mlflow, but it cannot be started"):
        train(folder, "mlflow")


def test_an_mlflow_that_has_gone_away_does_not_stop_a_training_that_goes_on(folder, mlflow, monkeypatch, caplog):
    with pytest.raises(Interrupted):
        train(folder, "mlflow", stop_in=5)
    with monkeypatch.context() as away, caplog.at_level(logging.WARNING):
        away.setenv("MLFLOW_TRACKING_URI", "file:///proc/nowhere")
        with pytest.raises(Interrupted):
            train(folder, "mlflow", stop_in=8)
    told = [record.message for record in caplog.records if "told no more" in record.message]
    assert len(told) == 1 and told[0].startswith("MLflow failed")
    history = train(folder, "mlflow")
    client, (run,) = mlflow_runs(mlflow)
    assert run.info.status == "FINISHED"
    assert mlflow_metrics(client, run, exactly(history)) == exactly([*history[:5], *history[8:]])


@pytest.mark.parametrize("fault", [{"stop_in": 5}, {"fail_in": 8}])
def test_wandb_keeps_one_run_of_an_interrupted_training(folder, fault, monkeypatch):
    wandb = pytest.importorskip("wandb", reason="W&B is not installed")
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.setenv("WANDB_SILENT", "true")
    with pytest.raises((Interrupted, ConnectionError)):
        train(folder, "wandb", **fault)
    history = train(folder, "wandb")
    wandb.teardown()  # its own process writes the files, a little later
    memory = json.loads((folder / "state" / "1234.wandb.json").read_text())
    assert memory["sent"] == 12
    # An offline run has a folder for each time that it went on; `wandb sync` joins those of one id.
    files = sorted((folder / "state" / "wandb").glob("offline-run-*/run-*.wandb"))
    assert [file.stem for file in files] == [f"run-{memory['run']}"] * 2
    rows = [row for file in files for row in wandb_rows(file)]
    expected = [{**row, "_step": row["iteration"]} for row in history]
    for row in expected:
        row.pop("iteration")
    assert rows == expected


def wandb_rows(file):
    """Read what was logged out of a run's own file: after seven bytes a log in LevelDB's format."""
    from wandb.proto import wandb_internal_pb2

    content, place, whole, found = file.read_bytes(), 7, b"", []
    while place + 7 <= len(content):
        left = 32768 - place % 32768
        length, kind = struct.unpack_from("<HB", content, place + 4)
        if left < 7 or kind == 0:
            place += left
            continue
        whole += content[place + 7 : place + 7 + length]
        place += 7 + length
        if kind in (1, 4):  # a whole record, or the last part of one
            record, whole = wandb_internal_pb2.Record.FromString(whole), b""
            if record.WhichOneof("record_type") == "history":
                items = {item.nested_key[0] if item.nested_key else item.key: item for item in record.history.item}
                values = {name: json.loads(item.value_json) for name, item in items.items()}
                found.append({name: value for name, value in values.items() if name not in ("_runtime", "_timestamp")})
    return found
