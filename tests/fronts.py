"""The REST front as a process of its own, and requests to it."""

import json
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from decimal import Decimal
from typing import IO, Any

import urllib3

from tests.limits import PATIENCE


@dataclass(frozen=True)
class Answer:
    """What was answered; numbers are read digit for digit."""

    status: int
    headers: Mapping[str, str]
    body: bytes

    @property
    def json(self) -> Any:  # noqa: ANN401 - anything of JSON
        return json.loads(self.body, parse_float=Decimal)


@dataclass(frozen=True)
class Front:
    """A front that serves."""

    process: "subprocess.Popen[str]"
    url: str
    http: urllib3.PoolManager

    def ask(
        self,
        method: str,
        path: str,
        body: object = None,
        *,
        raw: bytes | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> Answer:
        """One request, with a body in JSON or as it is; no redirect is followed, nothing is tried again."""
        sent = raw if body is None else json.dumps(body).encode()
        kind = {} if sent is None else {"content-type": "application/json"}
        answer = self.http.request(
            method,
            self.url + path,
            body=sent,
            headers={**kind, **(headers or {})},
            redirect=False,
            retries=False,
            timeout=PATIENCE,
        )
        return Answer(answer.status, answer.headers, answer.data)

    @property
    def port(self) -> int:
        return int(self.url.rpartition(":")[2])


def variables(target: str, **changed: str) -> Mapping[str, str]:
    """Variables of a front for the API at a target, and nothing of ours."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("ORDERGEN_")}
    return {
        **inherited,
        "ORDERGEN_REST_PORT": "0",
        "ORDERGEN_REST_TARGET": target,
        "ORDERGEN_REST_TIMEOUT_SECONDS": str(PATIENCE),
        "ORDERGEN_REST_MESSAGE_SECONDS": str(PATIENCE),
        **changed,
    }


@contextmanager
def front_process(
    target: str, log: IO[str] | None = None, /, *, ca: str | None = None, **changed: str
) -> Iterator[Front]:
    """A front until the end of the block, as `python -m ordergen_server.rest` starts it."""
    with subprocess.Popen(
        [sys.executable, "-m", "ordergen_server.rest", "--json"],
        env=variables(target, **changed),
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    ) as process:
        try:
            assert process.stdout is not None
            url = json.loads(process.stdout.readline())["rest"]
            with urllib3.PoolManager(maxsize=32, ca_certs=ca) as http:
                yield Front(process, url, http)
        finally:
            if process.poll() is None:
                process.terminate()
            process.wait(PATIENCE)
