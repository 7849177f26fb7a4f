"""Points of a sweep, evaluated here or by several processes."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import islice

from chipletsim.errors import UsageError
from chipletsim.kernels import THREADS, thread_count
from chipletsim.stages import Progress
from chipletsim.sweep.evaluate import Evaluator, Task
from chipletsim.sweep.store import Point

CHUNK_POINTS = 64
"""Points looked at together; those that can be are priced by one call."""


def evaluated(tasks: list[Task], jobs: int, say: Progress | None = None) -> Iterator[list[Point]]:
    """Yield points as they are done, in no particular order.

    Args:
        tasks: Points to evaluate.
        jobs: Processes that work together; one works in this process.
        say: Called with a line of text as hardware steps are timed in this process.

    Raises:
        UsageError: One of the processes was killed.
    """
    chunks = _chunks(tasks, CHUNK_POINTS if jobs == 1 else _share(len(tasks), jobs))
    if jobs == 1 or len(tasks) <= 1:
        evaluator = Evaluator(say)
        for chunk in chunks:
            yield from evaluator.evaluate(chunk)
        return
    from concurrent.futures import ProcessPoolExecutor, as_completed
    from concurrent.futures.process import BrokenProcessPool
    from multiprocessing import active_children, get_context

    others = set(active_children())
    spawn = get_context("spawn")
    share = str(max(thread_count() // jobs, 1))
    with ProcessPoolExecutor(jobs, mp_context=spawn, initializer=_begin, initargs=(share,)) as pool:
        with _without_interrupts():
            futures = [pool.submit(_evaluate_chunk, chunk) for chunk in chunks]
        try:
            for future in as_completed(futures):
                yield future.result()
        except BrokenProcessPool:
            raise UsageError(
                "a process of the sweep was ended from outside, maybe for want of memory;"
                " the points done are kept: resume with fewer jobs"
            ) from None
        except BaseException:
            for process in set(active_children()) - others:
                process.terminate()
            raise
        finally:
            pool.shutdown(wait=False, cancel_futures=True)


@contextmanager
def _without_interrupts() -> Iterator[None]:
    """Ignore Ctrl-C for a moment, so that processes started meanwhile ignore it for good.

    It reaches all processes of a terminal at once, but one of them ends the others.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _begin(threads: str) -> None:
    """Settle in a process of the pool, with its share of the processors."""
    os.environ.setdefault(THREADS, threads)
    _end_with_parent()


def _end_with_parent() -> None:
    """End this process when the one that started it is gone, even if that was killed.

    A process of a pool waits for its next chunk for good, since it holds both ends of
    the pipe from which the chunks come.
    """
    from multiprocessing import parent_process
    from multiprocessing.connection import wait

    parent = parent_process()
    if parent is None:
        return

    def watch() -> None:
        wait([parent.sentinel])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _share(points: int, jobs: int) -> int:
    """Return the points of a chunk, so that each process gets a few chunks."""
    return max(1, min(CHUNK_POINTS, -(-points // (4 * jobs))))


def _chunks(tasks: list[Task], size: int) -> Iterator[list[Task]]:
    rest = iter(tasks)
    while chunk := list(islice(rest, size)):
        yield chunk


_worker: Evaluator | None = None


def _evaluate_chunk(tasks: list[Task]) -> list[Point]:
    """Evaluate a chunk in a process of its own, whose evaluator lives as long as it."""
    global _worker  # noqa: PLW0603 - one evaluator a process, so that activities are reused
    _worker = _worker or Evaluator()
    return [point for points in _worker.evaluate(tasks) for point in points]
