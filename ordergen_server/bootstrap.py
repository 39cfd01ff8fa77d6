"""Wires the parts: the only place that knows them all."""

import os
import sys
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack, closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime

from prometheus_client import CollectorRegistry

from ordergen_server import __version__
from ordergen_server.api.calls import SERVICES
from ordergen_server.api.diagnostics_servicer import DiagnosticsServicer
from ordergen_server.api.model_servicer import ModelServicer
from ordergen_server.api.rebalance_servicer import RebalanceServicer
from ordergen_server.api.reference_servicer import ReferenceServicer
from ordergen_server.api.security import gatekeeping
from ordergen_server.api.server import ApiServer
from ordergen_server.api.telemetry.logs import logging_to
from ordergen_server.api.telemetry.metrics_server import metrics_served
from ordergen_server.api.telemetry.telemetry import Telemetry
from ordergen_server.api.telemetry.tracing import Tracing, tracing_to_collector
from ordergen_server.api.wire.event_loop import EventLoop
from ordergen_server.call_wiring import served_calls
from ordergen_server.compute.choice import chosen_workers
from ordergen_server.compute.wiring import WINDOW, worker_times
from ordergen_server.configuration.configs import security_config, server_config
from ordergen_server.configuration.settings import Settings
from ordergen_server.configuration.sibling_configs import siblings_config
from ordergen_server.garbage import collect_seldom
from ordergen_server.order_wiring import order_parts
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.repositories.settings_store.settings import Settings as PortfolioSettings
from ordergen_server.services.configured import Configured
from ordergen_server.services.desk.comparisons import Comparisons
from ordergen_server.services.desk.drift_checks import DriftChecks
from ordergen_server.services.desk.portfolio_settings import SettingsEditor
from ordergen_server.services.diagnosing import DatabaseDependency, Diagnostics
from ordergen_server.services.models import ModelEditor
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.rebalancing.rebalancers import rebalancers
from ordergen_server.services.references import ReferenceResolver
from ordergen_server.services.running.chunk_executor import ChunkExecutor
from ordergen_server.services.running.chunk_worker import ChunkWorker
from ordergen_server.services.running.execution import Execution
from ordergen_server.services.running.leased_run import RunJournal
from ordergen_server.services.running.permits import UNLIMITED, Permits, TokenBucket
from ordergen_server.services.running.runs import Runs
from ordergen_server.services.running.watching import ChangeSignal
from ordergen_server.siblings import Sources, open_sources

#: How long a thread that computes keeps others from running: health and new calls wait for no more of them.
SWITCH_SECONDS = 0.001


@dataclass(frozen=True, slots=True)
class Serving:
    """A server that serves.

    Attributes:
        is_ready: whether the database does what calls need.
    """

    port: int
    health_port: int
    metrics_port: int
    is_ready: Callable[[], bool]


@contextmanager
def serving(
    settings: Settings, mongodb_uri: str, tracing: Tracing | None = None, *, one_of_several: bool = False
) -> Iterator[Serving]:
    """A server that answers calls for the time of the block, and then drains.

    Args:
        settings: its configuration.
        mongodb_uri: its database.
        tracing: where its spans go.
        one_of_several: it shares its port with other processes, and another one answers for its health.

    Raises:
        DatabaseUnavailable: the database does not answer at the start.
        OSError, ValueError: a port is in use, or an address, certificate, token or key cannot be used.
    """
    with ExitStack() as stack:
        telemetry = Telemetry(SERVICES, CollectorRegistry(), tracing)
        stack.callback(telemetry.calls.close)
        metrics_port = stack.enter_context(
            metrics_served(telemetry.registry, settings.health_host, settings.metrics_port)
        )
        gatekeeper = stack.enter_context(gatekeeping(security_config(settings)))
        database = stack.enter_context(closing(_database(settings, mongodb_uri, telemetry)))
        migrate(database)
        tokens = PageTokens.of(database)
        models, store = Models(database, tokens), Rebalances(database, tokens)
        portfolio_settings = PortfolioSettings(database, tokens)
        sources = stack.enter_context(
            open_sources(siblings_config(settings, settings.portfolio_workers), telemetry.siblings)
        )
        telemetry.watch_sources(*sources.observed)
        workers = stack.enter_context(ThreadPoolExecutor(settings.portfolio_workers, "portfolio"))
        work = PortfolioWork(
            market=sources.market,
            portfolios=sources.portfolios,
            workers=workers,
            window=WINDOW * settings.portfolio_workers,
            observer=telemetry.runs,
            orders=sources.orders,
        )
        changed = ChangeSignal()
        chunks = Chunks(database)
        worker = ChunkWorker(
            market_of=store.kept_snapshot,
            chunks=chunks,
            work=work,
            times=worker_times(settings),
            observer=telemetry.runs,
        )
        chosen = stack.enter_context(chosen_workers(settings, mongodb_uri, worker, telemetry.hear))
        permits = TokenBucket(settings.portfolio_rate) if settings.portfolio_rate else UNLIMITED
        runs = _runs(
            settings,
            work,
            store,
            chunks,
            models,
            executor=chosen.executor,
            permits=permits,
            changed=changed,
            telemetry=telemetry,
        )
        drift_checks = DriftChecks(
            models=models,
            settings=portfolio_settings,
            work=work,
            permits=permits,
            clock=utc_now,
            maximum_checks=settings.maximum_runs,
            idle=chosen.idle,
        )
        configured = Configured(settings.maximum_price_age_days, has_order_service=sources.orders is not None)
        comparisons = Comparisons(
            models=models,
            settings=portfolio_settings,
            work=work,
            permits=permits,
            maximum_comparisons=settings.maximum_runs,
            clock=utc_now,
            configured=configured,
        )
        rebalancing = rebalancers(
            models=models,
            store=store,
            settings=portfolio_settings,
            work=work,
            runs=runs,
            clock=utc_now,
            observer=telemetry.runs,
            configured=configured,
        )
        orders = order_parts(
            settings,
            database,
            tokens,
            runs=store,
            portfolio_settings=portfolio_settings,
            work=work,
            service=sources.orders,
            clock=utc_now,
            changed=changed.notify,
            observer=telemetry.orders,
        )
        loop = stack.enter_context(EventLoop("api"))
        calls = served_calls(settings, loop, database)
        for service, servicer in zip(
            SERVICES,
            (
                ModelServicer(ModelEditor(models, utc_now), models),
                RebalanceServicer(
                    rebalancing,
                    drift_checks,
                    comparisons,
                    store,
                    calls.limits,
                    orders=orders.use_cases,
                    editor=SettingsEditor(portfolio_settings, utc_now),
                    settings=portfolio_settings,
                ),
                ReferenceServicer(ReferenceResolver(sources.market, sources.portfolios), calls.limits),
                DiagnosticsServicer(_diagnostics(database, sources, stack), calls.limits),
            ),
            strict=True,
        ):
            calls.add(service, servicer)
        changed.subscribe(calls.changed)
        server = ApiServer(
            server_config(settings, one_of_several=one_of_several),
            loop=loop,
            calls=calls,
            telemetry=telemetry.calls,
            database=database,
            gatekeeper=gatekeeper,
        )
        for holder in (runs, orders):
            holder.start()
            stack.callback(holder.close)
        server.start()
        chosen.executor.start()
        stack.callback(server.stop)
        stack.callback(runs.drain)
        stack.callback(orders.drain)
        yield Serving(server.port, server.health_port, metrics_port, lambda: server.ready)


@contextmanager
def server_process(settings: Settings) -> Iterator[Tracing]:
    """A block that is a process of the server: its log, its traces, threads that take short turns."""
    sys.setswitchinterval(SWITCH_SECONDS)
    collect_seldom()
    with (
        logging_to(sys.stderr, settings.log_level, settings.log_format),
        tracing_to_collector(os.environ) as tracing,
    ):
        yield tracing


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


def _diagnostics(database: Database, sources: Sources, stack: ExitStack) -> Diagnostics:
    """What asks everything that the server depends on, with a thread for each."""
    siblings = sources.dependencies
    threads = stack.enter_context(ThreadPoolExecutor(1 + len(siblings), "diagnostics"))
    return Diagnostics([DatabaseDependency(database), *siblings], threads, version=__version__, clock=utc_now)


def _runs(
    settings: Settings,
    work: PortfolioWork,
    store: Rebalances,
    chunks: Chunks,
    models: Models,
    *,
    executor: ChunkExecutor,
    permits: Permits,
    changed: ChangeSignal,
    telemetry: Telemetry,
) -> Runs:
    journal = RunJournal(
        runs=store,
        chunks=chunks,
        models=models,
        clock=utc_now,
        changed=changed.notify,
        lease_seconds=settings.lease_seconds,
        observer=telemetry.runs,
    )
    return Runs(
        Execution(work, chunks, journal, executor, permits),
        journal,
        maximum_runs=settings.maximum_runs,
        tend_seconds=settings.lease_seconds / 3,
        observer=telemetry.runs,
    )
