"""The one training loop, for every torch model."""

import logging
import math
from pathlib import Path
from typing import Protocol

import torch
from lightning_fabric import Fabric
from torch import Tensor, nn

from podium.config.solver import Solver
from podium.errors import PodiumError
from podium.training.history import Progress
from podium.training.optimiser import build_optimiser
from podium.training.order import Batches, Samples, loader, seed_iteration
from podium.training.precision import build_fabric
from podium.training.schedule import learning_rate
from podium.training.signals import Interrupted, StopRequest
from podium.training.state import Best, State, load_state, save_state

log = logging.getLogger(__name__)

# Losses stay on the device for this many iterations: reading each at once would make a GPU wait.
_READ_EVERY = 20


class Task(Protocol):
    """What differs between the models: the samples, the losses, the validation."""

    model: nn.Module
    samples: Samples
    monitor: str  # the validation metric by which the best weights are chosen; more is better

    def collate(self, samples: list) -> object:
        """Join drawn samples into a batch."""

    def losses(self, model: nn.Module, batch: object) -> dict[str, Tensor]:
        """Return the parts of the loss, scalars; their sum is minimised."""

    def validate(self, model: nn.Module) -> dict[str, float | None]:
        """Return metrics of the model, put in evaluation mode, on the validation part."""


def fit(
    task: Task, solver: Solver, *, seed: int, state_file: Path, workers: int = 0, title: str = "training"
) -> tuple[dict[str, Tensor], State]:
    """Train for solver.max_iter iterations, going on from `state_file` where it exists.

    Parameters
    ----------
    task
        Model, samples, losses and validation.
    seed
        With the settings it determines everything random: sample order, augmentation, draws within an iteration.
        On the CPU a run with equal settings, seed and number of threads has equal weights to the last bit, whatever
        the number of workers and however often it was interrupted.
    state_file
        Saved every solver.checkpoint_period iterations, at the end, and when a signal asks to stop. It must be named
        after all that the result depends on: the loop trusts it.
    workers
        Processes that prepare samples; 0: this one.

    Returns
    -------
    (weights, state)
        The best or the last weights, as solver.keep says, on the CPU; and the state with the history.

    Raises
    ------
    Interrupted
        SIGTERM, SIGINT or SIGUSR1 arrived; the state was saved.
    PodiumError
        The loss is not finite. The state file holds the last good state.
    """
    fabric = build_fabric(solver.precision)
    task.model.to(memory_format=torch.channels_last)  # convolutions are faster so, on CPUs and tensor cores alike
    model, optimiser = fabric.setup(task.model, build_optimiser(task.model, solver))
    state = _restore(state_file, model, optimiser, fabric)
    if state.iteration == solver.max_iter:
        return _kept(state, solver, model), state

    def save() -> None:
        scaler = fabric.strategy.precision.state_dict()
        save_state(state_file, state, model=model.state_dict(), optimiser=optimiser.state_dict(), scaler=scaler)

    batches = Batches(len(task.samples), solver.ims_per_batch, seed, state.iteration, solver.max_iter)
    progress = Progress(state.iteration, solver.max_iter, title)
    unread: list[dict] = []
    with StopRequest() as stop:
        for iteration, batch in enumerate(loader(task.samples, batches, task.collate, workers), start=state.iteration):
            model.train()
            seed_iteration(seed, iteration)
            rate = learning_rate(solver, iteration)
            for group in optimiser.param_groups:
                group["lr"] = rate
            losses = task.losses(model, fabric.to_device(batch))
            loss = sum(losses.values())
            optimiser.zero_grad()
            fabric.backward(loss)
            if solver.clip_norm:
                fabric.clip_gradients(model, optimiser, max_norm=solver.clip_norm, error_if_nonfinite=False)
            optimiser.step()

            done = iteration + 1
            row = {"iteration": done, "lr": rate, "loss": loss.detach()}
            unread.append(row | {name: part.detach() for name, part in losses.items()})
            # Asked once: a signal during what follows is for the next iteration, which saves.
            asked = stop.name
            validate = done % solver.eval_period == 0 or done == solver.max_iter
            save_now = done % solver.checkpoint_period == 0 or done == solver.max_iter or asked is not None
            if validate or save_now or len(unread) >= _READ_EVERY:
                state.history += _read(unread)
                state.iteration, unread = done, []
                _check_weights(model, row)
                if validate:
                    _validate(task, model, state)
                progress.show(state.history[-1])
                if save_now:
                    save()
            if asked is not None:
                progress.close()
                raise Interrupted(f"{asked}: the state after {done} iterations is in {state_file}")
    progress.close()
    return _kept(state, solver, model), state


def _restore(state_file: Path, model: nn.Module, optimiser: torch.optim.Optimizer, fabric: Fabric) -> State:
    found = load_state(state_file)
    if found is None:
        return State()
    state, parts = found
    model.load_state_dict(parts["model"])
    optimiser.load_state_dict(parts["optimiser"])
    fabric.strategy.precision.load_state_dict(parts["scaler"])
    log.info("continuing after %d iterations from %s", state.iteration, state_file)
    return state


def _read(rows: list[dict]) -> list[dict[str, float]]:
    """Turn the rows' tensors into numbers, and stop at the first loss that is not finite."""
    numbers = [
        {key: value.item() if isinstance(value, Tensor) else value for key, value in row.items()} for row in rows
    ]
    for row in numbers:
        if not math.isfinite(row["loss"]):
            parts = ", ".join(f"{key} {value}" for key, value in row.items() if key.startswith("loss"))
            raise PodiumError(
                f"the loss is not finite at iteration {row['iteration']} ({parts})",
                **_diverged(row),
            )
    return numbers


def _check_weights(model: nn.Module, row: dict) -> None:
    """Stop where a finite loss had a gradient that was not: such weights must be neither saved nor kept."""
    for name, parameter in model.named_parameters():
        if not parameter.detach().isfinite().all():
            raise PodiumError(f"{name} is not finite after iteration {row['iteration']}", **_diverged(row))


def _diverged(row: dict) -> dict[str, str]:
    return {
        "key": "solver.base_lr",
        "mend": f"lower the learning rate (it was {row['lr']:.3g}), lengthen warmup_iters or set clip_norm",
    }


def _validate(task: Task, model: nn.Module, state: State) -> None:
    model.eval()
    with torch.no_grad():
        metrics = task.validate(model)
    state.history[-1] |= {f"val_{name}": value for name, value in metrics.items() if value is not None}
    value = metrics[task.monitor]
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
