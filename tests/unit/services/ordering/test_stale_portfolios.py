"""Portfolios whose proposal does not hold any more are not sent, and the others are."""

from dataclasses import replace
from datetime import timedelta

from ordergen_server.domain.desk.portfolio_settings import DoNotTrade, SettingsContent
from ordergen_server.domain.errors import SiblingUnavailable, StaleProposal
from ordergen_server.domain.orders.orders import OrderState
from ordergen_server.domain.orders.submissions import PortfolioOrderState, SubmissionState
from ordergen_server.domain.rebalances.options import MinimumCash
from tests.builders import RUN_ID, TODAY, holdings, portfolio_id, snapshot
from tests.order_service_model import DOWN, Attempt
from tests.order_world import CASH, HELD, World, portfolios

SENT, NOT_SENT = OrderState.SENT, OrderState.NOT_SENT


def test_a_last_look_reads_each_thing_once_however_many_portfolios_it_is_about() -> None:
    world = World(*portfolios(*[1] * 50))
    world.submit()
    world.step()
    ids = [one.portfolio_id for one in world.proposals]
    assert (world.market.calls, world.settings.reads, world.accounting.asked) == (1, [ids], ids)
    assert [len(orders) for _, orders in world.service.sent] == [50]


def test_a_portfolio_that_is_out_of_date_is_not_sent_and_the_others_are() -> None:
    world = World(*portfolios(2, 2))
    world.holdings[portfolio_id(0)] = holdings(str(CASH), {0: "7", 1: str(HELD)})
    world.submit()
    ended = world.run()
    assert ended.state is SubmissionState.COMPLETED_WITH_ERRORS
    assert (ended.stale_portfolio_count, ended.counts[NOT_SENT], ended.counts[SENT]) == (1, 2, 2)
    stale = world.store.portfolios(RUN_ID, [portfolio_id(0)])[0]
    assert stale.state is PortfolioOrderState.STALE
    assert isinstance(stale.stale, StaleProposal)
    assert [one.kind for one in stale.stale.violations] == ["QUANTITY_MOVED"]


def test_a_portfolio_that_is_not_to_be_traded_any_more_is_out_of_date() -> None:
    world = World(*portfolios(2, 2))
    world.settings.put(portfolio_id(0), SettingsContent(DoNotTrade("Closed.")))
    world.settings.put(portfolio_id(1), SettingsContent(DoNotTrade("It was.", TODAY - timedelta(days=1))))
    world.submit()
    ended = world.run()
    assert (ended.stale_portfolio_count, ended.counts[NOT_SENT], ended.counts[SENT]) == (1, 2, 2)
    [stale] = world.store.portfolios(RUN_ID, [portfolio_id(0)])
    assert stale.stale
    assert [one.kind for one in stale.stale.violations] == ["DO_NOT_TRADE"]
    assert stale.stale.message.endswith("which its settings say it is not: Closed.. Rebalance it again.")


def test_the_cash_that_settings_kept_is_kept_at_the_last_look() -> None:
    """Each buys a share more than it sells, at 10: its settings of then would have to leave it 20 by now."""
    first, second = portfolios(2, 2)
    world = World(replace(first, settings_floor=MinimumCash(CASH - 10)), second)
    world.market.answer = snapshot({0: "20", 1: "20"})
    world.submit()
    ended = world.run()
    assert (ended.stale_portfolio_count, ended.counts[NOT_SENT], ended.counts[SENT]) == (1, 2, 2)
    [stale] = world.store.portfolios(RUN_ID, [portfolio_id(0)])
    assert stale.stale
    assert [one.kind for one in stale.stale.violations] == ["CASH_FLOOR"]


def test_a_run_that_is_too_old_is_out_of_date() -> None:
    world = World(*portfolios(2))
    world.clock.move(24 * 3600 + 1)
    world.submit()
    ended = world.run()
    assert (ended.stale_portfolio_count, ended.counts[NOT_SENT]) == (1, 2)
    assert not world.service.sent


def test_a_last_look_that_cannot_be_taken_waits() -> None:
    world = World(*portfolios(1))
    known = world.holdings[portfolio_id(0)]
    world.holdings[portfolio_id(0)] = SiblingUnavailable("accounting is down")
    world.submit()
    for _ in range(5):
        wait = world.step()
        assert wait is not None
        world.clock.move(wait)
    assert not world.orders
    world.holdings[portfolio_id(0)] = known
    assert world.run().state is SubmissionState.COMPLETED


def test_what_could_not_be_sent_is_looked_at_again_before_it_is() -> None:
    world = World(*portfolios(2))
    world.submit()
    world.service.attempts.append(Attempt(raises=DOWN))
    world.step()
    world.holdings[portfolio_id(0)] = holdings("1", {0: str(HELD), 1: str(HELD)})
    ended = world.run()
    assert (ended.stale_portfolio_count, world.states) == (1, [NOT_SENT] * 2)
    assert not world.service.sent
