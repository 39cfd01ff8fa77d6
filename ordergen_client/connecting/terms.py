"""On what terms a client calls: how long, as whom, and what it tells of failures."""

import re
from dataclasses import dataclass
from typing import Final

from ordergen_client.connecting.credentials import Metadata, Tls, Token, authorization, is_this_machine
from ordergen_client.following_up import Patience
from ordergen_client.records import checks


@dataclass(frozen=True, slots=True, repr=False)  # the token may be one
class Terms:
    """What a client was made with.

    Attributes:
        timeout_seconds: the deadline of a call, all tries together.
        patience: how long runs are followed.
        token: what shows who calls.
        actor: who calls, as they say themselves.
        grpc_causes: errors have what gRPC raised as their cause.
    """

    timeout_seconds: float
    patience: Patience
    token: Token | None
    actor: str
    grpc_causes: bool

    def metadata(self) -> Metadata:
        """What says who calls. Raises Unauthenticated where the token cannot be read, or can be none."""
        return authorization(self.token) + ((("x-actor", self.actor),) if self.actor else ())

    @property
    def run_timeout_seconds(self) -> float:
        """The deadline of the stream of a run."""
        return self.patience.total_seconds


def terms(
    *,
    timeout_seconds: float,
    run_timeout_seconds: float,
    reconnect_seconds: float,
    token: Token | None,
    actor: str,
    grpc_causes: bool,
) -> Terms:
    """The terms, checked. Raises TypeError and ValueError with the name of what cannot be."""
    return Terms(
        timeout_seconds=checks.seconds(timeout_seconds, "timeout_seconds"),
        patience=Patience(
            total_seconds=checks.seconds(run_timeout_seconds, "run_timeout_seconds"),
            silence_seconds=checks.seconds(reconnect_seconds, "reconnect_seconds"),
        ),
        token=token,
        actor=checked_actor(actor),
        grpc_causes=checks.flag(grpc_causes, "grpc_causes"),
    )


def checked_actor(actor: str) -> str:
    """A name that a header can have. Raises TypeError where it is no text, ValueError where it cannot."""
    checks.text(actor, "actor")
    if not (actor.isascii() and (actor.isprintable() or not actor) and actor == actor.strip()):
        raise ValueError(
            f"actor must be printable ASCII without spaces about it, as headers have no other, not {actor!r}"
        )
    return actor


#: How targets begin that are no mere `host:port`, and that gRPC knows.
_KINDS: Final = ("dns:", "ipv4:", "ipv6:", "unix:", "unix-abstract:", "xds:", "google-c2p:")


_PORT: Final = re.compile(r":0*([1-9][0-9]{0,4})", re.ASCII)
_LAST_PORT: Final = 65_535


def _has_port(target: str) -> bool:
    found = _PORT.fullmatch(target, target.rfind(":")) if ":" in target else None
    return found is not None and int(found[1]) <= _LAST_PORT


def check_target(target: str, *, tls: Tls | None, token: Token | None) -> None:
    """Whether a channel may be opened to a target.

    Raises:
        TypeError: it is no text.
        ValueError: it is no `host:port`, or a token would go to another machine in plain text.
    """
    checks.text(target, "target")
    if target.startswith(("http://", "https://")) or not (target.startswith(_KINDS) or _has_port(target)):
        raise ValueError(f"target must be host:port, such as localhost:8088, not {target!r}")
    if token and not (tls or is_this_machine(target)):
        raise ValueError("a token is sent to another machine with TLS alone: give tls, too")
