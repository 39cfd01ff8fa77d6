"""What NetworkPolicies let through: they add up, and what none of them names is open."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from tests.unit.deployment.manifests import Manifest, pod_templates

Labels = Mapping[str, str]
NAME = "app.kubernetes.io/name"


def flows(resources: Sequence[Manifest]) -> set[tuple[str, str, int]]:
    """Which of our pods reaches which, at which of its ports."""
    pods = dict(pod_templates(resources))
    policies = [one["spec"] for one in resources if one["kind"] == "NetworkPolicy"]
    return {
        (source, target, port)
        for source, sending in pods.items()
        for target, receiving in pods.items()
        for port in ports(receiving)
        if _lets(policies, "Egress", labels(sending), labels(receiving), port)
        and _lets(policies, "Ingress", labels(receiving), labels(sending), port)
    }


def labels(template: Manifest) -> Labels:
    """The labels of pods."""
    found: Labels = template["metadata"]["labels"]
    return found


def ports(template: Manifest) -> dict[int, str]:
    """The ports of pods, with their names."""
    listed = (port for one in template["spec"]["containers"] for port in one.get("ports", []))
    return {port["containerPort"]: port["name"] for port in listed}


def matches(selector: Mapping[str, Any], found: Labels) -> bool:
    """Whether a selector chooses what has these labels."""
    pairs: dict[str, str] = selector.get("matchLabels", {})
    several: list[dict[str, Any]] = selector.get("matchExpressions", [])
    assert all(one["operator"] == "In" for one in several)
    return all(found.get(key) == value for key, value in pairs.items()) and all(
        found.get(one["key"]) in one["values"] for one in several
    )


def idle(resources: Sequence[Manifest]) -> Iterator[str]:
    """Policies that choose no pods or name peers of ours that are not there, and ports that nobody has."""
    pods = [template for _, template in pod_templates(resources)]
    for policy in (one for one in resources if one["kind"] == "NetworkPolicy"):
        name, spec = policy["metadata"]["name"], policy["spec"]
        chosen = [one for one in pods if matches(spec["podSelector"], labels(one))]
        if not chosen:
            yield f"NetworkPolicy {name} chooses no pods"
        for rule in spec.get("ingress", []):
            yield from _unknown_ports(name, rule, chosen)
        for rule in [*spec.get("ingress", []), *spec.get("egress", [])]:
            for peer in _our_peers(rule):
                if not any(matches(peer, labels(one)) for one in pods):
                    yield f"NetworkPolicy {name} names pods that are not there: {peer}"
        for rule in spec.get("egress", []):
            peers = [one for one in pods for peer in _our_peers(rule) if matches(peer, labels(one))]
            if peers:
                yield from _unknown_ports(name, rule, peers)


def _our_peers(rule: Manifest) -> Iterator[Manifest]:
    for peer in rule.get("from", []) + rule.get("to", []):
        selector = peer.get("podSelector", {})
        if NAME in selector.get("matchLabels", {}):
            yield selector


def _unknown_ports(name: str, rule: Manifest, pods: Iterable[Manifest]) -> Iterator[str]:
    known = {port for one in pods for port in ports(one)}
    for port in rule["ports"]:
        if port["port"] not in known:
            yield f"NetworkPolicy {name} opens {port['port']}, which is no port there"


def _lets(policies: Iterable[Manifest], way: str, own: Labels, other: Labels, port: int) -> bool:
    naming = [one for one in policies if way in one["policyTypes"] and matches(one["podSelector"], own)]
    rules = [rule for one in naming for rule in one.get(way.lower(), [])]
    return not naming or any(_opens(rule, other, port) for rule in rules)


def _opens(rule: Manifest, other: Labels, port: int) -> bool:
    """Of pods alone: a peer that is a namespace or an address is none of ours."""
    peers = rule.get("from", []) + rule.get("to", [])
    return port in [one["port"] for one in rule["ports"]] and any(
        peer.keys() == {"podSelector"} and matches(peer["podSelector"], other) for peer in peers
    )
