"""Outbound: the sibling services that know holdings, prices, tickers and names.

    factory     opens everything from a config: `with open_sources(config) as sources: ...`
    market      the domain's MarketSource: tickers and prices joined, cached, read once for everyone
    portfolios  the domain's PortfolioSource
    readers     what a transport must be able to read, whichever it is
    http_*      the readers over HTTP/JSON; `documents` is their JSON, `sockets` their timeouts
    grpc_*      the readers over gRPC, by protos/globeco/<sibling>/v1
    decimals, entries, holdings    what is checked in any answer, whatever brought it
    calls       total deadline > retry > circuit breaker > one attempt, for every transport

A caller meets domain errors alone: SiblingUnavailable, DeadlineExceeded, BadData, MissingData.
"""

from ordergen_server.siblings.config import CacheConfig, SiblingConfig, SiblingsConfig
from ordergen_server.siblings.factory import Sources, open_sources

__all__ = ["CacheConfig", "SiblingConfig", "SiblingsConfig", "Sources", "open_sources"]
