"""One deployment, step by step, and the way back where a step fails after something was changed."""

import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

from tools.deploy import manifests, rollback
from tools.deploy.errors import (
    ApplyFailed,
    Declined,
    DeployError,
    LockLost,
    NotCompared,
    NotReady,
    Refused,
    RenderFailed,
    RollbackFailed,
)
from tools.deploy.kubectl import Kubectl, KubectlFailed
from tools.deploy.lock import DeployLock
from tools.deploy.manifests import Manifest
from tools.deploy.progress import Progress, State
from tools.deploy.rollback import Before
from tools.deploy.smoke import Smoke

#: Whose fields these are, to the API server.
MANAGER = "ordergen-deploy"
_DIFFERENT = 1


@dataclass(frozen=True, slots=True)
class Plan:
    """What to deploy, and how.

    Attributes:
        overlay: a folder with a kustomization.
        kubernetes: the version whose schemas hold.
        saved: where what ran before is written down.
        only_compare: stop once it is told what would change.
        force: take fields that others have applied.
        roll_back: bring back what ran before where something fails.
        ready_seconds: for all workloads to become ready, and again on the way back.
    """

    overlay: Path
    kubernetes: str
    saved: Path
    only_compare: bool = False
    force: bool = False
    roll_back: bool = True
    ready_seconds: float = 600.0


@dataclass(slots=True)
class Deployment:
    """Carries out a plan.

    Attributes:
        plan: what to do.
        kubectl: reaches the cluster.
        lock: keeps others out.
        smoke: asks what was deployed.
        progress: is told of every step.
        confirmed: asks somebody who has seen what would change.
    """

    plan: Plan
    kubectl: Kubectl
    lock: DeployLock
    smoke: Smoke
    progress: Progress
    confirmed: Callable[[], bool]

    def run(self) -> None:
        """Deploy.

        Raises:
            DeployError: it did not come about; `progress.state` says what runs.
        """
        deployed = self._rendered()
        self._validate(deployed)
        if self.plan.only_compare:
            self._compare(deployed)
            return
        with ExitStack() as kept:
            with self.progress.step("lock"):  # it waits where another shows no life
                kept.enter_context(self.lock.held())
            if not self._compare(deployed):
                self.progress.say("Nothing changes.")
                self._prove(deployed)
                return
            if not self.confirmed():
                raise Declined("it was not confirmed")
            self._change(deployed)

    def _rendered(self) -> list[Manifest]:
        with self.progress.step("render"):
            try:
                answer = self.kubectl.run("kustomize", str(self.plan.overlay), told=False)
            except KubectlFailed as error:
                raise RenderFailed(str(error)) from error
            found = manifests.parsed(answer.out)
            self.kubectl.secrets |= manifests.secrets(found)
            self.kubectl.namespace = self.kubectl.namespace or manifests.namespace(found)
            return manifests.with_settings_digest(found)

    def _validate(self, deployed: list[Manifest]) -> None:
        with self.progress.step("validate"):
            if unknown := manifests.validate(deployed, self.plan.kubernetes):
                self.progress.say(f"Not validated, for there is no schema: {', '.join(unknown)}.")

    def _compare(self, deployed: list[Manifest]) -> bool:
        """Have the cluster try it without effect, and tell what changes; whether anything does.

        Secrets are compared and not shown: that one changes is all that is told.
        """
        with self.progress.step("dry-run"):
            try:
                self._apply(deployed, "--dry-run=server")
            except KubectlFailed as error:
                raise Refused(str(error)) from error
        with self.progress.step("diff"):
            open_ones = [one for one in deployed if not manifests.is_secret(one)]
            secrets = list(filter(manifests.is_secret, deployed))
            shown = self._difference(open_ones)
            hidden = [manifests.name(one) for one in secrets if self._difference([one])]
        for told in (shown.rstrip(), *(f"{one} changes; its values are not shown." for one in hidden)):
            if told:
                self.progress.say(told)
        return bool(shown or hidden)

    def _difference(self, some: list[Manifest]) -> str:
        if not some:
            return ""
        try:
            answer = self.kubectl.run(
                "diff", *self._server_side(), "-f", "-", given=manifests.text(some), allowed=(0, _DIFFERENT)
            )
        except KubectlFailed as error:
            raise NotCompared(str(error)) from error
        return (answer.out or "(kubectl does not say what)") if answer.code == _DIFFERENT else ""

    def _change(self, deployed: list[Manifest]) -> None:
        with self.progress.step("remember what runs"):
            try:
                before = rollback.read(self.kubectl, deployed)
            except KubectlFailed as error:
                raise NotCompared(str(error)) from error
            before.save(self.plan.saved)
        self.lock.check()
        self.progress.state = State.UNKNOWN
        try:
            with self.progress.step("apply"):
                try:
                    self._apply(deployed)
                except KubectlFailed as error:
                    raise ApplyFailed(str(error)) from error
            self._prove(deployed)
        except LockLost:
            raise
        except BaseException as reason:
            self._go_back(before, reason)
            raise
        self.progress.state = State.DEPLOYED

    def _prove(self, deployed: list[Manifest]) -> None:
        """Wait until what is deployed is ready, and ask it."""
        with self.progress.step("wait"):
            self._wait(deployed)
        with self.progress.step("smoke test"):
            for line in self.smoke.passed(deployed):
                self.progress.say(line)

    def _wait(self, some: list[Manifest]) -> None:
        end = time.monotonic() + self.plan.ready_seconds
        for one in manifests.workloads(some):
            self.lock.check()
            left = max(1.0, end - time.monotonic())
            arguments = ("rollout", "status", manifests.name(one).lower(), f"--timeout={left:.0f}s")
            try:
                self.kubectl.run(*arguments, seconds=left + self.kubectl.seconds)
            except KubectlFailed as error:
                raise NotReady(f"{manifests.name(one)} is not ready: {error}") from error
            self.progress.say(f"{manifests.name(one)} is ready.")

    def _go_back(self, before: Before, reason: BaseException) -> None:
        """Bring back what ran before, and say what runs where that fails, or is not to be."""
        self.progress.say(f"It failed: {self._why(reason)}")
        if not (self.plan.roll_back and before.ran):
            self.progress.state = State.KEPT
            why = "Nothing ran before" if self.plan.roll_back else "--no-rollback"
            self.progress.say(f"{why}: what was applied stays as it is.")
            return
        try:
            with self.progress.step("roll back"):
                self._restore(before)
        except (DeployError, KubectlFailed, KeyboardInterrupt) as error:
            by_hand = f"kubectl apply {' '.join(self._server_side(force=True))} -f {self.plan.saved}"
            raise RollbackFailed(
                f"{self._why(reason)}; and the way back failed: {self._why(error)}. By hand: {by_hand}"
            ) from error
        self.progress.state = State.ROLLED_BACK

    def _restore(self, before: Before) -> None:
        self.lock.check()
        self._apply(before.objects, force=True)
        if before.to_delete:
            given = manifests.text(before.to_delete)
            self.kubectl.run("delete", "-f", "-", "--ignore-not-found", "--wait=false", given=given)
        self._wait(before.objects)

    def _apply(self, some: list[Manifest], *arguments: str, force: bool = False) -> None:
        given = manifests.text(some)
        self.kubectl.run("apply", *self._server_side(force), *arguments, "-f", "-", given=given)

    def _server_side(self, force: bool = False) -> list[str]:
        forced = ["--force-conflicts"] if force or self.plan.force else []
        return ["--server-side", f"--field-manager={MANAGER}", *forced]

    def _why(self, error: BaseException) -> str:
        return str(error) or ("it was interrupted" if isinstance(error, KeyboardInterrupt) else repr(error))
