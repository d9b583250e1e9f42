"""The one training loop, for every torch model."""

import logging
import math
import time
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from signal import Signals
from typing import Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel

from podium.config.solver import Solver
from podium.errors import PodiumError
from podium.training.average import averaged
from podium.training.finite import check_weights, read_losses
from podium.training.optimiser import build_optimiser
from podium.training.order import Batches, Samples, loaded, seed_part
from podium.training.precision import build_fabric
from podium.training.processes import world as this_world
from podium.training.schedule import learning_rate
from podium.training.signals import Interrupted, StopRequest
from podium.training.stages import Stages
from podium.training.state import Best, State, ended, load_state, save_state, validation_due
from podium.training.validation import validate
from podium.training.watchers import Tracker, Watchers
from podium.training.world import World, gathering

log = logging.getLogger(__name__)

# Losses stay on a GPU for this many iterations: reading each at once would make it wait.
_READ_EVERY = {"cuda": 20, "cpu": 1}


class Task(Protocol):
    """What differs between the models: the samples, the losses, the validation."""

    model: nn.Module
    samples: Samples
    heads: tuple[str, ...]  # beginnings of the names of the parameters that learn alone in the first heads_only_iters
    monitor: str  # the validation metric by which the best weights are chosen; more is better

    @staticmethod
    def collate(samples: list) -> object:
        """Join drawn samples into a batch: a plain function, which loader workers get without the model."""

    def losses(self, model: nn.Module, batch: object) -> dict[str, Tensor]:
        """Return the parts of the loss, scalars, the same ones for every batch; their sum is minimised.

        The model is called once, and nothing of it but the model itself.
        """

    def predict(self, model: nn.Module, rank: int, world: int) -> Iterable[object]:
        """Yield what the model, put in evaluation mode, finds in the validation items rank, rank + world, and so on.

        One object for each item, which can be pickled and holds nothing on a GPU.
        """

    def metrics(self, found: list) -> dict[str, float | None]:
        """Return metrics for what was found in all the validation items, in their order; None: undefined."""


def fit(
    task: Task,
    solver: Solver,
    *,
    seed: int,
    state_file: Path,
    workers: int = 0,
    title: str = "training",
    rate: Callable[[Solver, int], float] = learning_rate,
    trackers: Sequence[Tracker] = (),
) -> tuple[dict[str, Tensor], State]:
    """Train for solver.max_iter iterations, going on from `state_file` where it exists.

    Called by all processes of podium.training.processes.run, each with a task of its own, they train one model: each
    runs its share of every batch of ims_per_batch samples, in solver.accumulate parts, and the gradients of all parts
    are averaged. Batch normalisation (`norm: batch`) sees a part at a time on processors, and that part of all
    processes on GPUs (SyncBatchNorm); process 0's running statistics are the model's.

    Parameters
    ----------
    task
        Model, samples, losses and validation.
    seed
        With the settings it determines everything random: sample order, augmentation, draws within an iteration.
        On the CPU a run with equal settings, seed and number of threads has equal weights to the last bit, whatever
        the number of workers and however often it was interrupted. With as many parts in all, runs of any number of
        processes are equal but for rounding.
    state_file
        Saved every solver.checkpoint_period iterations, at the end, and when a signal asks to stop; before a validation
        that is due then, and again after it. It must be named after all that the result depends on: the loop trusts it.
        Any number of processes can go on from it.
    workers
        Processes that prepare samples, for all processes together; 0: the training ones themselves.
    rate
        The learning rate of an iteration, from 0.
    trackers
        Told of the rows that were not complete when the run was interrupted last, by process 0 alone, and closed.

    Returns
    -------
    (weights, state)
        The best or the last weights, as solver.keep says, on the CPU, averaged ones where solver.ema_decay is set; and
        the state with the history.

    Raises
    ------
    Interrupted
        SIGTERM, SIGINT or SIGUSR1 arrived at one of the processes; the state was saved.
    Diverged
        A loss or a weight is not finite: a PodiumError with the history. The state file holds the last saved state.
    PodiumError
        ims_per_batch cannot be shared equally.
    """
    world = this_world()
    parts = _parts(solver, world)
    fabric = build_fabric(solver.precision)
    if world.size > 1 and fabric.device.type == "cuda":
        task.model = nn.SyncBatchNorm.convert_sync_batchnorm(task.model)
    task.model.to(memory_format=torch.channels_last)  # convolutions are faster so, on CPUs and tensor cores alike
    model, optimiser = fabric.setup(task.model, build_optimiser(task.model, solver))
    average = averaged(task.model, solver.ema_decay)
    kept = fabric.setup_module(average.module) if average else model  # what is validated and returned
    stages = Stages(task.model, task.heads, solver.heads_only_iters)
    state = _restore(state_file, model, optimiser, fabric, average)
    began = time.monotonic() - state.seconds

    def save() -> None:
        if world.rank == 0:
            state.seconds = time.monotonic() - began
            saved = {"model": model.state_dict(), "optimiser": optimiser.state_dict()}
            saved |= {"scaler": fabric.strategy.precision.state_dict()}
            saved |= {"average": average.state_dict()} if average else {}
            save_state(state_file, state, **saved)

    own = range(world.rank * solver.accumulate, (world.rank + 1) * solver.accumulate)
    order = Batches(len(task.samples), solver.ims_per_batch, seed, state.iteration, solver.max_iter, parts, own)
    unread, learner, changed = [], None, False
    enough = ended(state, solver, task.monitor)
    with Watchers(state, solver, title, trackers, world) as watchers, StopRequest() as stop:
        on_gpu = fabric.device.type == "cuda"
        batches = loaded(task.samples, order, task.collate, -(-workers // world.size), pinned=on_gpu)
        for done in range(state.iteration, solver.max_iter + 1):
            # What is due after so many iterations, and what was due when an interruption came.
            (asked,) = world.highest(stop.number)
            validate_now = validation_due(done, state, solver) and not asked
            save_now = asked or done % solver.checkpoint_period == 0 or done == solver.max_iter
            if unread and (validate_now or save_now or len(unread) >= _READ_EVERY[fabric.device.type]):
                state.history += read_losses(unread, world, state.history)
                state.iteration, unread = done, []
            if changed and (validate_now or save_now):
                check_weights(task.model, state.history)
            if validate_now:
                if changed and save_now:  # whatever happens in the validation, the period is not lost
                    watchers.tell(state)
                    save()
                metrics = validate(task, kept, world, stop)
                if metrics is None:
                    (asked,) = world.highest(stop.number)
                else:
                    _note(metrics, task.monitor, state, kept)
                    changed = True
                    enough = ended(state, solver, task.monitor)
            watchers.tell(state)
            if asked or (changed and (save_now or enough)):
                save()
                changed = False
            if asked:
                raise Interrupted(f"{Signals(asked).name}: the state after {done} iterations is in {state_file}")
            if enough:
                break

            # One iteration: a step of the optimiser by the mean gradient of the batch's parts.
            stages.begin(model, done)
            if learner is None or done == solver.heads_only_iters:
                learner = world.learner(model)
            row = {"iteration": done + 1, "lr": rate(solver, done)}
            for group in optimiser.param_groups:
                group["lr"] = row["lr"]
            optimiser.zero_grad()
            for part in own:
                batch = fabric.to_device(next(batches))
                seed_part(seed, done, part)
                with gathering(learner, part < own[-1]):
                    losses = task.losses(learner, batch)
                    losses = {"loss": sum(losses.values())} | losses
                    fabric.backward(losses["loss"] / len(own))
                for name, value in losses.items():
                    row[name] = row.get(name, 0) + value.detach() / len(own)
            if solver.clip_norm:
                fabric.clip_gradients(model, optimiser, max_norm=solver.clip_norm, error_if_nonfinite=False)
            optimiser.step()
            if average:
                average.update_parameters(task.model)
            unread.append(row)
            changed = True
    return _kept(state, solver, kept), state


def _parts(solver: Solver, world: World) -> int:
    """Return into how many parts a batch is split, over all processes."""
    parts = world.size * solver.accumulate
    if solver.ims_per_batch % parts:
        raise PodiumError(
            f"a batch of {solver.ims_per_batch} cannot be shared equally by {world.size} processes x "
            f"{solver.accumulate} parts",
            key="solver.ims_per_batch",
            mend=f"make it a multiple of {parts}, or take another number of processes or accumulate",
        )
    if parts > 1 and world.rank == 0:
        shares = [
            _counted(world.size, "process", "processes"),
            _counted(solver.accumulate, "part", "parts"),
            _counted(solver.ims_per_batch // parts, "image", "images"),
        ]
        log.info(
            "batch of %d: %s; the learning rate is used as it is configured", solver.ims_per_batch, " x ".join(shares)
        )
    return parts


def _counted(number: int, one: str, many: str) -> str:
    return f"{number} {one if number == 1 else many}"


def _restore(
    state_file: Path,
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    fabric: Fabric,
    average: AveragedModel | None,
) -> State:
    found = load_state(state_file)
    if found is None:
        return State()
    state, parts = found
    model.load_state_dict(parts["model"])
    optimiser.load_state_dict(parts["optimiser"])
    fabric.strategy.precision.load_state_dict(parts["scaler"])
    if average:
        average.load_state_dict(parts["average"])
    log.info("continuing after %d iterations from %s", state.iteration, state_file)
    return state


def _note(metrics: dict[str, float | None], monitor: str, state: State, model: nn.Module) -> None:
    """Write down a validation, and the weights where they are the best."""
    state.validated = state.iteration
    state.history[-1] |= {f"val_{name}": value for name, value in metrics.items() if value is not None}
    value = metrics[monitor]
    # A metric can be undefined (no objects): such weights are worse than any measured, and the latest of them the best.
    value = -math.inf if value is None else value
    if state.best is None or value > state.best.value or state.best.value == -math.inf:
        state.best = Best(value, state.iteration, _weights(model))


def kept_iteration(state: State, solver: Solver) -> int:
    """Return after how many iterations the weights that `fit` returned were taken."""
    return state.best.iteration if solver.keep == "best" and state.best else state.iteration


def _kept(state: State, solver: Solver, model: nn.Module) -> dict[str, Tensor]:
    return state.best.weights if solver.keep == "best" and state.best else _weights(model)


def _weights(model: nn.Module) -> dict[str, Tensor]:
    return {name: value.detach().cpu().clone() for name, value in model.state_dict().items()}
