"""Whether what was deployed answers: over gRPC that it serves and a list of models, over REST the same."""

import queue
import re
import ssl
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import grpc
import urllib3
from globeco.ordergen.v1 import model_service_pb2, model_service_pb2_grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ordergen_client.connecting.credentials import Tls, authorization
from ordergen_client.errors import OrderGenerationError
from tools.deploy import manifests
from tools.deploy.errors import SmokeFailed
from tools.deploy.kubectl import Kubectl, KubectlFailed, end
from tools.deploy.manifests import Manifest

#: What container ports are called in kubernetes/.
GRPC_PORTS, REST_PORTS = ("grpc",), ("http", "https", "rest")
_PAUSE_SECONDS = 0.5
_FORWARDING = re.compile(r"Forwarding from 127\.0\.0\.1:(\d+) ->")


class NotAnswered(Exception):
    """It does not answer as it should; the message says what it answers."""


@dataclass(frozen=True, slots=True)
class Smoke:
    """What is asked, and how.

    Attributes:
        kubectl: forwards ports where no addresses are given.
        target: `host:port` of gRPC; None forwards a port to a pod.
        url: of REST, http or https; None forwards a port to a pod, where there is one that serves REST.
        tls: of gRPC, and its CA of REST; None is plain text.
        server_name: whom the certificate is of, where that is not the host that is asked.
        token: a file with a bearer token that may read.
        seconds: until it must have answered.
        call_seconds: the deadline of one question.
    """

    kubectl: Kubectl
    target: str | None = None
    url: str | None = None
    tls: Tls | None = None
    server_name: str | None = None
    token: Path | None = None
    seconds: float = 60.0
    call_seconds: float = 10.0

    def passed(self, deployed: list[Manifest]) -> list[str]:
        """Ask until everything is answered, and return what was.

        A port is forwarded anew for each try: the pod may have been one that was about to go.

        Raises:
            SmokeFailed: something was not answered in time.
        """
        limit = time.monotonic() + self.seconds
        while True:
            try:
                with self._addresses(deployed) as (channel, url):
                    said = [*self._ask_grpc(channel)] if channel else []
                    return [*said, *self._ask_rest(url)] if url else said
            except (NotAnswered, KubectlFailed) as reason:
                if time.monotonic() + _PAUSE_SECONDS > limit:
                    raise SmokeFailed(str(reason)) from reason
            time.sleep(_PAUSE_SECONDS)

    @contextmanager
    def _addresses(self, deployed: list[Manifest]) -> Iterator[tuple[str | None, str | None]]:
        with ExitStack() as stack:
            target, url = self.target, self.url
            if target is None and (found := manifests.port(deployed, GRPC_PORTS)):
                target = f"127.0.0.1:{stack.enter_context(self._forwarded(found))}"
            if url is None and (found := manifests.port(deployed, REST_PORTS)):
                scheme = "https" if found.name == "https" else "http"
                url = f"{scheme}://127.0.0.1:{stack.enter_context(self._forwarded(found))}"
            if not (target or url):
                raise NotAnswered("no Deployment has a port named grpc or http: give addresses")
            yield target, url

    @contextmanager
    def _forwarded(self, port: manifests.Port) -> Iterator[int]:
        """A free port of this machine that is one of a pod of a Deployment."""
        where = f"deployment/{port.deployment}"
        process = self.kubectl.start("port-forward", where, f":{port.number}")
        lines: queue.Queue[str] = queue.Queue()

        def read() -> None:
            for line in process.stdout or ():
                lines.put(line)
            lines.put("")

        reader = threading.Thread(target=read, daemon=True)
        reader.start()
        try:
            line = lines.get(timeout=self.kubectl.seconds)
            if not (found := _FORWARDING.match(line)):
                raise NotAnswered(f"no port is forwarded to {where}: {line.strip() or 'kubectl ended'}")
            yield int(found[1])
        except queue.Empty:
            raise NotAnswered(f"no port was forwarded to {where} in time") from None
        finally:
            end(process)
            reader.join()

    def _ask_grpc(self, target: str) -> Iterator[str]:
        try:
            metadata = authorization(self.token)
            with self._channel(target) as channel:
                check = health_pb2_grpc.HealthStub(channel).Check  # type: ignore[attr-defined] # set when made
                health = check(health_pb2.HealthCheckRequest(), timeout=self.call_seconds)
                if health.status != health_pb2.HealthCheckResponse.SERVING:
                    raise NotAnswered("grpc.health.v1 says that it does not serve")
                yield "gRPC: it is SERVING"
                models = model_service_pb2_grpc.ModelServiceStub(channel).ListModels(
                    model_service_pb2.ListModelsRequest(page_size=1),
                    timeout=self.call_seconds,
                    metadata=metadata,
                )
                yield f"gRPC: ListModels answers with {len(models.models)} of its models"
        except grpc.RpcError as error:
            raise NotAnswered(f"gRPC at {target}: {error.code().name}: {error.details()}") from error
        except (OSError, OrderGenerationError) as error:
            raise NotAnswered(f"gRPC at {target}: {error}") from error

    def _channel(self, target: str) -> grpc.Channel:
        if self.tls is None:
            return grpc.insecure_channel(target)
        named = [("grpc.ssl_target_name_override", self.server_name)] if self.server_name else []
        return grpc.secure_channel(target, self.tls.credentials(), named)

    def _ask_rest(self, url: str) -> Iterator[str]:
        try:
            headers = dict(authorization(self.token))
            with self._pool() as pool:
                for path in ("/health/ready", "/api/v1/models?limit=1"):
                    answer = pool.request("GET", url.rstrip("/") + path, headers=headers, redirect=False)
                    if answer.status != HTTPStatus.OK:
                        raise NotAnswered(f"GET {path} at {url} is answered with {answer.status}")
                    yield f"REST: GET {path} is answered"
        except (urllib3.exceptions.HTTPError, OSError, OrderGenerationError) as error:
            raise NotAnswered(f"REST at {url}: {error}") from error

    def _pool(self) -> urllib3.PoolManager:
        context = ssl.create_default_context(cafile=self.tls.ca if self.tls else None)
        if self.tls and self.tls.certificate:
            context.load_cert_chain(self.tls.certificate, self.tls.key)
        return urllib3.PoolManager(
            retries=False,
            timeout=self.call_seconds,
            ssl_context=context,
            server_hostname=self.server_name,
        )
