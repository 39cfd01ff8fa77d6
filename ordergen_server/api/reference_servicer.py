"""ReferenceService over gRPC."""

from globeco.ordergen.v1 import reference_service_pb2 as pb

from ordergen_server.api.call import Call, Limits
from ordergen_server.api.messages import references
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.references import check_asked
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.services.references import ReferenceResolver


class ReferenceServicer:
    """Decodes requests, asks the use cases, encodes answers; what it raises becomes a status.

    Args:
        resolver: the use cases.
        limits: how long calls may take.
    """

    def __init__(self, resolver: ReferenceResolver, limits: Limits) -> None:
        self._resolver = resolver
        self._limits = limits

    def ResolveSecurities(
        self, request: pb.ResolveSecuritiesRequest, call: Call
    ) -> pb.ResolveSecuritiesResponse:
        """Find securities by id, ticker, or the beginning of an id."""
        with Violations() as violations:
            check_asked(request.securities, "securities", violations)
        found = self._resolver.securities(request.securities, self._deadline(call))
        return pb.ResolveSecuritiesResponse(matches=map(references.security_matches, found))

    def ResolvePortfolios(
        self, request: pb.ResolvePortfoliosRequest, call: Call
    ) -> pb.ResolvePortfoliosResponse:
        """Find portfolios by id, name, or the beginning of an id."""
        with Violations() as violations:
            check_asked(request.portfolios, "portfolios", violations)
        found = self._resolver.portfolios(request.portfolios, self._deadline(call))
        return pb.ResolvePortfoliosResponse(matches=map(references.portfolio_matches, found))

    def _deadline(self, call: Call) -> Deadline:
        return call.deadline(self._limits.call_seconds).unless(call.gone.is_set)
