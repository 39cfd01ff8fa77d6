"""The server as a process of its own, and what it leaves behind."""

import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, connected
from tests.limits import DATABASE_SECONDS, PATIENCE


def processes_on(folder: Path) -> list[int]:
    """The pids of database processes whose files are in a folder."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        try:
            command = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:
            continue  # it ended meanwhile
        if str(folder / "data").encode() in command and b"--sync-on-commit" in command:
            found.append(int(entry.name))
    return found


def parent_of(pid: int) -> int:
    """The pid of the process that started another."""
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2].split()[1])


@dataclass(frozen=True)
class ServerProcess:
    """A server that serves, on a data folder of its own."""

    process: "subprocess.Popen[str]"
    api: Api
    folder: Path

    def stop(self) -> int:
        """Ask it to end, as Kubernetes does; its exit code."""
        self.process.terminate()
        return self.process.wait(PATIENCE)

    @contextmanager
    def without_database(self) -> Iterator[None]:
        """Its database is killed, and its supervisor brings it back after the block."""
        pids = processes_on(self.folder)
        (database,) = [pid for pid in pids if parent_of(pid) in pids]
        supervisor = parent_of(database)
        os.kill(supervisor, signal.SIGSTOP)
        try:
            os.kill(database, signal.SIGKILL)
            yield
        finally:
            os.kill(supervisor, signal.SIGCONT)


def environment(folder: Path, siblings: SimulatedSiblings, **changed: str) -> Mapping[str, str]:
    """Variables of a server with an embedded database in a folder, and nothing of ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORDERGEN_")}
    return {
        **inherited,
        "ORDERGEN_HOST": "127.0.0.1",
        "ORDERGEN_PORT": "0",
        "ORDERGEN_HEALTH_PORT": "0",
        "ORDERGEN_METRICS_PORT": "0",
        "ORDERGEN_DATA_FOLDER": str(folder),
        "ORDERGEN_PORTFOLIO_ACCOUNTING_URL": siblings.accounting_url,
        "ORDERGEN_PRICING_URL": siblings.pricing_url,
        "ORDERGEN_SECURITY_URL": siblings.security_url,
        "ORDERGEN_PORTFOLIO_URL": siblings.portfolio_url,
        "ORDERGEN_SIBLING_BACKOFF_SECONDS": "0.01",
        "ORDERGEN_HEALTH_INTERVAL_SECONDS": "0.1",
        "ORDERGEN_MONGODB_TIMEOUT_SECONDS": str(DATABASE_SECONDS),
        "ORDERGEN_MAXIMUM_CALL_SECONDS": str(PATIENCE),
        "ORDERGEN_COMPUTE_PROCESSES": "0",  # each takes seconds to start
        "ORDERGEN_MESSAGE_SECONDS": str(PATIENCE),
        **changed,
    }


@contextmanager
def server_process(
    folder: Path, siblings: SimulatedSiblings, log: IO[str] | None = None, /, **changed: str
) -> Iterator[ServerProcess]:
    """A server until the end of the block; killed where it has not ended by then. Its log may be kept."""
    with subprocess.Popen(
        [sys.executable, "-m", "ordergen_server", "--json"],
        env=environment(folder, siblings, **changed),
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            ports = json.loads(process.stdout.readline())
            with connected(**ports) as api:
                yield ServerProcess(process, api, folder)
        finally:
            if process.poll() is None:
                process.kill()
