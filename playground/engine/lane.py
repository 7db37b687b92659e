"""One thread for everything that torch computes on the CPU, whichever model it is for. Knows nothing of models.

libgomp, which runs torch's loops, gives each thread that computes a pool of its own. Once all pools together have more
threads than there are cores, it sends them to sleep after every single loop, and all of torch takes twice as long
(measured: 37 instead of 20 ms a token). So the work of all models goes through here; they would share the cores anyway.
"""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

_T = TypeVar("_T")
_threads = 0
"""With how many torch computes; 0: as many as it likes."""
_here = threading.local()
_lane = ThreadPoolExecutor(max_workers=1, thread_name_prefix="torch-lane")


def run(work: Callable[[], _T]) -> _T:
    """Do `work` in the lane's thread, after what others have put there; return or raise what it does."""
    return _lane.submit(_with_all_threads, work).result()


def alone() -> None:
    """Let torch compute with this one thread until the end of the work that the lane does now.

    After a loop libgomp's threads wait for the next one without sleeping, for milliseconds, on cores that compiled code
    wants (measured: 10 instead of 7 ms a token).
    """
    _use(1)


def together() -> None:
    """Let torch compute with all threads again."""
    _use(_threads)


def use(threads: int) -> None:
    """Let torch compute with so many threads from now on, here and wherever it does work for us."""
    import torch

    global _threads
    _threads = threads
    torch.set_num_threads(threads)


def _wake() -> None:
    """Begin work in one of our threads. How many torch uses is kept for each thread, and what a new one gets is what
    was said last in any."""
    _here.ours = True
    together()


def _use(threads: int) -> None:
    import torch

    # Elsewhere it is not for us to say.
    if threads and getattr(_here, "ours", False) and torch.get_num_threads() != threads:
        torch.set_num_threads(threads)


def _with_all_threads(work: Callable[[], _T]) -> _T:
    _wake()
    try:
        return work()
    finally:
        together()


def aside(work: Callable[[], _T]) -> _T:
    """Do long work, as loading a model, in a thread that ends with it, and its pool too; the lane stays free."""
    done: Future[_T] = Future()

    def do() -> None:
        try:
            _wake()
            done.set_result(work())
        except BaseException as error:  # noqa: BLE001 - raised where it is waited for
            done.set_exception(error)

    thread = threading.Thread(target=do, name="torch-aside", daemon=True)
    thread.start()
    thread.join()
    return done.result()


def free_memory() -> None:
    """Give back what nobody holds any more, on the GPU too."""
    import torch

    gc.collect()
    if torch.cuda.is_available():
        torch.cuda.empty_cache()
