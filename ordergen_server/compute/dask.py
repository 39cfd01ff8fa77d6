"""Workers of a Dask cluster, on any machines. Dask is told what is to be done, and nothing that matters.

Its scheduler may lose everything, its workers may be lost or do a task twice: what is done, and who may store
it, the chunks say. While no scheduler is there, or no worker, nothing is given out, and runs wait.
"""

import logging
import time
from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from contextlib import suppress
from threading import Lock
from typing import cast

import distributed

from ordergen_server.compute.reports import Reporter
from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.services.running.chunk_executor import WorkerLost
from ordergen_server.services.running.chunk_worker import ChunkWorker
from ordergen_server.services.running.report import Report

_log = logging.getLogger(__name__)

#: For one question to the scheduler.
SCHEDULER_SECONDS = 2.0
#: How long what it said of its workers is believed.
KNOWN_SECONDS = 1.0
#: After it could not be reached.
AGAIN_SECONDS = 2.0
#: By this name a worker finds what does its work.
PLUGIN = "ordergen"


class DaskExecutor:
    """A ChunkExecutor; it connects once it is asked for workers, and again whenever that is lost.

    Args:
        scheduler: its address, as `tcp://host:8786`.
        heard: is told what became of work.
    """

    def __init__(self, scheduler: str, heard: Callable[[Report], None]) -> None:
        self._scheduler = scheduler
        self._heard = heard
        self._lock = Lock()
        self._client: distributed.Client | None = None
        self._workers = 0
        self._ask_at = 0.0
        self._given: dict[ChunkTask, distributed.Future[Report]] = {}

    def start(self) -> None:
        """Nothing: the first run connects."""

    @property
    def workers(self) -> int:
        """How many chunks the cluster works on at once; 0 while there is none."""
        with self._lock:
            if time.monotonic() >= self._ask_at:
                self._workers = self._count()
            return self._workers

    def submit(self, task: ChunkTask) -> "Future[None]":
        """Have a chunk worked off by whichever worker Dask takes."""
        answer: Future[None] = Future()
        try:
            with self._lock:
                given = self._connected().submit(work_off, task, key=task.token, pure=False)
        except Exception as error:  # noqa: BLE001 - of a scheduler that has just gone; the chunk is given out again
            answer.set_exception(WorkerLost(f"the scheduler took no task: {type(error).__name__}"))
            return answer
        self._given[task] = given
        given.add_done_callback(lambda done: self._answer(task, done, answer))
        return answer

    def is_due(self, task: ChunkTask) -> bool:
        """Dask itself looks whether its workers live."""
        del task
        return False

    def give_up(self, task: ChunkTask) -> None:
        """Have Dask forget a task."""
        given = self._given.pop(task, None)
        if given is not None:
            with suppress(Exception):  # nothing depends on it
                given.cancel(force=True)

    def close(self) -> None:
        """Leave the cluster; what is under way there finds that its chunks are another's."""
        with self._lock:
            self._leave()

    def _count(self) -> int:
        """Threads of all workers, now."""
        try:
            threads = int(sum(self._connected().nthreads().values()))
        except Exception as error:  # noqa: BLE001 - whatever is wrong with the cluster, runs wait for it, and the log says so
            _log.warning("the Dask scheduler does not answer: %s", type(error).__name__)
            self._leave()
            self._ask_at = time.monotonic() + AGAIN_SECONDS
            return 0
        self._ask_at = time.monotonic() + KNOWN_SECONDS
        return threads

    def _connected(self) -> "distributed.Client":
        if self._client is not None and self._client.status != "running":
            self._leave()
        if self._client is None:
            self._client = distributed.Client(
                self._scheduler, timeout=SCHEDULER_SECONDS, set_as_default=False, name="ordergen"
            )
        return self._client

    def _leave(self) -> None:
        client, self._client = self._client, None
        self._given.clear()
        if client is not None:
            with suppress(Exception):  # it is gone already
                client.close(timeout=SCHEDULER_SECONDS)

    def _answer(self, task: ChunkTask, done: "distributed.Future[Report]", answer: "Future[None]") -> None:
        self._given.pop(task, None)
        try:
            report = done.result(timeout=SCHEDULER_SECONDS)
        except (CancelledError, distributed.KilledWorker, OSError, TimeoutError) as error:
            answer.set_exception(WorkerLost(f"Dask has lost it: {type(error).__name__}"))
        except Exception as error:  # noqa: BLE001 - of the work itself: whoever gave it decides
            answer.set_exception(error)
        else:
            self._heard(report)
            answer.set_result(None)


class ChunkWorkerPlugin(distributed.WorkerPlugin):
    """What a worker of the cluster works chunks off with."""

    name = PLUGIN

    def __init__(self, worker: ChunkWorker, reporter: Reporter) -> None:
        self.worker = worker
        self.reporter = reporter


def work_off(task: ChunkTask) -> Report:
    """In a worker of the cluster: work a chunk off, and report."""
    plugin = cast("ChunkWorkerPlugin", distributed.get_worker().plugins[PLUGIN])
    plugin.worker.work_off(task)
    return plugin.reporter.take()
