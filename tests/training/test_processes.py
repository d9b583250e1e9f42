"""Trainings of several processes: gloo on the CPU, processes and signals of the system."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch

from podium.errors import PodiumError
from podium.training.processes import run, world
from podium.training.state import load_state

from . import together
from .tiny import draw_dataset

HERE = Path(__file__).parent

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("processes")]


@pytest.fixture(autouse=True)
def _importable(monkeypatch):
    """What the processes run is imported by them under the name that it has here."""
    monkeypatch.syspath_prepend(HERE)
    monkeypatch.syspath_prepend(HERE.parent)


def gone(pid: int) -> bool:
    """Tell whether a process has ended, though its parent may not have been told."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except FileNotFoundError:
        return True


def wait_until(happens, seconds=200.0):
    end = time.monotonic() + seconds
    while not happens():
        assert time.monotonic() < end, "it did not happen in time"
        time.sleep(0.005)


def assert_close(found, expected, buffers=True):
    """Compare weights and histories to 1e-5."""
    (weights, history), (other, rows) = found, expected
    assert weights.keys() == other.keys()
    for name, value in other.items():
        if buffers or not name.endswith(("running_mean", "running_var", "num_batches_tracked")):
            assert torch.allclose(weights[name].double(), value.double(), rtol=1e-4, atol=1e-5), name
    assert [row.keys() for row in history] == [row.keys() for row in rows]
    for row, same in zip(history, rows, strict=True):
        names = [name for name in row if buffers or not name.startswith("val_")]
        assert [row[name] for name in names] == pytest.approx([same[name] for name in names], rel=1e-4, abs=1e-5)


def test_one_process_is_called_and_nothing_else_happens():
    assert run(together.ranks, 1) == (0, 1, [(0, os.getpid())], [[1.0, 0.0]])
    assert not torch.distributed.is_initialized()


def test_processes_know_their_places_and_hear_each_other():
    rank, size, said, means = run(together.ranks, 3)
    assert (rank, size, means) == (0, 3, [[1.0, 1.0]])
    assert [each for each, _ in said] == [0, 1, 2]
    assert said[0][1] == os.getpid()
    assert len({pid for _, pid in said}) == 3
    assert all(gone(pid) for _, pid in said[1:])
    assert world().size == 1
    assert not torch.distributed.is_initialized()


def test_two_processes_train_as_one_with_twice_the_parts(tmp_path):
    draw_dataset(tmp_path / "dataset")
    alone = together.everything(tmp_path, 2)
    for file in tmp_path.glob("*.pt"):
        file.unlink()
    both = run(together.everything, 2, tmp_path, 1)
    assert_close(both["detector"], alone["detector"])
    # Batch norms keep the statistics of process 0's part there, and those of both parts here.
    assert_close(both["segmenter"], alone["segmenter"], buffers=False)
    assert_close(both["line"], alone["line"])
    for _, history in both.values():
        assert history[-1].keys() > {"iteration", "lr", "loss"}
        assert any(name.startswith("val_") for name in history[-1])


def test_two_processes_train_detectron2s_model_as_one(tmp_path):
    pytest.importorskip("detectron2", reason="Detectron2 is not installed")
    draw_dataset(tmp_path / "dataset")
    kinds = ("detectron2",)
    alone = together.everything(tmp_path, 2, kinds)["detectron2"]
    (tmp_path / "detectron2.pt").unlink()
    assert_close(run(together.everything, 2, tmp_path, 1, kinds)["detectron2"], alone)
    assert len(alone[1]) == 5


@pytest.mark.parametrize("mean", [True, False])
def test_parts_and_processes_are_one_batch_where_nothing_is_drawn_inside(mean, tmp_path):
    settings = {} if mean else {"heads_only_iters": 0, "ema_decay": None, "optimizer": "adamw"}
    whole = together.line(tmp_path / "whole.pt", settings)
    assert_close(together.line(tmp_path / "parts.pt", settings | {"accumulate": 4}), whole)
    assert_close(run(together.line, 2, tmp_path / "both.pt", settings | {"accumulate": 2}), whole)


def test_a_state_does_not_depend_on_the_number_of_processes(tmp_path):
    whole = together.line(tmp_path / "whole.pt", {})
    settings = {"accumulate": 2}
    run(together.line, 2, tmp_path / "state.pt", settings | {"max_iter": 5})
    assert load_state(tmp_path / "state.pt")[0].iteration == 5
    assert_close(together.line(tmp_path / "state.pt", settings), whole)


@pytest.mark.parametrize("settings", [{}, {"ema_decay": None}])
def test_a_validation_judges_the_weights_that_are_kept_in_all_processes(settings, tmp_path):
    """Also where each process has running statistics of its own."""
    weights, history = run(together.line, 2, tmp_path / "state.pt", settings, True)
    task = together.Line(norm=True)
    task.model.load_state_dict(weights)
    task.model.eval()
    scores = task.metrics(list(task.predict(task.model, 0, 1)))
    assert {name: history[-1][f"val_{name}"] for name in scores} == scores


def test_a_batch_that_cannot_be_shared(tmp_path):
    with pytest.raises(PodiumError, match="batch of 6 cannot be shared equally by 2 processes x 2 parts") as caught:
        run(together.line, 2, tmp_path / "state.pt", {"ims_per_batch": 6, "accumulate": 2})
    assert caught.value.key == "solver.ims_per_batch"
    assert "multiple of 4" in caught.value.mend


def test_another_processs_own_error_is_raised_here():
    with pytest.raises(PodiumError) as caught:
        run(together.fail, 2, "podium", 1)
    assert (caught.value.problem, caught.value.file) == ("the image is broken", "a.png")


def test_another_processs_fault_in_the_code_is_shown_with_its_traceback():
    with pytest.raises(PodiumError, match="process 1 of 2 failed") as caught:
        run(together.fail, 2, "code", 1)
    assert "ZeroDivisionError: one over zero" in str(caught.value)


def test_another_process_that_was_killed_is_told_of():
    with pytest.raises(PodiumError, match="process 1 of 2 died: ended by SIGKILL"):
        run(together.fail, 2, "kill", 1)


@pytest.mark.parametrize(("how", "error"), [("code", ZeroDivisionError), ("torch", torch.OutOfMemoryError)])
def test_an_error_of_process_0_is_raised_as_it_is_and_the_others_end(how, error, tmp_path):
    with pytest.raises(error):
        run(together.fail, 2, how, 0, tmp_path)
    assert gone(int((tmp_path / "1").read_text()))
    assert not torch.distributed.is_initialized()


def test_process_0_does_not_wait_for_ever_for_a_dead_one():
    program = "from podium.training import processes; import together; processes._STUCK = 1.0;"
    program += "processes.run(together.wait_in_vain, 2)"
    begun = time.monotonic()
    done = subprocess.run(
        [sys.executable, "-c", program],
        cwd=HERE,
        env=os.environ | {"PYTHONPATH": f"{HERE}:{HERE.parents[1]}"},
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 1
    assert "process 1 of 2 died: ended by SIGKILL" in done.stderr
    assert time.monotonic() - begun < 200


class Program:
    """`together.py` in a process group of its own."""

    def __init__(self, folder):
        self.folder = folder
        folder.mkdir(exist_ok=True)

    def start(self):
        self.process = subprocess.Popen(
            [sys.executable, HERE / "together.py", self.folder],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )

    def rows(self):
        file = self.folder / "rows.jsonl"
        return [json.loads(text) for text in file.read_text().splitlines()] if file.exists() else []

    def end(self):
        output, _ = self.process.communicate(timeout=300)
        return self.process.returncode, output

    def others(self):
        return int((self.folder / "pid1").read_text())

    def result(self):
        return torch.load(self.folder / "out.pt", weights_only=True)


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory):
    program = Program(tmp_path_factory.mktemp("undisturbed"))
    program.start()
    code, output = program.end()
    assert code == 0, output
    assert output.count("batch of 8: 2 processes x 2 parts x 2 images; the learning rate is used as it is") == 1
    assert program.rows() == program.result()["history"]
    assert (program.folder / "rows.finished").exists()
    return program.result()


def continued(program, expected):
    """Run a program to its end, and compare with the undisturbed one to the last bit."""
    program.start()
    code, output = program.end()
    assert code == 0, output
    assert program.result()["history"] == expected["history"]
    for name, value in expected["weights"].items():
        assert torch.equal(program.result()["weights"][name], value)
    return output


@pytest.mark.parametrize(("whole_group", "moment"), [(False, 2), (True, 7)])
def test_a_signal_stops_all_at_the_same_iteration_with_one_saved_state(whole_group, moment, undisturbed, tmp_path):
    program = Program(tmp_path)
    program.start()
    wait_until(lambda: len(program.rows()) >= moment)
    (os.killpg if whole_group else os.kill)(program.process.pid, signal.SIGTERM)
    code, output = program.end()
    assert code == 3, output
    state, _ = load_state(tmp_path / "state.pt")
    assert moment <= state.iteration < 12
    assert f"SIGTERM: the state after {state.iteration} iterations" in output
    assert gone(program.others())
    assert f"continuing after {state.iteration} iterations" in continued(program, undisturbed)
    # No row is told twice, and none is left out.
    assert program.rows() == undisturbed["history"]


def test_a_signal_in_a_validation_stops_it_and_it_is_done_first_when_the_run_goes_on(undisturbed, tmp_path):
    program = Program(tmp_path)
    program.start()
    wait_until(lambda: (tmp_path / "validated").exists())
    os.kill(program.process.pid, signal.SIGUSR1)
    code, output = program.end()
    assert code == 3, output
    state, _ = load_state(tmp_path / "state.pt")
    assert (state.iteration, state.validated, state.best) == (5, 0, None)
    assert len(program.rows()) == 4
    continued(program, undisturbed)
    assert program.rows() == undisturbed["history"]


def test_a_killed_process_0_takes_the_others_with_it(undisturbed, tmp_path):
    program = Program(tmp_path)
    program.start()
    wait_until(lambda: len(program.rows()) >= 3)
    program.process.kill()
    assert program.end()[0] == -signal.SIGKILL
    wait_until(lambda: gone(program.others()), 30)
    (tmp_path / "rows.jsonl").unlink()
    continued(program, undisturbed)


SNAKEFILE = """
rule together:
    output: "out.txt"
    script: "script.py"
"""

SCRIPT = """
import sys
from pathlib import Path
sys.path[:0] = {path}
from podium.training.processes import run
import together

if __name__ == "__main__":
    rank, size, said, _ = run(together.ranks, 2)
    Path(snakemake.output[0]).write_text(f"{{rank}} {{size}} {{len(said)}}")
"""


def test_a_script_of_a_workflow_can_start_them(tmp_path):
    """A process begun afresh imports what started it: there it is a copy of the script, with Snakemake's preamble."""
    (tmp_path / "Snakefile").write_text(SNAKEFILE)
    (tmp_path / "script.py").write_text(SCRIPT.format(path=[str(HERE), str(HERE.parent)]))
    command = [sys.executable, "-m", "snakemake", "--cores", "1", "--directory", tmp_path]
    done = subprocess.run(
        [*command, "--snakefile", tmp_path / "Snakefile"], capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out.txt").read_text() == "0 2 2"
