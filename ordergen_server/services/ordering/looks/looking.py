"""Reads holdings and prices once more, and takes the last look at each portfolio."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import date, datetime
from enum import Enum
from functools import lru_cache

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.portfolio_settings import held_for
from ordergen_server.domain.errors import DataProblem, StaleProposal, Violation
from ordergen_server.domain.market import Holdings, MarketSnapshot
from ordergen_server.domain.models import Position
from ordergen_server.domain.open_orders import LOOKING, OpenOrders, OrdersByPortfolio
from ordergen_server.domain.orders.orders import Order
from ordergen_server.domain.rebalances.lines import RunSecurity, Side
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.stores import RebalanceStore, SettingsStore
from ordergen_server.services.ordering.looks.last_look import Proposal, is_booked, look, stale
from ordergen_server.services.portfolios.portfolio_work import STOPPING, PortfolioWork
from ordergen_server.services.portfolios.readings import Reading
from ordergen_server.services.portfolios.securities import Securities

#: Runs, and results of portfolios, that are kept: a batch asks for each several times.
KEPT_RUNS, KEPT_RESULTS = 32, 256
#: A reading of open orders is used again for so long at most.
MOST_SECONDS = 60.0


class Verdict(Enum):
    """What a look that found nothing out of date says."""

    GOOD = "GOOD"
    NOT_BOOKED = "NOT_BOOKED"
    """What was traded is not in the holdings yet: look again later."""


Looked = Mapping[str, Verdict | StaleProposal]


class Looks:
    """Takes last looks.

    Args:
        runs: where proposals are.
        settings: those of portfolios, which may not be traded any more by them.
        work: reads holdings and prices.
        maximum_age_seconds: how old a run may be.
    """

    def __init__(
        self, runs: RebalanceStore, settings: SettingsStore, work: PortfolioWork, maximum_age_seconds: float
    ) -> None:
        # What is asked of a run that has ended never changes, and one that was submitted is not deleted.
        self._run = lru_cache(maxsize=KEPT_RUNS)(runs.get)
        self._result = lru_cache(maxsize=KEPT_RESULTS)(runs.get_portfolio)
        self._settings = settings
        self._work = work
        self._maximum_age_seconds = maximum_age_seconds
        self._open: OrdersByPortfolio | None = None
        self._good_until = 0.0

    def proposal(self, rebalance_id: str, portfolio_id: str, sells: Sequence[Order] = ()) -> Proposal:
        """What a run proposed for a portfolio, of which these sells were filled."""
        options = self._run(rebalance_id).options or RebalanceOptions()
        result = self._result(rebalance_id, portfolio_id)
        sold = {one.security_id: -one.quantity for one in sells if one.side is Side.SELL}
        return Proposal(
            result, held_for(result, options), sold, frozenset(one.external_order_id for one in sells)
        )

    def too_old(self, rebalance_id: str, portfolio_id: str, now: datetime) -> StaleProposal | None:
        """Why nothing of a run is sent that is too old by now; None where it is not."""
        age_seconds = (now - self._run(rebalance_id).create_time).total_seconds()
        if age_seconds <= self._maximum_age_seconds:
            return None
        rule = (
            f"the run is {age_seconds:.0f} seconds old, and may be {self._maximum_age_seconds:.0f}"
            " (ORDERGEN_MAXIMUM_PROPOSAL_AGE)"
        )
        return stale(portfolio_id, [Violation(rebalance_id, rule, "RUN_TOO_OLD")])

    def alone_since(self, rebalance_id: str) -> datetime | None:
        """Since when no other run may have traded what a run trades; None where it ignores all others."""
        run = self._run(rebalance_id)
        ignores = run.options and run.options.open_orders is OpenOrders.IGNORE
        return None if ignores else run.create_time

    def take(self, proposals: Sequence[Proposal], deadline: Deadline, day: date) -> Looked:
        """What is to be said of each proposal on a day (UTC), by portfolio id.

        Raises:
            Unavailable, DeadlineExceeded: holdings, prices or settings cannot be read now.
        """
        found: dict[str, Verdict | StaleProposal] = dict(self._closed(proposals, day))
        of = {key: one for one in proposals if (key := one.result.portfolio_id) not in found}
        if not of:
            return found
        positions = {
            line.security.security_id: _position(line.security)
            for one in of.values()
            for line in one.result.positions
        }
        snapshot = self._snapshot(list(positions.values()), proposals[0].options.open_orders, deadline)
        securities = Securities(list(positions.values()), snapshot)
        asked = ((securities, one) for one in of)
        with closing(self._work.readings(asked, deadline)) as readings:
            for batch in readings:
                for read in batch:
                    found[read.portfolio_id] = _looked(of[read.portfolio_id], read)
        return found

    def _closed(self, proposals: Sequence[Proposal], day: date) -> dict[str, StaleProposal]:
        """Why nothing is sent of portfolios that are not to be traded any more."""
        settings = self._settings.applied([one.result.portfolio_id for one in proposals])
        closed = ((key, own.not_to_be_traded(key, day)) for key, own in settings.items())
        return {key: stale(key, error.violations) for key, error in closed if error}

    def _snapshot(
        self, positions: Sequence[Position], how: OpenOrders | None, deadline: Deadline
    ) -> MarketSnapshot:
        """Prices, and open orders where they are looked at; these anew as often as takes little time."""
        if how not in LOOKING:
            return self._work.snapshot(positions, deadline)
        if self._open is None or time.monotonic() >= self._good_until:
            began = time.monotonic()
            read = self._work.snapshot(positions, deadline, how)
            self._open = read.open_orders
            self._good_until = time.monotonic() + min(10 * (time.monotonic() - began), MOST_SECONDS)
            return read
        return replace(self._work.snapshot(positions, deadline), open_orders=self._open)


def _looked(proposal: Proposal, read: Reading) -> Verdict | StaleProposal:
    portfolio_id, holdings = read.portfolio_id, read.holdings
    if isinstance(holdings, STOPPING):
        raise holdings
    try:
        if not isinstance(holdings, Holdings):
            raise holdings
        if proposal.traded and not is_booked(proposal, holdings):
            return Verdict.NOT_BOOKED
        ids = [line.security.security_id for line in proposal.result.positions]
        read.securities.add(read.quotes)
        prices = {one: read.securities.snapshot.quote(one).price for one in ids}
    except DataProblem as error:
        return stale(
            portfolio_id, error.violations or [Violation(portfolio_id, error.message, "DATA_PROBLEM")]
        )
    opened = (read.securities.snapshot.open_orders or {}).get(portfolio_id, ())
    return look(proposal, holdings, prices, opened) or Verdict.GOOD


def _position(security: RunSecurity) -> Position:
    return Position(security.security_id, security.target, security.low_drift, security.high_drift)
