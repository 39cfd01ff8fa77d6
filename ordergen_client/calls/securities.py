"""What can be asked of securities."""

from collections.abc import Iterable

from globeco.ordergen.v1.reference_service_pb2 import ResolveSecuritiesRequest

from ordergen_client.calls.call import Call
from ordergen_client.records import checks, messages
from ordergen_client.records.matches import SecurityMatches


def resolve(securities: Iterable[str]) -> Call[tuple[SecurityMatches, ...]]:
    """Find out which securities texts stand for; what is found for each comes in the order given.

    Args:
        securities: 1 to 1,000 texts: each an id, a ticker, or with at least 4 characters the beginning of an
            id. A text that stands for nothing is no error.
    """
    request = ResolveSecuritiesRequest(securities=checks.texts(securities, "securities"))
    return Call("ResolveSecurities", request, messages.security_matches)
