"""DiagnosticsService over gRPC."""

from globeco.ordergen.v1 import diagnostics_service_pb2

from ordergen_server.api.call import Call, Limits
from ordergen_server.api.messages import diagnoses
from ordergen_server.services.diagnosing import Diagnostics


class DiagnosticsServicer:
    """Asks the use case, encodes its answer.

    Args:
        diagnostics: the use case.
        limits: how long calls may take.
    """

    def __init__(self, diagnostics: Diagnostics, limits: Limits) -> None:
        self._diagnostics = diagnostics
        self._limits = limits

    def Diagnose(
        self, request: diagnostics_service_pb2.DiagnoseRequest, call: Call
    ) -> diagnostics_service_pb2.DiagnoseResponse:
        """Say how the server does."""
        deadline = call.deadline(self._limits.call_seconds).unless(call.gone.is_set)
        return diagnoses.diagnosis(self._diagnostics.diagnose(deadline))
