"""Tasks worked out by local processes or by an existing Dask cluster, few under way at a time."""

from concurrent.futures import FIRST_COMPLETED, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from multiprocessing import active_children, get_context

from sufficiency.run.worker import calm, library, work

# Tasks handed out for each worker: one under way and one to take up next.
AHEAD = 2
PATIENCE = 5


def outcomes(tasks, processes=1, scheduler=""):
    """Yield (task, its CSV text or None, its error or None) as tasks end, in any order.

    A process that dies under way is no end of the sweep: what was with it is tried again alone.
    """
    if scheduler:
        with _cluster(scheduler) as (pool, workers):
            yield from _each(pool, tasks, workers)
        return
    lost = []
    while tasks:
        seen = []
        with _processes(processes) as pool:
            for task, text, error in _each(pool, tasks, processes):
                seen.append(task)
                if isinstance(error, BrokenProcessPool):
                    lost.append(task)
                else:
                    yield task, text, error
        tasks = [task for task in tasks if task not in seen]
    for task in lost:
        with _processes(1) as pool:
            yield from _each(pool, [task], 1)


def _each(pool, tasks, workers):
    """Ends of the tasks of a pool, at most AHEAD of them a worker handed out; stops if it broke."""
    left, under_way, broken = iter(tasks), {}, False
    while True:
        while not broken and len(under_way) < AHEAD * workers and (task := next(left, None)):
            try:
                under_way[pool.submit(work, task)] = task
            except BrokenProcessPool:
                broken = True
        if not under_way:
            return
        for job in wait(under_way, return_when=FIRST_COMPLETED).done:
            task, error = under_way.pop(job), job.exception()
            broken |= isinstance(error, BrokenProcessPool)
            yield task, None if error else job.result(), error


@contextmanager
def _processes(number):
    # Spawned: a fork of a process with threads may hang, and has numpy's threads already
    pool = ProcessPoolExecutor(number, get_context("spawn"), initializer=calm)
    mine = {*active_children()}
    try:
        yield pool
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        for child in {*active_children()} - mine:
            child.terminate()
        raise
    pool.shutdown()


@contextmanager
def _cluster(address):
    """An executor of the Dask cluster at an address, and how many tasks it can take at once."""
    try:
        from distributed import Client
    except ImportError:
        raise ValueError("--scheduler: found no dask.distributed here; allowed an environment "
                         "with dask[distributed]") from None
    try:
        client = Client(address, timeout=PATIENCE, set_as_default=False)
    except (OSError, ValueError) as error:
        raise ValueError(f"--scheduler: found nothing that answers at {address!r} within "
                         f"{PATIENCE} seconds ({error}); allowed tcp://host:port of a running "
                         "dask scheduler") from None
    with client:
        _meet(client, address)
        yield client.get_executor(), sum(client.nthreads().values())


def _meet(client, address):
    """Refuse a cluster without workers, or whose workers have other sources of the library."""
    try:
        client.wait_for_workers(1, timeout=PATIENCE)
    except TimeoutError:
        raise ValueError(f"--scheduler: found no worker at {address} within {PATIENCE} seconds; "
                         f"allowed a cluster with workers: dask worker {address}") from None
    try:
        found = client.run(library)
    except Exception as error:  # Whatever a worker raises comes back as it is
        raise ValueError(f"--scheduler: a worker cannot run the library ({error}); allowed "
                         "workers with sufficiency installed") from None
    if other := sorted(place for place, hash_ in found.items() if hash_ != library()):
        raise ValueError(f"--scheduler: found another version of the library at "
                         f"{', '.join(other)}; allowed the sources that are here") from None
