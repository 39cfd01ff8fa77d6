"""Whether what manifests refer to is there: settings, Secrets, volumes, ports, Services, issuers, modules."""

from collections.abc import Iterator, Mapping, Sequence
from importlib.util import find_spec
from typing import Any

from tests.unit.deployment.manifests import Manifest, pod_templates
from tests.unit.deployment.network import labels, matches, ports
from tools import configuration
from tools.cluster_secrets import made

Names = Mapping[str, set[str]]


def dangling(resources: Sequence[Manifest]) -> Iterator[str]:
    """Everything that is referred to and is not there."""
    secrets = _secrets(resources)
    for name, template in pod_templates(resources):
        for problem in (
            *_volumes(template["spec"], resources, secrets, _claims(name, resources)),
            *_variables(template["spec"], resources),
            *_ports_of_probes(template),
            *_modules(template["spec"]),
        ):
            yield f"{name}: {problem}"
    yield from _selectors(resources)
    yield from _autoscalers(resources)
    yield from _backends(resources)
    yield from _issuers(resources, secrets)
    yield from _settings(resources)


def _named(kind: str, resources: Sequence[Manifest]) -> dict[str, Manifest]:
    return {one["metadata"]["name"]: one for one in resources if one["kind"] == kind}


def _secrets(resources: Sequence[Manifest]) -> Names:
    """Secrets that are there before anything is applied, or are made by cert-manager, with their keys."""
    issued = _named("Certificate", resources).values()
    found = {one["metadata"]["name"]: set(one["stringData"]) for one in _made(certificates=not issued)}
    for one in issued:
        combined = {"tls-combined.pem"} if one["spec"].get("additionalOutputFormats") else set()
        found[one["spec"]["secretName"]] = {"ca.crt", "tls.crt", "tls.key", *combined}
    return found


def _made(*, certificates: bool) -> list[Manifest]:
    return list(made("globeco", 1, certificates=certificates))


def _claims(workload: str, resources: Sequence[Manifest]) -> set[str]:
    stateful = _named("StatefulSet", resources).get(workload, {"spec": {}})
    return {one["metadata"]["name"] for one in stateful["spec"].get("volumeClaimTemplates", [])}


def _volumes(
    spec: Manifest, resources: Sequence[Manifest], secrets: Names, claims: set[str]
) -> Iterator[str]:
    mounted = {
        mount["name"]
        for one in [*spec["containers"], *spec.get("initContainers", [])]
        for mount in one.get("volumeMounts", [])
    }
    volumes = {one["name"] for one in spec.get("volumes", [])} | claims
    yield from (f"mounts or has {one} in vain" for one in mounted ^ volumes)
    if spec["serviceAccountName"] not in _named("ServiceAccount", resources):
        yield "runs in the name of nobody"
    for volume in spec.get("volumes", []):
        yield from _sources(volume, resources, secrets)


def _sources(volume: Manifest, resources: Sequence[Manifest], secrets: Names) -> Iterator[str]:
    projected = [one["secret"] for one in volume.get("projected", {}).get("sources", [])]
    alone = [{**volume["secret"], "name": volume["secret"]["secretName"]}] if "secret" in volume else []
    for secret in [*projected, *alone]:
        wanted = {one["key"] for one in secret.get("items", [])}
        if wanted - secrets.get(secret["name"], {""}) or secret["name"] not in secrets:
            yield f"wants {sorted(wanted)} of the Secret {secret['name']}"
    if "configMap" in volume and volume["configMap"]["name"] not in _named("ConfigMap", resources):
        yield f"wants the ConfigMap {volume['configMap']['name']}"
    if "persistentVolumeClaim" in volume:
        name = volume["persistentVolumeClaim"]["claimName"]
        if name not in _named("PersistentVolumeClaim", resources):
            yield f"wants the claim {name}"


def _variables(spec: Manifest, resources: Sequence[Manifest]) -> Iterator[str]:
    maps = _named("ConfigMap", resources)
    for one in spec["containers"]:
        yield from (f"{name} is no setting" for name in _unknown(v["name"] for v in one.get("env", [])))
        for source in one.get("envFrom", []):
            if source["configMapRef"]["name"] not in maps:
                yield f"wants the ConfigMap {source['configMapRef']['name']}"


def _settings(resources: Sequence[Manifest]) -> Iterator[str]:
    for name, one in _named("ConfigMap", resources).items():
        yield from (f"{name}: {variable} is no setting" for variable in _unknown(one["data"]))


def _unknown(names: Any) -> set[str]:  # noqa: ANN401 - any names, of which some are of settings
    return {name for name in names if name.startswith("ORDERGEN_")} - configuration.variables()


def _ports_of_probes(template: Manifest) -> Iterator[str]:
    known = ports(template)
    for one in template["spec"]["containers"]:
        for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
            for how in one.get(probe, {}).values():
                if isinstance(how, dict) and "port" in how and how["port"] not in {*known, *known.values()}:
                    yield f"{probe} knocks at {how['port']}"


def _modules(spec: Manifest) -> Iterator[str]:
    for one in spec["containers"]:
        command = one.get("command", ["python", "-m", "ordergen_server"])  # the image's own
        name = command[-1] if command[:2] == ["python", "-m"] else ""
        if name and find_spec(name) is None:
            yield f"{name} is no module"


def _selectors(resources: Sequence[Manifest]) -> Iterator[str]:
    pods = [template for _, template in pod_templates(resources)]
    for name, one in _named("PodDisruptionBudget", resources).items():
        if not any(matches(one["spec"]["selector"], labels(pod)) for pod in pods):
            yield f"PodDisruptionBudget {name} chooses no pods"
    for name, one in _named("Service", resources).items():
        chosen = [pod for pod in pods if matches({"matchLabels": one["spec"]["selector"]}, labels(pod))]
        known = {port for pod in chosen for port in ports(pod).values()}
        yield from (
            f"Service {name} leads to {port['targetPort']}, which is no port"
            for port in one["spec"]["ports"]
            if port["targetPort"] not in known
        )


def _autoscalers(resources: Sequence[Manifest]) -> Iterator[str]:
    for name, one in _named("HorizontalPodAutoscaler", resources).items():
        target = one["spec"]["scaleTargetRef"]
        scaled = _named(target["kind"], resources).get(target["name"])
        if scaled is None:
            yield f"HorizontalPodAutoscaler {name} scales nothing"
        elif "replicas" in scaled["spec"]:
            yield f"{target['name']} says how many there are, and so does its autoscaler"


def _backends(resources: Sequence[Manifest]) -> Iterator[str]:
    services = {
        (name, known)
        for name, one in _named("Service", resources).items()
        for port in one["spec"]["ports"]
        for known in (port["name"], port["port"])
    }
    named = [
        (path["backend"]["service"]["name"], path["backend"]["service"]["port"]["name"])
        for one in _named("Ingress", resources).values()
        for rule in one["spec"]["rules"]
        for path in rule["http"]["paths"]
    ]
    routed = [
        (backend["name"], backend["port"])
        for kind in ("HTTPRoute", "GRPCRoute")
        for one in _named(kind, resources).values()
        for rule in one["spec"]["rules"]
        for backend in rule["backendRefs"]
    ]
    yield from (f"nobody serves {one}" for one in (*named, *routed) if one not in services)


def _issuers(resources: Sequence[Manifest], secrets: Names) -> Iterator[str]:
    issuers = _named("Issuer", resources)
    for name, one in _named("Certificate", resources).items():
        if one["spec"]["issuerRef"]["name"] not in issuers:
            yield f"nobody issues Certificate {name}"
    for name, one in issuers.items():
        if "ca" in one["spec"] and one["spec"]["ca"]["secretName"] not in secrets:
            yield f"Issuer {name} has no key"
