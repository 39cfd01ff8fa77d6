"""What the Pod Security Standard `restricted` asks of pods, and what we ask beyond it."""

from collections.abc import Iterator, Sequence

from tests.unit.deployment.manifests import Manifest, pod_templates

_CONTAINER = {
    "allowPrivilegeEscalation": False,
    "readOnlyRootFilesystem": True,
    "capabilities": {"drop": ["ALL"]},
}
#: The kinds of volumes that `restricted` allows, as far as we use them.
_VOLUMES = {"configMap", "emptyDir", "persistentVolumeClaim", "projected", "secret"}


def unrestricted(resources: Sequence[Manifest]) -> Iterator[str]:
    """Every pod that may do more than it should, and in what."""
    for name, template in pod_templates(resources):
        spec = template["spec"]
        yield from (f"{name}: {problem}" for problem in (*_of_pod(spec), *_of_containers(spec)))


def _of_pod(spec: Manifest) -> Iterator[str]:
    security = spec["securityContext"]
    if security["runAsNonRoot"] is not True or not security["runAsUser"]:
        yield "may be root"
    if security["seccompProfile"] != {"type": "RuntimeDefault"}:
        yield "has another seccomp profile"
    if spec["automountServiceAccountToken"] is not False:
        yield "has a token of the cluster"
    if spec["enableServiceLinks"] is not False:  # ORDERGEN_PORT=tcp://... would be taken for the setting
        yield "has variables made of Services"
    for volume in spec.get("volumes", []):
        if not volume.keys() <= _VOLUMES | {"name"}:
            yield f"mounts {volume['name']}, of a kind that is not allowed"
    if {"hostNetwork", "hostPID", "hostIPC"} & spec.keys():
        yield "shares the host"


def _of_containers(spec: Manifest) -> Iterator[str]:
    for one in [*spec["containers"], *spec.get("initContainers", [])]:
        if one["securityContext"] != _CONTAINER:
            yield f"{one['name']} may do too much"
        if any("hostPort" in port for port in one.get("ports", [])):
            yield f"{one['name']} takes a port of the host"
        said = [one["resources"].get(kind, {}).keys() for kind in ("requests", "limits")]
        if said != [{"cpu", "memory"}] * 2:
            yield f"{one['name']} does not say what it needs"
