"""The use cases of rebalancing, of the same stores and work."""

from collections.abc import Callable
from datetime import datetime
from typing import NamedTuple

from ordergen_server.domain.stores import ModelStore, RebalanceStore, SettingsStore
from ordergen_server.domain.subjects import Subject, current_subject
from ordergen_server.services.configured import NOT_CONFIGURED, Configured
from ordergen_server.services.observer import UNOBSERVED, RunObserver
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.rebalancing.headers import RunHeaders
from ordergen_server.services.rebalancing.model_rebalancer import ModelRebalancer
from ordergen_server.services.rebalancing.portfolio_rebalancer import PortfolioRebalancer
from ordergen_server.services.rebalancing.previews import Previews
from ordergen_server.services.running.runs import Runs


class Rebalancers(NamedTuple):
    """Who rebalances what."""

    portfolio: PortfolioRebalancer
    model: ModelRebalancer
    previews: Previews


def rebalancers(
    *,
    models: ModelStore,
    store: RebalanceStore,
    settings: SettingsStore,
    work: PortfolioWork,
    runs: Runs,
    clock: Callable[[], datetime],
    subject: Callable[[], Subject] = current_subject,
    observer: RunObserver = UNOBSERVED,
    configured: Configured = NOT_CONFIGURED,
) -> Rebalancers:
    """Those of one server; `configured` holds where options say nothing."""
    headers = RunHeaders(store.new_id, clock, subject, configured)
    return Rebalancers(
        PortfolioRebalancer(
            headers, models=models, store=store, settings=settings, work=work, observer=observer
        ),
        ModelRebalancer(headers, models=models, store=store, runs=runs),
        Previews(headers, models=models, settings=settings, work=work, runs=runs),
    )
