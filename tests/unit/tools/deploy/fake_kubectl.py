"""A kubectl that plays a cluster kept in a folder: `fake_kubectl.py FOLDER [--context=...] VERB ...`.

`cluster.json` has the objects, `calls.jsonl` gets a line for each call, `scenario.json` says what the next
calls of a kind come to: an empty dictionary is what a cluster does. It stands alone, so that it starts fast.
"""

import contextlib
import fcntl
import json
import os
import signal
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

Object = dict[str, Any]
_OF_THE_SERVER = ("uid", "resourceVersion", "generation", "creationTimestamp", "managedFields")


def say(text: str) -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


def fail(message: str, code: int = 1) -> NoReturn:
    sys.stderr.write(message + "\n")
    sys.exit(code)


class Cluster:
    """What is in the folder, read and written by one process at a time."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.objects: dict[str, Object] = {}

    @contextlib.contextmanager
    def opened(self) -> Iterator[None]:
        with (self.folder / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            path = self.folder / "cluster.json"
            self.objects = json.loads(path.read_text()) if path.exists() else {}
            try:
                yield
            finally:
                path.write_text(json.dumps(self.objects))

    def outcome(self, kind: str) -> Object:
        """What the scenario has for the next call of a kind; each is used up."""
        path = self.folder / "scenario.json"
        scenario = json.loads(path.read_text()) if path.exists() else {}
        coming = scenario.get(kind) or [{}]
        found: Object = coming.pop(0)
        path.write_text(json.dumps(scenario))
        return found

    def note(self, kind: str, arguments: list[str], given: str) -> None:
        with (self.folder / "calls.jsonl").open("a") as calls:
            calls.write(json.dumps({"kind": kind, "arguments": arguments, "given": given}) + "\n")

    def store(self, one: Object, manager: str) -> Object:
        """Keep an object with what the API server adds, and the number of pods that others set."""
        former = self.objects.get(key(one), {"metadata": {"resourceVersion": "0"}})
        kept: Object = json.loads(json.dumps(one))
        version = str(int(former["metadata"]["resourceVersion"]) + 1)
        added = {"uid": key(one), "resourceVersion": version, "generation": int(version)}
        kept["metadata"] |= {**added, "creationTimestamp": "now", "managedFields": [{"manager": manager}]}
        replicas = former.get("spec", {}).get("replicas")
        if one["kind"] == "Deployment":
            kept["spec"].setdefault("replicas", replicas or 1)
            kept["metadata"].setdefault("annotations", {})["deployment.kubernetes.io/revision"] = version
            kept["status"] = {"observedGeneration": int(version)}
        self.objects[key(one)] = kept
        return kept


def key(one: Object) -> str:
    return f"{one['kind']}/{one['metadata']['name']}"


def bare(one: Object) -> Object:
    """An object without what the server adds."""
    copied: Object = json.loads(json.dumps(one))
    for name in _OF_THE_SERVER:
        copied["metadata"].pop(name, None)
    annotations = copied["metadata"].get("annotations", {})
    annotations.pop("deployment.kubernetes.io/revision", None)
    if not annotations:
        copied["metadata"].pop("annotations", None)
    copied.pop("status", None)
    return copied


def documents(given: str) -> list[Object]:
    found = json.loads(given)
    assert found["kind"] == "List"
    items: list[Object] = found["items"]
    return items


def kind_of(arguments: list[str], given: str) -> str:
    verb = arguments[0]
    if "--dry-run=server" in arguments:
        return "dry-run"
    if '"Lease"' in given or "lease" in arguments:
        return f"lease {verb}"
    return verb


def misbehave(outcome: Object) -> None:
    if outcome.get("interrupt"):
        os.kill(os.getppid(), signal.SIGINT)
    if outcome.get("killed"):
        os.kill(os.getpid(), signal.SIGKILL)
    if outcome.get("hang") or outcome.get("interrupt"):
        time.sleep(3600)
    if "fail" in outcome and "after" not in outcome:
        fail(outcome["fail"], outcome.get("code", 1))


def main() -> None:
    cluster = Cluster(Path(sys.argv[1]))
    where = [one for one in sys.argv[2:] if one.startswith(("--context=", "--namespace="))]
    arguments = [one for one in sys.argv[2:] if one not in where]
    given = sys.stdin.read() if "-" in arguments else ""
    kind = kind_of(arguments, given)
    with cluster.opened():
        cluster.note(kind, sys.argv[2:], given)
        outcome = cluster.outcome(kind)
    misbehave(outcome)
    if arguments[0] == "port-forward":
        forward(cluster, arguments[2])
        return
    with cluster.opened():
        act(cluster, arguments, given, outcome)


def forward(cluster: Cluster, port: str) -> None:
    ports = json.loads((cluster.folder / "ports.json").read_text())
    say(f"Forwarding from 127.0.0.1:{ports[port.strip(':')]} -> {port.strip(':')}")
    time.sleep(3600)


def act(cluster: Cluster, arguments: list[str], given: str, outcome: Object) -> None:
    verb = arguments[0]
    if verb == "kustomize":
        say((Path(arguments[1]) / "rendered.yaml").read_text())
    elif verb == "apply":
        apply(cluster, arguments, given, outcome)
    elif verb == "diff":
        differ(cluster, given)
    elif verb == "get":
        get(cluster, arguments, given, renewed=bool(outcome.get("renewed")))
    elif verb in {"create", "replace"}:
        replace(cluster, verb, json.loads(given), outcome)
    elif verb == "delete":
        for one in documents(given):
            cluster.objects.pop(key(one), None)
    elif verb == "rollout" and not [one for one in cluster.objects if one.lower() == arguments[2]]:
        fail(f"Error from server (NotFound): {arguments[2]} not found")


def apply(cluster: Cluster, arguments: list[str], given: str, outcome: Object) -> None:
    (manager,) = (one.partition("=")[2] for one in arguments if one.startswith("--field-manager="))
    for number, one in enumerate(documents(given)):
        former = cluster.objects.get(key(one))
        others = former and former["metadata"]["managedFields"] != [{"manager": manager}]
        if former and others and bare(former) != bare(one) and "--force-conflicts" not in arguments:
            fail("error: Apply failed with 1 conflict: conflict with another manager")
        if outcome.get("after") == number:
            fail(outcome["fail"])
        if "--dry-run=server" not in arguments:
            cluster.store(one, manager)


def differ(cluster: Cluster, given: str) -> None:
    """The whole object, where something differs: a careless kubectl, that shows Secrets."""
    different = []
    for one in documents(given):
        former = cluster.objects.get(key(one))
        same = former and bare(former)
        if same and one["kind"] == "Deployment" and "replicas" not in one["spec"]:
            same["spec"].pop("replicas")
        if same != bare(one):
            different.append(f"-{json.dumps(same)}\n+{json.dumps(bare(one))}")
    say("\n".join(different))
    sys.exit(1 if different else 0)


def get(cluster: Cluster, arguments: list[str], given: str, *, renewed: bool) -> None:
    names = [f"Lease/{arguments[2]}"] if arguments[1] == "lease" else [key(one) for one in documents(given)]
    found = [cluster.objects[one] for one in names if one in cluster.objects]
    if renewed:
        found = [cluster.store(one, "another") for one in found]
    if len(names) > 1:
        say(json.dumps({"kind": "List", "apiVersion": "v1", "items": found}))
    elif found:
        say(json.dumps(found[0]))


def replace(cluster: Cluster, verb: str, one: Object, outcome: Object) -> None:
    former = cluster.objects.get(key(one))
    if verb == "create" and former:
        fail(f'Error from server (AlreadyExists): "{key(one)}" already exists')
    if verb == "replace":
        if former is None:
            fail("Error from server (NotFound)")
        if former["metadata"]["resourceVersion"] != one["metadata"].get("resourceVersion"):
            fail("Error from server (Conflict): the object has been modified")
    stored = json.dumps(cluster.store(one, "replace"))
    say(outcome.get("says", stored))
    if outcome.get("exits"):
        sys.exit(outcome["exits"])


if __name__ == "__main__":
    main()
