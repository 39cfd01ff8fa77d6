"""Portfolios are the same for the same seed, differ in kind, and can be rebalanced to their model."""

from __future__ import annotations

from collections import Counter
from decimal import Decimal

import pytest

from ordergen_server.sandbox.market.market import Market, Security
from ordergen_server.sandbox.market.portfolios import Kind, Portfolio, Portfolios

MARKET = Market.synthetic(seed=11, securities=300)


def market_value(portfolio: Portfolio, market: Market = MARKET) -> Decimal:
    held = (market.by_id[key].price * quantity for key, quantity in portfolio.holdings.items())
    return portfolio.cash + sum(held, Decimal(0))


def some(portfolios: Portfolios, kind: Kind) -> list[Portfolio]:
    return [portfolios.portfolio(k) for k in range(portfolios.count) if portfolios.kind(k) is kind]


def test_same_seed_same_portfolios() -> None:
    one, other = (Portfolios(Market.synthetic(seed=4), 30, 20) for _ in range(2))
    assert one.model == other.model
    assert [one.portfolio(k) for k in range(30)] == [other.portfolio(k) for k in range(30)]


def test_another_seed_other_portfolios() -> None:
    one, other = (Portfolios(Market.synthetic(seed=seed), 30, 20) for seed in (1, 2))
    assert one.model.portfolio_ids != other.model.portfolio_ids
    assert one.portfolio(0).holdings != other.portfolio(0).holdings


def test_a_portfolio_does_not_depend_on_how_many_there_are() -> None:
    assert Portfolios(MARKET, 10, 60).portfolio(9) == Portfolios(MARKET, 10_000, 60).portfolio(9)


@pytest.mark.parametrize("count", [1, 2, 10, 60, 100])
def test_the_model_keeps_the_rules_of_models(count: int) -> None:
    positions = Portfolios(MARKET, 3, count).model.positions
    assert len({each.security_id for each in positions}) == count
    assert Decimal("0.90") <= sum(each.target for each in positions) <= Decimal("0.95")
    for each in positions:
        assert each.target % Decimal("0.005") == 0
        assert Decimal("0.005") <= each.target <= Decimal("0.95")
        assert Decimal("0.01") <= each.low_drift <= each.high_drift <= Decimal("0.05")


@pytest.mark.parametrize("positions", [0, 101, -1])
def test_refuses_positions_out_of_range(positions: int) -> None:
    with pytest.raises(ValueError, match=f"positions must be from 1 to 100 in this market, got {positions}"):
        Portfolios(MARKET, 1, positions)


def test_refuses_more_positions_than_securities() -> None:
    with pytest.raises(ValueError, match="positions must be from 1 to 5"):
        Portfolios(Market.synthetic(securities=5), 1, 6)


def test_refuses_a_negative_count() -> None:
    with pytest.raises(ValueError, match="portfolios must be from 0"):
        Portfolios(MARKET, -1, 5)


def test_ids_lead_back_to_the_portfolio() -> None:
    portfolios = Portfolios(MARKET, 10_000, 60)
    ids = portfolios.model.portfolio_ids
    assert len(set(ids)) == 10_000
    assert {len(each) for each in ids} == {24}
    assert [portfolios.number_of(ids[k]) for k in (0, 1, 9_999)] == [0, 1, 9_999]
    assert portfolios.number_of(portfolios.portfolio_id(10_000)) is None
    assert portfolios.number_of("0" * 24) is None
    assert portfolios.number_of(ids[0][:16] + "xyz") is None


def test_most_are_ordinary_and_every_kind_is_there() -> None:
    kinds = Counter(Portfolios(MARKET, 20, 60).kind(k) for k in range(20))
    assert kinds == {Kind.ORDINARY: 15, **dict.fromkeys(set(Kind) - {Kind.ORDINARY}, 1)}


@pytest.mark.parametrize("positions", [1, 10, 100])
def test_each_kind_is_what_it_says(positions: int) -> None:
    portfolios = Portfolios(MARKET, 400, positions)
    listed = {each.security_id for each in portfolios.model.positions}
    for each in some(portfolios, Kind.ORDINARY):
        assert each.cash > 0
        assert set(each.holdings) <= listed
        assert all(quantity > 0 and quantity % 1 == 0 for quantity in each.holdings.values())
    assert all(each.cash < 0 for each in some(portfolios, Kind.OVERDRAWN))
    assert all(each.holdings == {} and each.cash == 0 for each in some(portfolios, Kind.NEW))
    assert all(set(each.holdings) - listed for each in some(portfolios, Kind.OUTSIDE))
    shorts = some(portfolios, Kind.SHORT)
    assert sum(any(quantity < 0 for quantity in each.holdings.values()) for each in shorts) >= 15
    fractions = some(portfolios, Kind.FRACTIONAL)
    assert sum(any(quantity % 1 for quantity in each.holdings.values()) for each in fractions) >= 15
    assert all(round(q, 8) == q for each in fractions for q in each.holdings.values())


def test_market_values_have_the_range_of_real_ones() -> None:
    portfolios = Portfolios(MARKET, 400, 60)
    values = [market_value(portfolios.portfolio(k)) for k in range(400) if portfolios.kind(k) is not Kind.NEW]
    assert all(Decimal(249_999) < value < Decimal(50_000_001) for value in values)
    assert min(values) < 400_000
    assert max(values) > 30_000_000


def test_bands_hold_a_share_of_every_position() -> None:
    """A band at least as wide as a share is dear holds a whole number of shares: there is an answer."""
    portfolios = Portfolios(MARKET, 200, 100)
    for k in range(200):
        portfolio = portfolios.portfolio(k)
        if portfolio.kind is Kind.NEW:
            continue
        for each in portfolios.model.positions:
            price = MARKET.by_id[each.security_id].price
            assert market_value(portfolio) * (each.low_drift + each.high_drift) > price


def test_holdings_have_drifted() -> None:
    portfolios = Portfolios(MARKET, 20, 60)
    portfolio = portfolios.portfolio(0)
    value = market_value(portfolio)
    drift = sum(
        abs(
            each.target * value
            - portfolio.holdings.get(each.security_id, 0) * MARKET.by_id[each.security_id].price
        )
        for each in portfolios.model.positions
    )
    assert Decimal("0.05") < drift / value < Decimal("0.5")


def test_a_model_of_one_position_can_be_overdrawn_however_it_drifted() -> None:
    market = Market(1, (Security("0" * 24, "ONE", "One Inc.", Decimal(100)),))
    portfolios = Portfolios(market, 2_000, 1)
    assert all(each.cash < 0 for each in some(portfolios, Kind.OVERDRAWN))
    assert all(market_value(each, market) > 0 for each in some(portfolios, Kind.OUTSIDE))
