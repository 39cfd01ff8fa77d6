"""The cluster that the fake kubectl plays, as tests see it, and servers that stand for the pods in it."""

import json
import shlex
import ssl
import sys
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler
from pathlib import Path

import grpc
import trustme
import yaml
from globeco.ordergen.v1 import model_service_pb2, model_service_pb2_grpc
from grpc_health.v1 import health
from grpc_health.v1.health_pb2 import HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import add_HealthServicer_to_server

from tests.http_servers import http_server
from tests.limits import PATIENCE
from tests.unit.tools.deploy.fake_kubectl import Cluster, bare, key
from tools.deploy import __main__ as command
from tools.deploy.manifests import Manifest

_FAKE = Path(__file__).with_name("fake_kubectl.py")
Outcome = Mapping[str, object]


@dataclass(frozen=True, slots=True)
class Call:
    """What kubectl was called for, with what."""

    kind: str
    arguments: list[str]
    given: str


@dataclass(frozen=True, slots=True)
class FakeCluster:
    """A cluster in a folder."""

    folder: Path

    @property
    def kubectl(self) -> str:
        path = self.folder / "kubectl"
        if not path.exists():
            called = shlex.join([sys.executable, "-I", "-S", str(_FAKE), str(self.folder)])
            path.write_text(f'#!/bin/sh\nexec {called} "$@"\n')
            path.chmod(0o755)
        return str(path)

    @property
    def saved(self) -> Path:
        return self.folder / "saved" / "before.json"

    def overlay(self, manifests: Sequence[Manifest]) -> Path:
        """A folder that renders to these."""
        path = self.folder / "overlay"
        path.mkdir(exist_ok=True)
        (path / "rendered.yaml").write_text(yaml.safe_dump_all(manifests))
        return path

    def forwards(self, ports: Mapping[int, int]) -> None:
        """Say which ports of this machine are those of pods."""
        (self.folder / "ports.json").write_text(json.dumps(ports))

    def plays(self, **scenario: Sequence[Outcome]) -> None:
        """Say what the next calls of each kind come to; `dry_run` is `dry-run`."""
        named = {kind.replace("_", "-"): list(outcomes) for kind, outcomes in scenario.items()}
        for kind in [one for one in named if one.startswith("lease-")]:
            named[kind.replace("-", " ")] = named.pop(kind)
        (self.folder / "scenario.json").write_text(json.dumps(named))

    def calls(self) -> list[Call]:
        path = self.folder / "calls.jsonl"
        with Cluster(self.folder).opened():
            lines = path.read_text().splitlines() if path.exists() else []
        return [Call(**json.loads(line)) for line in lines]

    def kinds(self) -> list[str]:
        """Of calls, but those for the lock."""
        return [one.kind for one in self.calls() if not one.kind.startswith("lease")]

    def count(self, kind: str) -> int:
        return Counter(one.kind for one in self.calls())[kind]

    def objects(self) -> dict[str, Manifest]:
        """What is in it, without what the API server adds, and without the lock."""
        everything = self.everything()
        return {name: bare(one) for name, one in everything.items() if not name.startswith("Lease/")}

    def everything(self) -> dict[str, Manifest]:
        stored = Cluster(self.folder)
        with stored.opened():
            return stored.objects

    def put(self, one: Manifest, *, manager: str = "somebody") -> None:
        """Put an object into it, as somebody else would."""
        metadata = {"resourceVersion": "7", "managedFields": [{"manager": manager}], **one["metadata"]}
        stored = Cluster(self.folder)
        with stored.opened():
            stored.objects[key(one)] = {**one, "metadata": metadata}

    def deploy(self, manifests: Sequence[Manifest], *arguments: str) -> int:
        """Deploy in this process; the exit code."""
        seconds = ["--kubectl-seconds", str(PATIENCE), "--smoke-seconds", "0"]
        where = ["--kubectl", self.kubectl, "--saved", str(self.saved), *seconds]
        return command.main([str(self.overlay(manifests)), "--yes", *where, *arguments])


class _Models(model_service_pb2_grpc.ModelServiceServicer):
    def ListModels(  # noqa: N802 - as the contract names it
        self, request: model_service_pb2.ListModelsRequest, _: grpc.ServicerContext
    ) -> model_service_pb2.ListModelsResponse:
        assert request.page_size == 1
        return model_service_pb2.ListModelsResponse()


@dataclass(slots=True)
class Pods:
    """Servers in this process that answer as pods do; tests set what is wrong with them."""

    ports: dict[int, int]
    health: health.HealthServicer
    rest_status: dict[str, int]
    asked: list[tuple[str, str | None]]

    def serve(self, serving: bool) -> None:
        status = HealthCheckResponse.SERVING if serving else HealthCheckResponse.NOT_SERVING
        self.health.set("", status)


@contextmanager
def pods(certificate: trustme.LeafCert | None = None) -> Iterator[Pods]:
    """Start them, with TLS where they have a certificate."""
    with ThreadPoolExecutor(2) as executor:
        server = grpc.server(executor)
        found = Pods({}, health.HealthServicer(), {}, [])
        add_HealthServicer_to_server(found.health, server)
        model_service_pb2_grpc.add_ModelServiceServicer_to_server(_Models(), server)
        found.ports[8088] = _bound(server, certificate)
        server.start()
        try:
            with _rest(found, certificate) as port:
                found.ports[8080] = port
                found.serve(serving=True)
                yield found
        finally:
            server.stop(None).wait(PATIENCE)


def _bound(server: grpc.Server, certificate: trustme.LeafCert | None) -> int:
    if certificate is None:
        return server.add_insecure_port("127.0.0.1:0")
    chain = b"".join(one.bytes() for one in certificate.cert_chain_pems)
    credentials = grpc.ssl_server_credentials([(certificate.private_key_pem.bytes(), chain)])
    return server.add_secure_port("127.0.0.1:0", credentials)


@contextmanager
def _rest(found: Pods, certificate: trustme.LeafCert | None) -> Iterator[int]:
    class Answering(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            found.asked.append((self.path, self.headers.get("Authorization")))
            self.send_response(found.rest_status.get(self.path, 200))
            self.send_header("Content-Length", "0")
            self.end_headers()

    context = None
    if certificate:
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        certificate.configure_cert(context)
    with http_server(Answering, context=context) as port:
        yield port
