"""Wires the parts: the only place that knows them all."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from ordergen_server.api.calls import SERVICES, CallInterceptor
from ordergen_server.api.model_servicer import ModelServicer
from ordergen_server.api.rebalance_servicer import RebalanceServicer
from ordergen_server.api.server import ApiServer, ServerConfig
from ordergen_server.api.telemetry.metrics_server import metrics_served
from ordergen_server.api.telemetry.telemetry import Telemetry
from ordergen_server.api.telemetry.tracing import Tracing
from ordergen_server.repositories.database import Database
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.models import Models
from ordergen_server.repositories.rebalances import Rebalances
from ordergen_server.repositories.tokens import PageTokens
from ordergen_server.services.execution import Execution
from ordergen_server.services.leased_run import RunJournal
from ordergen_server.services.models import ModelEditor
from ordergen_server.services.portfolio_work import PortfolioWork
from ordergen_server.services.rebalancer import Rebalancer
from ordergen_server.services.runs import Runs
from ordergen_server.services.watching import ChangeSignal
from ordergen_server.settings import Settings
from ordergen_server.siblings import CacheConfig, SiblingConfig, SiblingsConfig, open_sources

#: Portfolios read or waiting to be read, for each that is read at once.
WINDOW = 4
#: A summary of one portfolio; 100 positions take 17 KB.
MAXIMUM_SUMMARY_BYTES = 8 * 1024 * 1024

#: One attempt to read the names of all portfolios, in the background: 20,000 are 2.6 MB, and nobody waits.
NAMES_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Serving:
    """The ports of a server that serves."""

    port: int
    health_port: int
    metrics_port: int


@contextmanager
def serving(settings: Settings, mongodb_uri: str, tracing: Tracing | None = None) -> Iterator[Serving]:
    """A server that answers calls for the time of the block, and then drains.

    Raises:
        DatabaseUnavailable: the database does not answer at the start.
        OSError: a port is in use.
    """
    with ExitStack() as stack:
        telemetry = Telemetry(SERVICES, CollectorRegistry(), tracing)
        stack.callback(telemetry.calls.close)
        metrics_port = stack.enter_context(
            metrics_served(telemetry.registry, settings.host, settings.metrics_port)
        )
        database = stack.enter_context(closing(_database(settings, mongodb_uri, telemetry)))
        migrate(database)
        tokens = PageTokens.of(database)
        models, store = Models(database, tokens), Rebalances(database, tokens)
        sources = stack.enter_context(open_sources(_siblings(settings), telemetry.siblings))
        telemetry.watch_sources(sources.market, sources.portfolios)
        workers = stack.enter_context(ThreadPoolExecutor(settings.portfolio_workers, "portfolio"))
        work = PortfolioWork(
            market=sources.market,
            portfolios=sources.portfolios,
            workers=workers,
            window=WINDOW * settings.portfolio_workers,
            observer=telemetry.runs,
        )
        changed = ChangeSignal()
        runs = _runs(settings, work, store, models, changed=changed, telemetry=telemetry)
        rebalancer = Rebalancer(
            models=models,
            store=store,
            work=work,
            runs=runs,
            changed=changed,
            clock=utc_now,
            observer=telemetry.runs,
        )
        server = ApiServer(
            _server_config(settings),
            models=ModelServicer(ModelEditor(models, utc_now), models),
            rebalances=RebalanceServicer(
                rebalancer,
                store,
                maximum_call_seconds=settings.maximum_call_seconds,
                maximum_run_seconds=settings.maximum_run_seconds,
            ),
            calls=CallInterceptor(
                database.time_limit, settings.maximum_call_seconds, settings.maximum_calls, telemetry.calls
            ),
            database=database,
        )
        runs.start()
        stack.callback(runs.close)
        server.start()
        stack.callback(server.stop)
        stack.callback(runs.drain)
        yield Serving(server.port, server.health_port, metrics_port)


def utc_now() -> datetime:
    """The time now, UTC, to the millisecond as the database keeps it."""
    now = datetime.now(UTC)
    return now.replace(microsecond=now.microsecond // 1000 * 1000)


def _database(settings: Settings, mongodb_uri: str, telemetry: Telemetry) -> Database:
    return Database(
        mongodb_uri,
        settings.mongodb_database,
        pool_size=settings.mongodb_pool_size,
        timeout_seconds=settings.mongodb_timeout_seconds,
        observer=telemetry.database,
    )


def _runs(
    settings: Settings,
    work: PortfolioWork,
    store: Rebalances,
    models: Models,
    *,
    changed: ChangeSignal,
    telemetry: Telemetry,
) -> Runs:
    journal = RunJournal(
        runs=store,
        models=models,
        clock=utc_now,
        changed=changed.notify,
        lease_seconds=settings.lease_seconds,
        observer=telemetry.runs,
    )
    return Runs(
        Execution(work, journal),
        journal,
        maximum_runs=settings.maximum_runs,
        tend_seconds=settings.lease_seconds / 3,
        observer=telemetry.runs,
    )


def _siblings(settings: Settings) -> SiblingsConfig:
    def sibling(url: str) -> SiblingConfig:
        return SiblingConfig(
            url,
            timeout_seconds=settings.sibling_timeout_seconds,
            attempts=settings.sibling_attempts,
            backoff_seconds=settings.sibling_backoff_seconds,
            pool_size=settings.portfolio_workers,
        )

    return SiblingsConfig(
        portfolio_accounting=replace(
            sibling(settings.portfolio_accounting_url), maximum_body_bytes=MAXIMUM_SUMMARY_BYTES
        ),
        pricing=sibling(settings.pricing_url),
        security=sibling(settings.security_url),
        portfolio=replace(
            sibling(settings.portfolio_url),
            timeout_seconds=max(settings.sibling_timeout_seconds, NAMES_SECONDS),
        ),
        cache=CacheConfig(
            tickers_ttl_seconds=settings.ticker_cache_seconds, prices_ttl_seconds=settings.price_cache_seconds
        ),
    )


def _server_config(settings: Settings) -> ServerConfig:
    return ServerConfig(
        host=settings.host,
        port=settings.port,
        health_port=settings.health_port,
        maximum_calls=settings.maximum_calls,
        drain_seconds=settings.drain_seconds,
        health_interval_seconds=settings.health_interval_seconds,
    )
