"""Calls of kubectl, each with a deadline; what it says is told without the values of Secrets."""

import os
import signal
import subprocess
from collections.abc import Iterable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field

#: To end by itself once it is told to.
GRACE_SECONDS = 5.0


class KubectlFailed(Exception):
    """kubectl cannot be started, ended with an error, or did not end in time; the message says which."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What one call came to."""

    code: int
    out: str
    err: str


@dataclass(slots=True)
class Kubectl:
    """One kubectl, for one cluster and namespace.

    Attributes:
        program: the program's name or path.
        context: the cluster, as the kubeconfig names it; None is the current one.
        namespace: None is the context's.
        seconds: the deadline of a call that has no other.
        secrets: texts that are in nothing that is told.
    """

    program: str = "kubectl"
    context: str | None = None
    namespace: str | None = None
    seconds: float = 60.0
    secrets: set[str] = field(default_factory=set, repr=False)

    def run(
        self,
        *arguments: str,
        given: str | None = None,
        seconds: float | None = None,
        allowed: Iterable[int] = (0,),
        told: bool = True,
    ) -> Answer:
        """Call it, with a text for its standard input; what is not to be told comes as it is.

        Raises:
            KubectlFailed: it ended with a code that is not allowed, or did not end in time.
        """
        process = self.start(*arguments, given=given is not None)
        limit = self.seconds if seconds is None else seconds
        try:
            out, err = process.communicate(given, timeout=limit)
        except subprocess.TimeoutExpired:
            raise KubectlFailed(f"kubectl {arguments[0]} did not end in {limit:g} s") from None
        finally:
            end(process)
        answer = Answer(process.returncode, self.told(out) if told else out, self.told(err))
        if answer.code not in allowed:
            said = answer.err.strip() or f"exit code {answer.code}, and not a word"
            raise KubectlFailed(f"kubectl {arguments[0]}: {said}")
        return answer

    def start(self, *arguments: str, given: bool = False) -> subprocess.Popen[str]:
        """Start it in a session of its own: Ctrl-C is for whoever started the deployment to act on.

        Raises:
            KubectlFailed: it cannot be started.
        """
        command = [self.program, *self._where(), *arguments]
        try:
            return subprocess.Popen(
                command,
                stdin=subprocess.PIPE if given else subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                encoding="utf-8",
                errors="replace",  # what is compared or logged may be anything
                start_new_session=True,
            )
        except OSError as error:
            raise KubectlFailed(f"{self.program} cannot be started: {error.strerror}") from error

    def told(self, text: str) -> str:
        """A text without the secrets in it, the longest first: one may be a part of another."""
        for secret in sorted(self.secrets, key=len, reverse=True):
            text = text.replace(secret, "***")
        return text

    def _where(self) -> Sequence[str]:
        context = [f"--context={self.context}"] if self.context else []
        return [*context, *([f"--namespace={self.namespace}"] if self.namespace else [])]


def end(process: subprocess.Popen[str]) -> None:
    """End a process and all that it started, if it has not ended; its pipes are closed."""
    for signal_number in (signal.SIGTERM, signal.SIGKILL):
        if process.poll() is None:
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal_number)
            with suppress(subprocess.TimeoutExpired):
                process.wait(GRACE_SECONDS)
    for pipe in (process.stdin, process.stdout, process.stderr):
        if pipe is not None:
            with suppress(BrokenPipeError):
                pipe.close()
