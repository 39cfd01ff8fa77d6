"""Outbound: the sibling services that know holdings, prices, tickers and names.

    factory      opens everything from a config: `with open_sources(config) as sources: ...`
    market       the domain's MarketSource and SecuritySource: tickers and prices joined, cached, read once
    tickers      tickers from one list, or one by one while the security service refuses to list
    portfolios   the domain's PortfolioSource and NamedPortfolioSource
    orders       the domain's OrderService, where there is an order service
    names        names of portfolios, read in the background
    directories  securities and portfolios by what people call them
    shared_read  one reading that a hundred callers share
    reading/     what a transport must be able to read, the readers over HTTP and gRPC, and their checks
    ordering/    orders sent once and found again, over HTTP and gRPC
    calling/     total deadline > retry > circuit breaker > one attempt, for every transport; TLS and tokens

A caller meets domain errors alone: SiblingUnavailable, DeadlineExceeded, BadData, MissingData.
"""

from ordergen_server.siblings.calling.config import CacheConfig, SiblingConfig, SiblingsConfig
from ordergen_server.siblings.calling.credentials import BearerToken, ClientTls
from ordergen_server.siblings.factory import Sources, open_sources

__all__ = [
    "BearerToken",
    "CacheConfig",
    "ClientTls",
    "SiblingConfig",
    "SiblingsConfig",
    "Sources",
    "open_sources",
]
