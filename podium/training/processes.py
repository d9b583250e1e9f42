"""Several processes of this computer that run one function together, as one training on several GPUs.

Process 0 is the one that calls; the others are started by it, for it alone, and never outlive it. They share nothing
but what podium.training.world lets them tell each other: on GPUs by NCCL, without by gloo.
"""

import logging
import multiprocessing
import os
import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from multiprocessing.connection import Connection
from typing import TypeVar

import torch
import torch.distributed as dist

from podium.errors import PodiumError
from podium.models.device import device
from podium.training.signals import STOP_SIGNALS, Interrupted, held_back
from podium.training.world import World

log = logging.getLogger(__name__)

Result = TypeVar("Result")

# Process 0 may score a validation for hours while the others wait. One that has died is noticed in another way.
_TIMEOUT = timedelta(days=30)
# Seconds: for a death to become known after the connection broke; to end by itself; to notice that another is dead.
_NEWS, _END, _STUCK = 2.0, 60.0, 60.0

_world = World()


def world() -> World:
    """Return this process's place among those that `run` started; alone outside of it."""
    return _world


def run(function: Callable[..., Result], processes: int, *args: object) -> Result:
    """Return function(*args), run by `processes` processes at once, from process 0, which is this one.

    Parameters
    ----------
    function
        Of a module that can be imported, with arguments that can be pickled: the other processes are begun afresh
        ("spawn"). Each has one GPU, by its number, where there are any, and an equal part of torch's threads. Their log
        is process 0's alone, but for warnings, which go to stderr.
    processes
        One: the function is called and nothing else happens.

    Raises
    ------
    PodiumError
        There are fewer GPUs than processes, or another process failed: its own PodiumError, or its traceback.
    Exception
        Whatever the function raises in process 0. In any case no process is left when this returns.
    """
    if processes == 1:
        return function(*args)
    if device().type == "cuda" and processes > torch.cuda.device_count():
        raise PodiumError(
            f"{processes} processes need as many GPUs, but there are {torch.cuda.device_count()}",
            mend="ask for fewer processes, or for more GPUs",
        )
    threads = max(1, torch.get_num_threads() // processes)
    # The system chooses a free port.
    store = dist.TCPStore("127.0.0.1", 0, is_master=True, wait_for_workers=False)
    others: list[_Other] = []
    ended = threading.Event()
    grace = 0.0
    try:
        with held_back():
            for rank in range(1, processes):
                others.append(_Other(rank, processes, store.port, threads, function, args))
        for other in others:
            other.wait_until_ready()
        threading.Thread(target=_end_when_stuck, args=(others, ended), daemon=True).start()
        with _member(0, processes, store, threads):
            result = _blamed_on(others, function, args)
        grace = _END
        return result
    except Interrupted:
        grace = _END
        raise
    finally:
        ended.set()
        for other in others:
            other.end(grace)


def _blamed_on(others: list["_Other"], function: Callable[..., Result], args: tuple) -> Result:
    """Call the function; where it fails because another process has, raise what ended that one."""
    try:
        return function(*args)
    except RuntimeError as error:  # as of a connection that broke
        # Asked while this process is still connected: what fails from now on is its consequence.
        for other in others:
            other.raise_failure(error)
        raise


class _Other:
    """Another process than 0, seen from process 0."""

    def __init__(self, rank: int, size: int, port: int, threads: int, function: Callable, args: tuple):
        context = multiprocessing.get_context("spawn")
        self.name = f"process {rank} of {size}"
        self.pipe, pipe = context.Pipe(duplex=False)
        self.process = context.Process(target=_other, args=(rank, size, port, threads, pipe, function, args))
        self.process.start()
        pipe.close()

    def wait_until_ready(self) -> None:
        try:
            self.pipe.recv()
        except EOFError:
            self.process.join(_END)
            raise PodiumError(f"{self.name} did not start: {self._fate()}; stderr may tell why") from None

    def raise_failure(self, consequence: Exception) -> None:
        """Raise what ended this process, if it has ended by itself."""
        failure = None
        with suppress(EOFError):
            failure = self.pipe.recv() if self.pipe.poll(_NEWS) else None
        if isinstance(failure, PodiumError):
            raise failure from consequence
        if failure is not None:
            raise PodiumError(f"{self.name} failed:\n{failure}") from consequence
        self.process.join(_NEWS)
        if self.process.exitcode:
            raise PodiumError(
                f"{self.name} died: {self._fate()}",
                mend="SIGKILL is often the system's, out of memory: ask for more, or for fewer processes or workers",
            ) from consequence

    def _fate(self) -> str:
        code = self.process.exitcode
        return f"ended by {signal.Signals(-code).name}" if code is not None and code < 0 else f"exit code {code}"

    def end(self, grace: float) -> None:
        """Wait for its end for so many seconds, then make it."""
        self.process.join(grace)
        # Not SIGTERM, which it only notes.
        self.process.kill()
        self.process.join()
        self.pipe.close()


def _other(rank: int, size: int, port: int, threads: int, pipe: Connection, function: Callable, args: tuple) -> None:
    # Process 0 decides when a training stops; within `fit` the others note a signal too, and tell it.
    for number in STOP_SIGNALS:
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, STOP_SIGNALS)
    threading.Thread(target=_end_with_parent, daemon=True).start()
    try:
        pipe.send(None)  # ready
        store = dist.TCPStore("127.0.0.1", port, is_master=False)
        with _member(rank, size, store, threads):
            function(*args)
    except Interrupted:
        pass
    except BaseException as error:
        pipe.send(error if isinstance(error, PodiumError) else traceback.format_exc())
        _exit_at_once()


@contextmanager
def _member(rank: int, size: int, store: dist.Store, threads: int) -> Iterator[None]:
    """Join the processes and set this process's world."""
    global _world
    kind, before = device().type, torch.get_num_threads()
    torch.set_num_threads(threads)
    if kind == "cuda":
        torch.cuda.set_device(rank)
    if sys.platform == "linux":
        # Without it the computer's own name is looked up, which some do not know.
        os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")
    backend = "nccl" if kind == "cuda" else "gloo"
    dist.init_process_group(backend, store=store, rank=rank, world_size=size, timeout=_TIMEOUT)
    try:
        _world = World(rank, size, dist.new_group(backend="gloo", timeout=_TIMEOUT))
        yield
    finally:
        _world = World()
        dist.destroy_process_group()
        torch.set_num_threads(before)


def _end_with_parent() -> None:
    multiprocessing.parent_process().join()
    _exit_at_once()


def _end_when_stuck(others: list[_Other], ended: threading.Event) -> None:
    """End process 0 where another is dead and it waits for it on a GPU, from where no error comes."""
    while not ended.wait(1.0):
        dead = [other for other in others if other.process.exitcode]
        if dead and not ended.wait(_STUCK):
            try:
                dead[0].raise_failure(TimeoutError())
            except PodiumError as error:
                log.error("%s", error)
            for other in others:
                other.process.kill()
            _exit_at_once()


def _exit_at_once() -> None:
    """End this process whatever its threads and connections wait for."""
    logging.shutdown()
    sys.stderr.flush()
    os._exit(1)
