"""How processes that help with a job are begun."""

import multiprocessing
import sys
from multiprocessing.context import BaseContext


def process_context() -> BaseContext:
    """Return the way to begin processes that can be begun while this one has threads: of logging, libraries or CUDA.

    Not fork, which can then leave a child waiting for ever.
    """
    return multiprocessing.get_context("forkserver" if sys.platform == "linux" else "spawn")
