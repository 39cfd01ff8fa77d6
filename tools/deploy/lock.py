"""One deployment at a time: a Lease in the cluster, renewed as long as the deployment goes on.

Whose Lease does not change for as long as it is valid has died, and loses it; no clock of another machine is
compared with ours. Kubernetes leader election does it in the same way.
"""

import json
import os
import socket
import threading
import time
import uuid
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from tools.deploy.errors import Locked, LockLost
from tools.deploy.kubectl import Answer, Kubectl, KubectlFailed

NAME = "globeco-order-generation-deploy"
#: What is written is made here: no schema is fetched to look at it first.
_OURS = ("--validate=false", "-f", "-")
#: How often the Lease of another is looked at while it is valid.
_LOOKS = 10

Lease = dict[str, Any]


def _identity() -> str:
    return f"{socket.gethostname()}-{os.getpid()}-{uuid.uuid4().hex[:8]}"


@dataclass(slots=True)
class DeployLock:
    """The right to change what runs.

    Attributes:
        kubectl: reaches the cluster.
        seconds: how long it is held by who shows no life.
        renewal_seconds: how often we renew it.
        holder: a name for us that no other deployment has.
    """

    kubectl: Kubectl
    seconds: int = 30
    renewal_seconds: float = 10.0
    holder: str = field(default_factory=_identity)
    _over: threading.Event = field(default_factory=threading.Event)
    _lost: str | None = None

    @contextmanager
    def held(self) -> Iterator[None]:
        """Hold it for the length of the block.

        Raises:
            Locked: another deployment holds it, or it cannot be had.
        """
        lease = self._taken()
        renewer = threading.Thread(target=self._renewed, args=(lease,), daemon=True)
        renewer.start()
        try:
            yield
        finally:
            self._over.set()
            renewer.join()

    def check(self) -> None:
        """Raise LockLost where another deployment may have taken over."""
        if self._lost:
            raise LockLost(f"the lock of this deployment is lost: {self._lost}")

    def _taken(self) -> Lease:
        try:
            if (found := self._read()) is None:
                return self._written("create", {})
            return self._written("replace", self._abandoned(found)["metadata"])
        except KubectlFailed as error:
            raise Locked(f"the lock cannot be had: {error}") from error

    def _abandoned(self, lease: Lease) -> Lease:
        """The Lease of one that was given back, or whose holder shows no life for as long as it is valid."""
        holder = lease["spec"].get("holderIdentity")
        valid = lease["spec"].get("leaseDurationSeconds", self.seconds)
        for _ in range(_LOOKS if holder else 0):
            time.sleep(valid / _LOOKS)
            now = self._read()
            if now is None or now["metadata"]["resourceVersion"] != lease["metadata"]["resourceVersion"]:
                since = lease["spec"].get("acquireTime", "an unknown time")
                raise Locked(f"{holder} deploys since {since}: try again when it is done")
        return lease

    def _renewed(self, lease: Lease) -> None:
        """Renew it until the deployment is over, and give it back. Runs in a thread of its own."""
        end = time.monotonic() + self.seconds
        while not self._over.wait(self.renewal_seconds):
            began = time.monotonic()
            try:
                lease = self._written("replace", lease["metadata"], lease)
                end = began + self.seconds
            except KubectlFailed as error:
                found = self._found_after(lease)
                if found is None or time.monotonic() > end:
                    self._lost = str(error)
                    return
                lease = found
        self._given_back(lease)

    def _found_after(self, lease: Lease) -> Lease | None:
        """The Lease after a renewal that failed: it may have been written all the same. None is another's."""
        try:
            now = self._read()
        except KubectlFailed:
            return lease
        ours = now is not None and now["spec"].get("holderIdentity") == lease["spec"]["holderIdentity"]
        return now if ours else None

    def _given_back(self, lease: Lease) -> None:
        """Where that fails, the next deployment waits until the Lease is not valid any more."""
        free = {**lease, "spec": {"leaseDurationSeconds": self.seconds}}
        with suppress(KubectlFailed):
            self._call("replace", *_OURS, given=json.dumps(free))

    def _read(self) -> Lease | None:
        answer = self._call("get", "lease", NAME, "--ignore-not-found")
        return _lease(answer) if answer.out.strip() else None

    def _written(self, verb: str, metadata: dict[str, Any], former: Lease | None = None) -> Lease:
        """Create it, or replace the version that was read: where there is a newer one, that is refused."""
        now = datetime.now(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
        since = former["spec"]["acquireTime"] if former else now
        version = {"resourceVersion": metadata["resourceVersion"]} if metadata else {}
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": NAME, **version},
            "spec": {
                "holderIdentity": self.holder,
                "leaseDurationSeconds": self.seconds,
                "acquireTime": since,
                "renewTime": now,
            },
        }
        answer = self._call(verb, *_OURS, given=json.dumps(lease))
        return _lease(answer)

    def _call(self, *arguments: str, given: str | None = None) -> Answer:
        return self.kubectl.run(*arguments, "-o", "json", given=given, seconds=self.seconds)


def _lease(answer: Answer) -> Lease:
    """What kubectl says. Raises KubectlFailed where it is no Lease."""
    try:
        found: Lease = json.loads(answer.out)
        if "resourceVersion" in found["metadata"] and isinstance(found["spec"], dict):
            return found
    except (ValueError, KeyError, TypeError):
        pass
    raise KubectlFailed("kubectl answered with something else than the Lease")
