"""Work shared out among processes."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from typing import TypeVar

from podium.errors import PodiumError
from podium.start_method import process_context

Item, Result = TypeVar("Item"), TypeVar("Result")


def in_processes(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int, work: str
) -> Iterator[Result]:
    """Yield function(item) for each item, in order, computed by so many processes; by this one for 0 or 1.

    `work` says what the processes do ("checks images"), for the PodiumError that is raised where one was killed.
    """
    workers = min(workers, len(items))
    if workers <= 1:
        yield from map(function, items)
        return
    with ProcessPoolExecutor(workers, mp_context=process_context()) as pool:
        try:
            yield from pool.map(function, items, chunksize=max(1, min(16, len(items) // (4 * workers))))
        except BrokenProcessPool:
            raise PodiumError(
                f"a process that {work} was killed, probably for want of memory",
                mend="give the job more memory or fewer workers",
            ) from None
