"""The parent's side of the supervisor: a child process that never outlives us."""

from __future__ import annotations

import contextlib
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING, Self

from ordergen_server.sandbox.database.supervisor import KEEP, RESTART

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

__all__ = ["SupervisedProcess", "SupervisedProcessError"]

_TAIL_CHARACTERS = 2000
_POLL_SECONDS = 0.01


class SupervisedProcessError(Exception):
    """A supervised process did not start or gave up; the message ends with the tail of its log."""


class SupervisedProcess:
    """A command that runs under a supervisor of its own from ``start`` to ``stop``, or for a ``with`` block.

    The supervisor leads a session of its own, so that Ctrl-C in a terminal reaches us alone. It ends the
    command when the pipe to us closes: when we stop it, exit, crash or are killed. A process that is forked
    from us without exec (multiprocessing's "fork") inherits that pipe and would hold it open: use spawn.

    Args:
        command: program and arguments.
        log: the file that gets what supervisor and command say on standard error, appended.
        restart: whether the command is started again when it dies.
        grace_seconds: the time the command has between SIGTERM and SIGKILL.
        keep_open: descriptors the supervisor holds open for as long as it lives (such as a locked file).
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        log: Path | None = None,
        restart: bool = True,
        grace_seconds: float = 10.0,
        keep_open: Sequence[int] = (),
    ) -> None:
        self._command = command
        self._log = log
        self._restart = restart
        self._grace_seconds = grace_seconds
        self._keep_open = keep_open
        self._log_start = 0
        self._resources = contextlib.ExitStack()
        self._folder: Path | None = None
        self._supervisor: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start the supervisor, and with it the command; return at once.

        Raises:
            OSError: the log cannot be written.
        """
        with contextlib.ExitStack() as stack:
            temporary = tempfile.TemporaryDirectory(prefix="ordergen-", ignore_cleanup_errors=True)
            folder = Path(stack.enter_context(temporary))
            self._log = self._log or folder / "log"
            errors = stack.enter_context(self._log.open("ab"))
            output = stack.enter_context((folder / "output").open("wb"))
            self._log_start = errors.tell()
            self._supervisor = subprocess.Popen(  # noqa: S603 - the command is the caller's own
                self._supervisor_command(folder / "pid"),
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=errors,
                start_new_session=True,
                pass_fds=self._keep_open,
            )
            self._folder = folder
            self._resources = stack.pop_all()

    def _supervisor_command(self, pid_file: Path) -> list[str]:
        command = [sys.executable, "-m", "ordergen_server.sandbox.database.supervisor"]
        command += ["--pid-file", str(pid_file), "--grace-seconds", str(self._grace_seconds)]
        return [*command, *([] if self._restart else ["--no-restart"]), "--", *self._command]

    def request_stop(self) -> None:
        """Ask the supervisor to end the command and itself; return at once."""
        if self._supervisor is not None and self._supervisor.stdin is not None:
            self._supervisor.stdin.close()

    def keep(self) -> None:
        """Say that the command runs: from now on it is started again however often and soon it dies."""
        self._say(KEEP)

    def restart_child(self) -> None:
        """Have the command killed and started again; return at once. Harmless once all has ended."""
        self._say(RESTART)

    def _say(self, word: bytes) -> None:
        if self._supervisor is not None and self._supervisor.stdin is not None:
            with contextlib.suppress(OSError, ValueError):  # the pipe is broken, or closed by us
                self._supervisor.stdin.write(word)
                self._supervisor.stdin.flush()

    def stop(self) -> None:
        """End the command and its supervisor and wait for both; harmless when they are gone or never were."""
        self.request_stop()
        if self._supervisor is not None:
            try:
                self._supervisor.wait(self._grace_seconds + 5)
            except subprocess.TimeoutExpired:  # pragma: no cover - a supervisor that is stopped by a debugger
                self._supervisor.kill()
                self._supervisor.wait()
        self._resources.close()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """The pid of the supervisor.

        Raises:
            SupervisedProcessError: it was never started.
        """
        if self._supervisor is None:
            raise SupervisedProcessError(f"{self._command[0]} was never started")
        return self._supervisor.pid

    @property
    def child_pid(self) -> int | None:
        """The pid of the command's present or last process, None before the first and after ``stop``."""
        if self._folder is None:
            return None
        try:
            return int((self._folder / "pid").read_text())
        except FileNotFoundError:
            return None

    @property
    def running(self) -> bool:
        """Whether the supervisor lives; false once it gave up."""
        return self._supervisor is not None and self._supervisor.poll() is None

    def log_tail(self) -> str:
        """Return the end of what was logged since the start."""
        if self._log is None or not self._log.exists():
            return ""
        with self._log.open("rb") as file:
            file.seek(self._log_start)
            return file.read().decode(errors="replace")[-_TAIL_CHARACTERS:].strip()

    def first_line(self, timeout_seconds: float) -> str:
        """Wait for the first whole line the command writes to standard output, and return it.

        Raises:
            SupervisedProcessError: the command gave up, or the time was over, before a line came.
        """
        end = time.monotonic() + timeout_seconds
        while True:
            self.check_starting(end)
            line, newline, _ = self._output().partition("\n")
            if newline:
                return line
            time.sleep(_POLL_SECONDS)

    def _output(self) -> str:
        return "" if self._folder is None else (self._folder / "output").read_text()

    def check_starting(self, end: float) -> None:
        """Raise unless the supervisor lives and the monotonic clock has not passed ``end``.

        Raises:
            SupervisedProcessError: says which, with the tail of the log.
        """
        if not self.running:
            raise SupervisedProcessError(f"{self._command[0]} did not start:\n{self.log_tail()}")
        if time.monotonic() > end:
            raise SupervisedProcessError(f"{self._command[0]} did not start in time:\n{self.log_tail()}")
