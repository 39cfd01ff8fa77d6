"""Reads holdings and prices once more, and takes the last look at each portfolio."""

import time
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from datetime import datetime
from enum import Enum

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import DataProblem, StaleProposal, Violation
from ordergen_server.domain.market import Holdings, MarketSnapshot
from ordergen_server.domain.models import Position
from ordergen_server.domain.open_orders import LOOKING, OpenOrders, OrdersByPortfolio
from ordergen_server.domain.orders.orders import Order
from ordergen_server.domain.rebalances import RebalanceOptions, RunSecurity, Side, View
from ordergen_server.domain.stores import RebalanceStore
from ordergen_server.services.ordering.last_look import Proposal, is_booked, look, stale
from ordergen_server.services.portfolio_work import STOPPING, PortfolioWork, Reading
from ordergen_server.services.securities import Securities

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
        work: reads holdings and prices.
        maximum_age_seconds: how old a run may be.
    """

    def __init__(self, runs: RebalanceStore, work: PortfolioWork, maximum_age_seconds: float) -> None:
        self._runs = runs
        self._work = work
        self._maximum_age_seconds = maximum_age_seconds
        self._open: OrdersByPortfolio | None = None
        self._good_until = 0.0

    def proposal(self, rebalance_id: str, portfolio_id: str, sells: Sequence[Order] = ()) -> Proposal:
        """What a run proposed for a portfolio, of which these sells were filled."""
        options = self._runs.get(rebalance_id).options or RebalanceOptions()
        result = self._runs.get_portfolio(rebalance_id, portfolio_id, View.FULL)
        sold = {one.security_id: -one.quantity for one in sells if one.side is Side.SELL}
        return Proposal(result, options, sold, frozenset(one.external_order_id for one in sells))

    def too_old(self, rebalance_id: str, portfolio_id: str, now: datetime) -> StaleProposal | None:
        """Why nothing of a run is sent that is too old by now; None where it is not."""
        age_seconds = (now - self._runs.get(rebalance_id).create_time).total_seconds()
        if age_seconds <= self._maximum_age_seconds:
            return None
        rule = (
            f"the run is {age_seconds:.0f} seconds old, and may be {self._maximum_age_seconds:.0f}"
            " (ORDERGEN_MAXIMUM_PROPOSAL_AGE)"
        )
        return stale(portfolio_id, [Violation(rebalance_id, rule, "RUN_TOO_OLD")])

    def take(self, proposals: Sequence[Proposal], deadline: Deadline) -> Looked:
        """What is to be said of each proposal, by portfolio id.

        Raises:
            Unavailable, DeadlineExceeded: holdings or prices cannot be read now.
        """
        of = {one.result.portfolio_id: one for one in proposals}
        positions = {
            line.security.security_id: _position(line.security)
            for one in proposals
            for line in one.result.positions
        }
        snapshot = self._snapshot(list(positions.values()), proposals[0].options.open_orders, deadline)
        securities = Securities(list(positions.values()), snapshot)
        found: dict[str, Verdict | StaleProposal] = {}
        asked = ((securities, one) for one in of)
        with closing(self._work.readings(asked, deadline)) as readings:
            for batch in readings:
                for read in batch:
                    found[read.portfolio_id] = _looked(of[read.portfolio_id], read)
        return found

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
