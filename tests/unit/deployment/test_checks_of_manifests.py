"""What looks at manifests sees what is wrong with them."""

import copy
from collections.abc import Callable

import pytest

from tests.unit.deployment.manifests import FULL, GRPC, MONGODB, REST, SERVICE, Manifest, manifest, variant
from tests.unit.deployment.network import flows, idle
from tests.unit.deployment.references import dangling
from tests.unit.deployment.restricted import unrestricted

Change = Callable[[list[Manifest]], object]


def pod(resources: list[Manifest], kind: str = "Deployment", name: str = SERVICE) -> Manifest:
    found: Manifest = manifest(kind, name, resources)["spec"]["template"]["spec"]
    return found


def changed(change: Change) -> list[Manifest]:
    resources = copy.deepcopy(list(variant(FULL)))
    change(resources)
    return resources


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda all_: all_.remove(manifest("ConfigMap", SERVICE, all_)), f"wants the ConfigMap {SERVICE}"),
        (
            lambda all_: all_.remove(manifest("Certificate", MONGODB, all_)),
            f"wants ['ca.crt'] of the Secret {MONGODB}-tls",
        ),
        (lambda all_: pod(all_)["volumes"].pop(), "in vain"),
        (
            lambda all_: pod(all_)["containers"][0].update(command=["python", "-m", "ordergen_server.no"]),
            "module",
        ),
        (lambda all_: manifest("ConfigMap", SERVICE, all_)["data"].update(ORDERGEN_PORTS="1"), "no setting"),
        (
            lambda all_: pod(all_)["containers"][0]["readinessProbe"]["grpc"].update(port=8090),
            "knocks at 8090",
        ),
        (
            lambda all_: manifest("Service", GRPC, all_)["spec"]["ports"][0].update(targetPort="x"),
            "leads to x",
        ),
        (
            lambda all_: manifest("Deployment", SERVICE, all_)["spec"].update(replicas=2),
            "so does its autoscaler",
        ),
        (lambda all_: all_.remove(manifest("Service", SERVICE, all_)), "nobody serves"),
        (lambda all_: all_.remove(manifest("Issuer", "globeco-order-generation-ca", all_)), "nobody issues"),
        (
            lambda all_: manifest("PodDisruptionBudget", REST, all_)["spec"].update(
                selector={"matchLabels": {"app.kubernetes.io/name": "other"}}
            ),
            "chooses no pods",
        ),
    ],
)
def test_what_is_not_there_is_missed(change: Change, told: str) -> None:
    assert any(told in problem for problem in dangling(changed(change)))


@pytest.mark.parametrize(
    ("change", "told"),
    [
        (lambda all_: pod(all_)["securityContext"].update(runAsUser=0), "may be root"),
        (lambda all_: pod(all_)["securityContext"].update(seccompProfile={"type": "Unconfined"}), "seccomp"),
        (lambda all_: pod(all_).update(automountServiceAccountToken=True), "token of the cluster"),
        (lambda all_: pod(all_).update(hostNetwork=True), "shares the host"),
        (lambda all_: pod(all_)["volumes"].append({"name": "x", "hostPath": {"path": "/"}}), "mounts x"),
        (
            lambda all_: pod(all_, "StatefulSet", MONGODB)["initContainers"][0].update(securityContext={}),
            "keyfile may do too much",
        ),
        (lambda all_: pod(all_)["containers"][0]["resources"].pop("limits"), "what it needs"),
    ],
)
def test_what_may_do_too_much_is_seen(change: Change, told: str) -> None:
    assert any(told in problem for problem in unrestricted(changed(change)))


def test_what_is_closed_or_open_by_mistake_is_seen() -> None:
    policy = "globeco-order-generation-default-deny"
    closed = changed(lambda all_: all_.remove(manifest("NetworkPolicy", REST, all_)))
    opened = changed(lambda all_: all_.remove(manifest("NetworkPolicy", policy, all_)))
    assert (REST, SERVICE, 8088) not in flows(closed)
    assert (SERVICE, REST, 8080) not in flows(opened)  # the front's own policy still closes it
    assert (MONGODB, SERVICE, 8089) not in flows(opened)


def test_a_policy_for_nobody_is_seen() -> None:
    def rename(resources: list[Manifest]) -> None:
        manifest("NetworkPolicy", MONGODB, resources)["spec"]["podSelector"] = {"matchLabels": {"a": "b"}}

    assert f"NetworkPolicy {MONGODB} chooses no pods" in list(idle(changed(rename)))
