"""A diagnosis as the message of the contract."""

from globeco.ordergen.v1 import diagnostics_service_pb2 as pb

from ordergen_server.api.messages.encoding import set_time
from ordergen_server.domain.diagnostics import DependencyReport, DependencyState, Diagnosis
from ordergen_server.domain.subjects import CredentialType, Subject

_STATES = {
    DependencyState.AVAILABLE: pb.DEPENDENCY_STATE_AVAILABLE,
    DependencyState.UNAVAILABLE: pb.DEPENDENCY_STATE_UNAVAILABLE,
    DependencyState.BREAKER_OPEN: pb.DEPENDENCY_STATE_BREAKER_OPEN,
}
_CREDENTIALS = {
    CredentialType.NONE: pb.CREDENTIAL_TYPE_NONE,
    CredentialType.CERTIFICATE: pb.CREDENTIAL_TYPE_CERTIFICATE,
    CredentialType.TOKEN: pb.CREDENTIAL_TYPE_TOKEN,
}


def diagnosis(value: Diagnosis) -> pb.DiagnoseResponse:
    """How a server does."""
    message = pb.DiagnoseResponse(
        server_version=value.version,
        caller=_caller(value.caller),
        dependencies=map(_dependency, value.dependencies),
    )
    set_time(message.server_time, value.time)
    return message


def _caller(value: Subject) -> pb.Caller:
    return pb.Caller(actor=value.name, credential=_CREDENTIALS[value.credential], scopes=sorted(value.scopes))


def _dependency(value: DependencyReport) -> pb.Dependency:
    message = pb.Dependency(
        name=value.name,
        state=_STATES[value.finding.state],
        problem=value.finding.problem,
        advice=value.finding.advice,
    )
    message.duration.FromNanoseconds(round(value.seconds * 1e9))
    return message
