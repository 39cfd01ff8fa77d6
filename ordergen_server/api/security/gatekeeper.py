"""Who may make which call."""

from collections.abc import Mapping, Sequence
from enum import Enum

from ordergen_server.api.security.scopes import ANY_SCOPE, SCOPE_OF
from ordergen_server.api.security.tokens import TokenVerifier, refused
from ordergen_server.domain.errors import PermissionDenied, Unauthenticated, Unsupported
from ordergen_server.domain.requests.violations import broken
from ordergen_server.domain.subjects import NAME_RULE, NOBODY, READ, X_ACTOR, CredentialType, Subject, is_name

HEALTH = "/grpc.health.v1.Health/"
REFLECTION = "/grpc.reflection."
#: In the place of a certificate's name: every certificate that no other entry names.
ANY_CERTIFICATE = "*"
_SCHEME = "bearer "


class Reflection(Enum):
    """Who may ask what the contract is."""

    READERS = "READERS"
    EVERYBODY = "EVERYBODY"
    NOBODY = "NOBODY"


class Gatekeeper:
    """Lets a call in with the subject it is made by, or refuses it; quick enough for an event loop.

    Args:
        tokens: checks bearer tokens; None where the server takes none.
        certificates: the scopes of client certificates by their names; empty where these stand for nobody.
        reflection: who may use reflection.

    With neither tokens nor certificates everybody is let in, as whoever they say they are in `x-actor`.
    """

    def __init__(
        self,
        *,
        tokens: TokenVerifier | None = None,
        certificates: Mapping[str, frozenset[str]] | None = None,
        reflection: Reflection = Reflection.READERS,
    ) -> None:
        self._tokens = tokens
        self._certificates = dict(certificates or {})
        self._reflection = reflection

    @property
    def knows_certificates(self) -> bool:
        """Whether one can stand for a subject: else nobody need read it."""
        return bool(self._certificates)

    def admit(
        self, method: str, metadata: Mapping[str, str], certificate_names: Sequence[str] = ()
    ) -> Subject:
        """Whom a call is made by, where they may make it.

        Args:
            method: the path of the call, as `/package.Service/Method`.
            metadata: of the call; names in lower case, as gRPC has them.
            certificate_names: those of the client's certificate, which the handshake has checked.

        Raises:
            Unauthenticated: credentials are missing or are none that we accept.
            PermissionDenied: their scope for the call is missing.
            InvalidArgument: where nobody is asked for credentials, what callers call themselves is no name.
            Unavailable: tokens cannot be checked yet, for their keys were never read.
            Unsupported: nobody may use reflection, or the call is none of ours.
        """
        scope = self._scope(method)
        if scope is None:
            return NOBODY
        if not (self._tokens or self._certificates):
            return _self_styled(metadata)
        subject = self._identified(metadata, certificate_names)
        if scope not in (ANY_SCOPE, *subject.scopes):
            raise PermissionDenied(
                f"The scope {scope} is missing, which {method.rpartition('/')[2]} needs:"
                " ask for it where your credentials come from.",
                metadata={"scope": scope},
            )
        return subject

    def _scope(self, method: str) -> str | None:
        """The scope that a call needs, or ANY_SCOPE; None where it is open to everybody."""
        if method.startswith(HEALTH):
            return None
        if method.startswith(REFLECTION):
            if self._reflection is Reflection.NOBODY:
                raise Unsupported(
                    "Reflection is off on this server: use the files of the contract.",
                    metadata={"feature": "reflection"},
                )
            return READ if self._reflection is Reflection.READERS else None
        if method not in SCOPE_OF:
            raise Unsupported("This server has no such call: see its contract.", metadata={"feature": "rpc"})
        return SCOPE_OF[method]

    def _identified(self, metadata: Mapping[str, str], certificate_names: Sequence[str]) -> Subject:
        """Who calls: whoever a token says, or where none was sent, a certificate."""
        sent = metadata.get("authorization")
        if self._tokens and sent is not None:
            if sent[: len(_SCHEME)].lower() != _SCHEME:
                raise refused()
            return self._tokens.subject_of(sent[len(_SCHEME) :].strip())
        for name in certificate_names:
            if name in self._certificates:
                return Subject(name, self._certificates[name], CredentialType.CERTIFICATE)
        if certificate_names and ANY_CERTIFICATE in self._certificates:
            name = certificate_names[0]
            return Subject(name, self._certificates[ANY_CERTIFICATE], CredentialType.CERTIFICATE)
        raise Unauthenticated(f"Credentials are missing: {self._wanted()}.")

    def _wanted(self) -> str:
        ways = [
            "send a bearer token in the metadata `authorization`" if self._tokens else "",
            "connect with a client certificate whose name this server knows" if self._certificates else "",
        ]
        return ", or ".join(filter(None, ways))


def _self_styled(metadata: Mapping[str, str]) -> Subject:
    """Whoever callers say they are: a note of theirs, which proves nothing. Raises InvalidArgument."""
    name = metadata.get(X_ACTOR, "").strip()
    if not name:
        return NOBODY
    if not is_name(name):
        raise broken(X_ACTOR, NAME_RULE, name)
    return Subject(name)
