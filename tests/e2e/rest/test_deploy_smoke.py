"""The smoke test of a deployment, asked of the server and the REST front themselves."""

import pytest

from tests.e2e.api import Api
from tests.fronts import Front
from tests.limits import PATIENCE
from tools.deploy.errors import SmokeFailed
from tools.deploy.kubectl import Kubectl
from tools.deploy.smoke import Smoke


def smoke(target: str, url: str) -> Smoke:
    return Smoke(Kubectl("/nowhere"), target, url, seconds=0, call_seconds=PATIENCE)


def test_what_serves_passes(rest_api: Api, front: Front) -> None:
    said = smoke(f"127.0.0.1:{rest_api.port}", front.url).passed([])
    assert [one.partition(" answers with")[0] for one in said] == [
        "gRPC: it is SERVING",
        "gRPC: ListModels",
        "REST: GET /health/ready is answered",
        "REST: GET /api/v1/models?limit=1 is answered",
    ]


def test_a_port_that_is_another_does_not(rest_api: Api, front: Front) -> None:
    """That of health knows no models, and that of gRPC speaks no HTTP/1."""
    with pytest.raises(SmokeFailed, match="UNIMPLEMENTED"):
        smoke(f"127.0.0.1:{rest_api.health_port}", front.url).passed([])
    with pytest.raises(SmokeFailed, match="REST at"):
        smoke(f"127.0.0.1:{rest_api.port}", f"http://127.0.0.1:{rest_api.port}").passed([])
