"""The siblings as what the server depends on: how each is, asked beside all calls."""

from ordergen_server.domain.diagnostics import WELL, DependencyState, Finding
from ordergen_server.domain.errors import DeadlineExceeded
from ordergen_server.siblings.calling.failures import AttemptFailed, NotTrusted, Refused, TimedOut, Unreadable
from ordergen_server.siblings.reading.readers import Reader

_NOT_TRUSTED = (
    "See `Siblings over TLS` in docs/operations.md: a certificate or a token is wrong, here or there."
)
_LATE = "See whether it is overloaded, or the network to it drops what is sent."
_BUSY = "Wait until runs have ended, or let fewer portfolios be read at once (ORDERGEN_PORTFOLIO_WORKERS)."


class SiblingDependency:
    """A sibling service.

    Args:
        name: of the service.
        reader: reads it.
    """

    def __init__(self, name: str, reader: Reader) -> None:
        self.name = name
        self._reader = reader

    def look(self, timeout_seconds: float) -> Finding:
        """Ask it what costs it least; see Dependency."""
        finding = self._found(timeout_seconds)
        seconds = self._reader.breaker.refusing_seconds
        return self._refused(finding, seconds) if seconds else finding

    def _found(self, timeout_seconds: float) -> Finding:
        try:
            self._reader.look(timeout_seconds)
        except (AttemptFailed, Refused) as failure:
            return self._unavailable(failure.reason, self._advice(failure))
        except DeadlineExceeded:
            return self._unavailable(
                f"could not be asked: all connections to it are in use for {timeout_seconds:g} s", _BUSY
            )
        return WELL

    def _unavailable(self, reason: str, advice: str) -> Finding:
        return Finding(DependencyState.UNAVAILABLE, f"The {self.name} service {reason}.", advice)

    def _advice(self, failure: AttemptFailed | Refused) -> str:
        if isinstance(failure, NotTrusted):
            return _NOT_TRUSTED
        if isinstance(failure, TimedOut):
            return _LATE
        variable = f"ORDERGEN_{self.name.upper().replace('-', '_')}_URL"
        if isinstance(failure, Refused | Unreadable):
            return (
                f"See whether {variable} is the address of that service, and in a release that has this call."
            )
        return f"See whether the service runs, what its log says, and whether {variable} is its address."

    def _refused(self, finding: Finding, seconds: float) -> Finding:
        """What was found while calls are refused, which may be that they need not be any more."""
        problem = finding.problem or f"The {self.name} service answers again."
        return Finding(
            DependencyState.BREAKER_OPEN,
            f"{problem} Calls to it are refused, as earlier ones failed.",
            finding.advice or f"Wait: in {seconds:.0f} s a call is let through, and the others after it.",
        )
