"""The gatekeeper in front of methods: it sees a call before its message has come."""

from collections.abc import Mapping
from functools import partial
from typing import Any

from ordergen_server.api.routes import Serve
from ordergen_server.api.security.gatekeeper import Gatekeeper, certificate_names
from ordergen_server.api.statuses import Context, abort, as_domain_error
from ordergen_server.domain.subjects import acting_as


def guarded(gatekeeper: Gatekeeper, methods: Mapping[str, Serve]) -> dict[str, Serve]:
    """The same methods by their full names, for whoever is let in; they act as the subject of the call."""
    return {name: partial(_serve, gatekeeper, name, serve) for name, serve in methods.items()}


async def _serve(gatekeeper: Gatekeeper, method: str, serve: Serve, context: Context) -> bytes | None:
    authenticated: Any = context.auth_context()  # lists of bytes, which the type stubs call bytes
    try:
        subject = gatekeeper.admit(method, _metadata(context), certificate_names(authenticated))
    except Exception as error:  # noqa: BLE001 - the boundary: every error becomes a status
        failure = as_domain_error(error)
    else:
        with acting_as(subject):
            return await serve(context)
    return await abort(context, failure)


def _metadata(context: Context) -> dict[str, str]:
    """What a call was sent with; values of one name are joined, as HTTP has it: two tokens are none."""
    metadata: dict[str, str] = {}
    for name, value in context.invocation_metadata() or ():
        if isinstance(value, str):
            metadata[name] = f"{metadata[name]}, {value}" if name in metadata else value
    return metadata
