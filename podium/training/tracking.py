"""A training's numbers while it runs: TensorBoard's events always, MLflow or Weights & Biases where they are asked for.

A tracker is opened by the first row that it is given, which tells from where the training goes on; until then it is
no more than its settings, which can be sent to another process.
"""

import importlib
import logging
import time
from collections.abc import Mapping
from pathlib import Path

from podium.config.tracking import Tracking
from podium.errors import PodiumError
from podium.files import read_json, write_json
from podium.training.watchers import Tracker

log = logging.getLogger(__name__)


def trackers(kind: Tracking, folder: str | Path, state_file: Path, settings: Mapping | None = None) -> list[Tracker]:
    """Return the trackers of a training; none of them has touched a file or the network yet.

    Parameters
    ----------
    kind
        The configuration's `tracking`.
    folder
        `results/<competition>/<training>/<experiment>`. TensorBoard's files go into `tensorboard/` in it; the other
        names become MLflow's experiment, or W&B's project, and the run's name.
    state_file
        The training's. Its name tells whose events a folder holds; beside it a run's id is kept.
    settings
        The experiment's, which MLflow and W&B show beside the run.

    Raises
    ------
    PodiumError
        The package that is asked for is not installed.
    """
    folder = Path(folder)
    found: list[Tracker] = [_Spared(TensorBoard(folder / "tensorboard", state_file.stem))]
    if kind != "none":
        try:
            importlib.import_module(kind)
        except ImportError as error:
            raise PodiumError(
                f"tracking is {kind}, but this package cannot be imported: {error}",
                key="tracking",
                mend=f"install it beside podium (`pip install {kind}`), or set tracking: none",
            ) from None
        remote = {"mlflow": MLflow, "wandb": WandB}[kind]
        project, *name = folder.parts[-3:]
        memory = state_file.with_suffix(f".{kind}.json")
        found.append(_Spared(remote(memory, project, "/".join(name), _flat(settings or {}))))
    return found


class TensorBoard:
    """Event files, for `tensorboard --logdir results`. Tags are the columns of history.csv.

    A training that goes on purges what was written after the state that it goes on from. One that begins anew, and one
    with other settings, removes the files that were there.
    """

    def __init__(self, folder: Path, identity: str):
        self.folder, self.identity, self.writer = folder, identity, None

    def log(self, row: dict[str, float]) -> None:
        if self.writer is None:
            self.writer = self._open(int(row["iteration"]))
        for name, value in _numbers(row).items():
            self.writer.add_scalar(name, value, int(row["iteration"]))
        # The state may be saved next: what it counts as done must be in the file by then.
        self.writer.flush()

    def _open(self, first: int):
        from torch.utils.tensorboard import SummaryWriter  # slow to import

        for file in self.folder.glob("events.out.tfevents.*"):
            if first == 1 or not file.name.endswith(f".{self.identity}"):
                file.unlink()
        return SummaryWriter(str(self.folder), purge_step=first, filename_suffix=f".{self.identity}")

    def close(self, finished: bool) -> None:
        if self.writer is not None:
            self.writer.close()


class _Remote:
    """What MLflow and W&B have in common: a small file with the run's id and the last iteration that was sent.

    Where the service cannot be reached, a new training does not begin (PodiumError); one that goes on does so without.
    """

    kind: Tracking
    mend: str

    def __init__(self, memory: Path, project: str, name: str, settings: dict[str, object]):
        self.memory, self.project, self.name, self.settings = memory, project, name, settings
        self.run: str | None = None
        self.sent = 0

    def log(self, row: dict[str, float]) -> None:
        iteration = int(row["iteration"])
        if self.run is None:
            known = read_json(self.memory) if iteration > 1 and self.memory.exists() else {}
            try:
                self.run = self._open(known.get("run"))
            except Exception as error:
                if iteration > 1:
                    raise  # a training on its way goes on without
                raise PodiumError(
                    f"tracking is {self.kind}, but it cannot be started: {error}", key="tracking", mend=self.mend
                ) from error
            self.sent = known.get("sent", 0)
        # Rows after the saved state were sent already, before the interruption.
        if iteration > self.sent:
            self._send(iteration, _numbers(row))
            self.sent = iteration
            write_json(self.memory, {"run": self.run, "sent": self.sent})

    def close(self, finished: bool) -> None:
        if self.run is not None:
            self._close(finished)


class MLflow(_Remote):
    """A run of MLflow, wherever MLFLOW_TRACKING_URI leads."""

    kind, mend = "mlflow", "see whether MLFLOW_TRACKING_URI is right and answers, or set tracking: none"

    def _open(self, run: str | None) -> str:
        import mlflow
        from mlflow.entities import Param

        experiment = mlflow.set_experiment(self.project).experiment_id
        self.client = mlflow.MlflowClient()
        if run is not None:
            self.client.update_run(run, status="RUNNING")
            return run
        run = self.client.create_run(experiment, run_name=self.name).info.run_id
        # MLflow takes values of 500 characters at least, and 100 of them at once.
        params = [Param(name, str(value)[:500]) for name, value in self.settings.items()]
        for start in range(0, len(params), 100):
            self.client.log_batch(run, params=params[start : start + 100])
        return run

    def _send(self, iteration: int, numbers: dict[str, float]) -> None:
        from mlflow.entities import Metric

        now = int(1000 * time.time())
        self.client.log_batch(self.run, [Metric(name, value, now, iteration) for name, value in numbers.items()])

    def _close(self, finished: bool) -> None:
        self.client.set_terminated(self.run, status="FINISHED" if finished else "KILLED")


class WandB(_Remote):
    """A run of Weights & Biases; with WANDB_MODE=offline its files stay here until `wandb sync` sends them."""

    kind, mend = "wandb", "run `wandb login` once, or set WANDB_MODE=offline, or set tracking: none"

    def _open(self, run: str | None) -> str:
        import wandb

        self.memory.parent.mkdir(parents=True, exist_ok=True)
        self.api = wandb.init(
            project=self.project,
            name=self.name,
            id=run,
            resume="allow",
            config=self.settings,
            dir=str(self.memory.parent),
            settings=wandb.Settings(console="off"),  # the log is a file of its own
        )
        return self.api.id

    def _send(self, iteration: int, numbers: dict[str, float]) -> None:
        self.api.log(numbers, step=iteration)

    def _close(self, finished: bool) -> None:
        self.api.finish(exit_code=0 if finished else 1)


class _Spared:
    """Gives a tracker up, with a warning, where it fails on its way: a training is worth more than its curves."""

    def __init__(self, tracker: Tracker):
        self.tracker, self.failed = tracker, False

    def log(self, row: dict[str, float]) -> None:
        self._try(self.tracker.log, row)

    def close(self, finished: bool) -> None:
        self._try(self.tracker.close, finished)

    def _try(self, act, *arguments: object) -> None:
        if self.failed:
            return
        try:
            act(*arguments)
        except PodiumError:
            raise
        except Exception as error:
            self.failed = True
            log.warning("%s failed and is told no more; the training goes on: %s", type(self.tracker).__name__, error)


def _numbers(row: Mapping[str, float]) -> dict[str, float]:
    return {name: value for name, value in row.items() if name != "iteration"}


def _flat(settings: Mapping, path: str = "") -> dict[str, object]:
    """Return nested settings as one level, names joined by dots."""
    found = {}
    for name, value in settings.items():
        found |= _flat(value, f"{path}{name}.") if isinstance(value, Mapping) else {f"{path}{name}": value}
    return found
