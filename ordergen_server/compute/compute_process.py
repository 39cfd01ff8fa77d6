"""What a compute process is: how it begins and ends, and what it does for the process that started it."""

import multiprocessing
import os
import signal
import sys
from contextlib import ExitStack
from dataclasses import dataclass
from threading import Thread
from typing import ClassVar, TypeVar

from ordergen_server.api.telemetry.logs import logging_to
from ordergen_server.compute.reports import Reporter
from ordergen_server.compute.wiring import Wired, wired
from ordergen_server.configuration.settings import Settings
from ordergen_server.domain.chunks import ChunkTask
from ordergen_server.garbage import collect_seldom
from ordergen_server.services.desk.judging import Checked, DriftTask, Judge, Judged
from ordergen_server.services.running.chunk_executor import WorkerLost
from ordergen_server.services.running.report import Report

#: Whoever answers calls goes first (nice(2)): a run takes what they leave.
NICENESS = 10
#: Models of checks that a process keeps, with their markets.
KEPT_LOOKS = 4

Kept = TypeVar("Kept")


@dataclass(frozen=True, slots=True)
class ComputeConfig:
    """What a compute process needs.

    Attributes:
        settings: those of the server.
        mongodb_uri: the server's database.
        readers: portfolios that each process reads at once.
    """

    settings: Settings
    mongodb_uri: str
    readers: int


class _Process:
    """What a compute process has; what it works with is made once, by the first task.

    Attributes:
        judges: of the models that it was sent last, by look.
    """

    config: ComputeConfig
    reporter: Reporter
    judges: ClassVar[dict[str, Judge]] = {}
    work_with: Wired | None = None
    stack = ExitStack()


def begin(config: ComputeConfig) -> None:
    """The beginning of a compute process. Ctrl-C is for the process that started it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    Thread(target=_end_with_parent, name="parent", daemon=True).start()
    os.nice(NICENESS)
    collect_seldom()
    settings = config.settings
    _Process.stack.enter_context(logging_to(sys.stderr, settings.log_level, settings.log_format))
    _Process.config = config
    _Process.reporter = Reporter()


def _end_with_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent:
        parent.join()
    os._exit(1)


def work_off(task: ChunkTask) -> tuple[None, Report]:
    """Work a chunk off, and report."""
    _work_with().worker.work_off(task)
    return None, _Process.reporter.take()


def judge(task: DriftTask, checked: Checked | None) -> tuple[Judged, Report]:
    """Read and judge portfolios, and report.

    Args:
        task: the portfolios.
        checked: their model, unless this process has it.

    Raises:
        WorkerLost: this process does not have the model.
    """
    if checked:
        keep(_Process.judges, task.look_id, Judge(checked))
    known = _Process.judges.get(task.look_id)
    if known is None:
        raise WorkerLost("its process does not have the model")
    return known.read(_work_with().work, task), _Process.reporter.take()


def keep(kept: dict[str, Kept], look_id: str, value: Kept) -> None:
    """Keep what there is of the last looks: in a process, and with whoever sends them, who knows by that."""
    kept[look_id] = value
    while len(kept) > KEPT_LOOKS:
        del kept[next(iter(kept))]


def _work_with() -> Wired:
    if _Process.work_with is None:
        config = _Process.config
        opened = wired(config.settings, config.mongodb_uri, config.readers, _Process.reporter)
        _Process.work_with = _Process.stack.enter_context(opened)
    return _Process.work_with
