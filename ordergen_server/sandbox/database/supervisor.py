"""Keep one process running for as long as its parent lives, and not a moment longer.

``python -m ordergen_server.sandbox.database.supervisor [options] -- CMD...`` runs CMD and starts it again
when it dies. It ends CMD when its own standard input reaches the end of file, which the kernel brings about
however the parent dies, SIGKILL included. Before that the parent may write there: "r" kills CMD, for a new
start; "k" says that CMD is known to run, and to be started again for ever, ever later, for what comes in its
way, such as a full disk, may pass. Only the standard library is imported: it starts in no time.
"""

from __future__ import annotations

import argparse
import contextlib
import ctypes
import os
import select
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["KEEP", "RESTART", "Supervisor", "main"]

KEEP, RESTART = b"k", b"r"

QUICK_SECONDS = 1.0  # a child that lived shorter never really started
QUICK_DEATHS = 3
_FIRST_WAIT_SECONDS = 0.1
_DOUBLINGS = 5
_SECOND_SIGTERM_SECONDS = 1.0
_PR_SET_PDEATHSIG = 1


@dataclass(slots=True)
class Supervisor:
    """Runs a command again and again until told to stop.

    ``pid_file`` gets the pid of each child as it starts. ``grace_seconds`` is the time a child has between
    SIGTERM and SIGKILL. Without ``restart`` the first death of the child is the end.
    """

    command: Sequence[str]
    pid_file: Path | None
    grace_seconds: float
    restart: bool
    wakeup: int  # readable when a signal came
    keeps: bool = False  # the child is known to run

    def run(self) -> int:
        """Supervise until the end; return the exit code: 0 when told to stop, 1 when giving up."""
        quick_deaths = 0
        while True:
            started = time.monotonic()
            try:
                child = self._start()
            except OSError as error:
                return _give_up(f"cannot start {self.command[0]}: {error}")
            if self._told_to_stop(child):
                self._end(child)
                return 0
            # SIGKILL comes from outside and says nothing about whether the child can run.
            quick = time.monotonic() - started < QUICK_SECONDS and child.returncode != -signal.SIGKILL
            quick_deaths = quick_deaths + 1 if quick else 0
            death = f"{self.command[0]} {_describe(child.returncode)}"
            if not self.restart:
                return _give_up(death)
            if quick_deaths == QUICK_DEATHS and not self.keeps:
                return _give_up(f"{death}, {QUICK_DEATHS} times in a row within {QUICK_SECONDS:g} s")
            _say(f"{death}; starting it again")
            if self._told_to_stop(None, seconds=_FIRST_WAIT_SECONDS * 2 ** min(quick_deaths, _DOUBLINGS)):
                return 0

    def _start(self) -> subprocess.Popen[bytes]:
        child = subprocess.Popen(  # noqa: S603 - the command is the caller's own
            self.command,
            stdin=subprocess.DEVNULL,
            preexec_fn=_die_with_parent(),  # noqa: PLW1509 - safe: this process has a single thread
        )
        if self.pid_file is not None:
            fresh = self.pid_file.with_suffix(".new")
            fresh.write_text(f"{child.pid}\n")
            fresh.replace(self.pid_file)  # a reader sees a whole pid or the one before
        return child

    def _told_to_stop(self, child: subprocess.Popen[bytes] | None, seconds: float | None = None) -> bool:
        """Wait until told to stop (True), or the child is dead or the seconds are over (False)."""
        end = None if seconds is None else time.monotonic() + seconds
        while child is None or child.poll() is None:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return False
            readable, _, _ = select.select([0, self.wakeup], [], [], left)
            if 0 in readable:
                said = os.read(0, 4096)
                if not said:
                    return True
                self.keeps = self.keeps or KEEP in said
                if RESTART in said and child is not None:
                    child.kill()
            if self.wakeup in readable and signal.SIGTERM in os.read(self.wakeup, 4096):
                return True
        return False

    def _end(self, child: subprocess.Popen[bytes]) -> None:
        # Told a second time: a Python program can miss the first when it comes as it falls asleep on a lock.
        first = min(_SECOND_SIGTERM_SECONDS, self.grace_seconds / 2)
        for patience in (first, self.grace_seconds - first):
            child.terminate()
            with contextlib.suppress(subprocess.TimeoutExpired):
                child.wait(patience)
                return
        _say(f"{self.command[0]} did not end within {self.grace_seconds:g} s of SIGTERM; killing it")
        child.kill()
        child.wait()


def _die_with_parent() -> Callable[[], None] | None:
    """Return what a child on Linux runs first: the kernel is to kill it when the supervisor is killed."""
    if not sys.platform.startswith("linux"):
        return None
    prctl, supervisor = ctypes.CDLL(None).prctl, os.getpid()

    def ask() -> None:  # pragma: no cover - runs between fork and exec, where nothing is measured
        prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        if os.getppid() != supervisor:  # it died before we asked
            os._exit(1)

    return ask


def _describe(returncode: int) -> str:
    if returncode < 0:
        return f"was ended by {signal.Signals(-returncode).name}"
    return f"ended with exit code {returncode}"


def _say(text: str) -> None:
    with contextlib.suppress(OSError):  # the disk of the log may be full, which is no reason to end
        sys.stderr.write(f"supervisor: {text}\n")
        sys.stderr.flush()


def _give_up(text: str) -> int:
    _say(f"{text}; giving up")
    return 1


def _signal_pipe() -> int:
    """Return a descriptor that becomes readable when SIGTERM or SIGCHLD comes; each byte is a signal."""
    reader, writer = os.pipe()
    os.set_blocking(writer, False)
    signal.set_wakeup_fd(writer, warn_on_full_buffer=False)
    for number in (signal.SIGTERM, signal.SIGCHLD):
        signal.signal(number, lambda *_: None)
    return reader


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line; return its exit code."""
    parser = argparse.ArgumentParser(prog="supervisor", description=__doc__)
    parser.add_argument("--pid-file", type=Path, help="write the pid of each child here")
    parser.add_argument("--grace-seconds", type=float, default=10.0, help="between SIGTERM and SIGKILL")
    parser.add_argument("--no-restart", action="store_true", help="the first death of the child is the end")
    parser.add_argument("command", nargs="+", metavar="CMD")
    options = parser.parse_args(arguments)
    supervisor = Supervisor(
        options.command, options.pid_file, options.grace_seconds, not options.no_restart, _signal_pipe()
    )
    with contextlib.suppress(KeyboardInterrupt):  # started by hand in a terminal
        return supervisor.run()
    return 130


if __name__ == "__main__":
    sys.exit(main())
