"""What is asked of what was deployed, and what is taken for an answer."""

from pathlib import Path

import pytest
import trustme

from ordergen_client.connecting.credentials import Tls
from tests.limits import PATIENCE
from tests.unit.tools.deploy.cluster import FakeCluster, Pods, pods
from tools.deploy.errors import SmokeFailed
from tools.deploy.kubectl import Kubectl
from tools.deploy.manifests import Manifest
from tools.deploy.smoke import Smoke

NOBODY = "127.0.0.1:1"
CALL = {"seconds": 0.0, "call_seconds": PATIENCE}


def smoke(pods: Pods, **more: object) -> Smoke:
    addresses = {"target": f"127.0.0.1:{pods.ports[8088]}", "url": f"http://127.0.0.1:{pods.ports[8080]}/"}
    return Smoke(Kubectl("/nowhere"), **{**addresses, **CALL, **more})  # type: ignore[arg-type] # as named


def test_given_addresses_are_asked_without_kubectl(serving: Pods) -> None:
    assert smoke(serving).passed([]) == [
        "gRPC: it is SERVING",
        "gRPC: ListModels answers with 0 of its models",
        "REST: GET /health/ready is answered",
        "REST: GET /api/v1/models?limit=1 is answered",
    ]


def test_a_token_goes_along(serving: Pods, tmp_path: Path) -> None:
    (tmp_path / "token").write_text("abc\n")
    smoke(serving, token=tmp_path / "token").passed([])
    assert {token for _, token in serving.asked} == {"Bearer abc"}


def test_a_token_that_cannot_be_read(serving: Pods, tmp_path: Path) -> None:
    with pytest.raises(SmokeFailed, match="cannot be read"):
        smoke(serving, token=tmp_path / "none").passed([])


@pytest.mark.parametrize(
    ("more", "said"),
    [
        ({"target": NOBODY}, "gRPC at 127.0.0.1:1: UNAVAILABLE"),
        ({"url": f"http://{NOBODY}"}, f"REST at http://{NOBODY}: .*refused"),
        ({"tls": Tls(ca="/nowhere/ca.pem")}, "gRPC at .*No such file"),
        ({"target": None, "tls": Tls(ca="/nowhere/ca.pem")}, "no Deployment|No such file"),
    ],
)
def test_who_does_not_answer(more: dict[str, object], said: str, serving: Pods) -> None:
    with pytest.raises(SmokeFailed, match=said):
        smoke(serving, **more).passed([])


def test_over_tls_by_the_name_that_the_certificate_is_of(tmp_path: Path) -> None:
    """The port is forwarded, so that the host is another."""
    authority, other = trustme.CA(), trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    other.cert_pem.write_to_path(str(tmp_path / "other.pem"))
    with pods(authority.issue_cert("ordergen.example")) as secure:
        url = f"https://127.0.0.1:{secure.ports[8080]}"
        ours = {"tls": Tls(ca=tmp_path / "ca.pem"), "url": url}
        assert len(smoke(secure, **ours, server_name="ordergen.example").passed([])) == 4
        for wrong in ({**ours, "server_name": "other.example"}, {"tls": Tls(ca=tmp_path / "other.pem")}):
            with pytest.raises(SmokeFailed, match="UNAVAILABLE"):
                smoke(secure, **wrong).passed([])


def test_a_redirection_is_no_answer(serving: Pods) -> None:
    serving.rest_status["/health/ready"] = 302
    with pytest.raises(SmokeFailed, match="is answered with 302"):
        smoke(serving).passed([])


def test_it_is_asked_again_until_it_answers(empty: FakeCluster, former: list[Manifest]) -> None:
    """The first pod may be one that was about to go: each try forwards a port anew."""
    empty.plays(port_forward=[{"fail": "pod is terminating"}, {}, {"fail": "pod is not running"}])
    found = Smoke(Kubectl(empty.kubectl), seconds=PATIENCE, call_seconds=PATIENCE)
    assert len(found.passed(former)) == 4
    assert empty.count("port-forward") == 5


def test_where_nothing_can_be_asked(empty: FakeCluster) -> None:
    with pytest.raises(SmokeFailed, match="give addresses"):
        Smoke(Kubectl(empty.kubectl), seconds=0).passed([])


def test_no_forwarded_port_in_time(empty: FakeCluster, former: list[Manifest]) -> None:
    empty.plays(port_forward=[{"hang": True}])
    with pytest.raises(SmokeFailed, match=r"no port was forwarded to .* in time"):
        Smoke(Kubectl(empty.kubectl, seconds=0.2), seconds=0).passed(former)


def test_ports_are_forwarded_by_name(empty: FakeCluster, former: list[Manifest]) -> None:
    Smoke(Kubectl(empty.kubectl), seconds=0, call_seconds=PATIENCE).passed(former)
    forwarded = [one for one in empty.calls() if one.kind == "port-forward"]
    assert [one.arguments[1:] for one in forwarded] == [
        ["deployment/globeco-order-generation-service", ":8088"],
        ["deployment/globeco-order-generation-rest", ":8080"],
    ]
