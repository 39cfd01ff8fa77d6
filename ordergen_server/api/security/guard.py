"""The gatekeeper in front of methods: it sees a call before its message has come."""

from collections.abc import Mapping
from functools import partial

from ordergen_server.api.security.certificates import certificate_names
from ordergen_server.api.security.gatekeeper import Gatekeeper
from ordergen_server.api.wire.exchange import Exchange, Serve
from ordergen_server.api.wire.routes import Methods
from ordergen_server.domain.subjects import acting_as


def guarded(gatekeeper: Gatekeeper, methods: Methods) -> Methods:
    """The same methods, for whoever is let in; they act as the subject of the call."""

    def all_of(served: Mapping[str, Serve]) -> dict[str, Serve]:
        return {name: partial(_serve, gatekeeper, name, serve) for name, serve in served.items()}

    return Methods(all_of(methods.unary), all_of(methods.streams))


async def _serve(gatekeeper: Gatekeeper, method: str, serve: Serve, exchange: Exchange) -> bytes | None:
    names = certificate_names(exchange.authenticated) if gatekeeper.knows_certificates else ()
    subject = gatekeeper.admit(method, exchange.headers, names)
    if subject.is_authenticated:  # whoever makes names up must not get a turn for each
        exchange.identify(subject.name)
    with acting_as(subject):
        return await serve(exchange)
