"""Portfolios that have no answer say why, and what would help; nothing that is not known is a zero."""

from dataclasses import replace
from decimal import Decimal

import pytest

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import (
    BadData,
    DeadlineExceeded,
    Infeasible,
    MarketValueNotPositive,
    MissingData,
    SolverUndecided,
    Violation,
)
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, SecurityLimit
from ordergen_server.services.portfolios.portfolio import rebalance_portfolios
from ordergen_server.services.portfolios.portfolio_work import STOPPING
from ordergen_server.services.portfolios.securities import Securities
from tests import builders
from tests.builders import holdings, model, position, result, security_id, snapshot
from tests.unit.services.rebalanced import rebalanced


@pytest.mark.parametrize(
    ("cash", "shares", "value"),
    [
        ("-100", "10", "0.00"),
        ("-10", "0", "-10.00"),
        ("-1234.56789", "0", "-1,234.57"),
        ("-0.001", "0", "-0.001"),
    ],
)
def test_a_market_value_that_is_not_positive(cash: str, shares: str, value: str) -> None:
    answer = rebalanced(holdings(cash, {1: shares}), model(position(1)), {1: "10"})
    rule = f"market value must be above 0, not {value}"
    assert answer.state is PortfolioState.FAILED
    assert answer.error == MarketValueNotPositive(
        f"The portfolio cannot be rebalanced, its {rule}: it must be funded first.",
        violations=[Violation("market_value", rule, "MARKET_VALUE_NOT_POSITIVE")],
    )
    assert (answer.market_value, answer.cash_before, answer.cash_after) == (
        Decimal(cash) + 10 * Decimal(shares),
        Decimal(cash),
        None,
    )


def test_what_the_solver_has_no_time_to_decide_is_neither_an_answer_nor_infeasible() -> None:
    """Below its floor, and not to trade: that there is no answer needs a proof."""
    options = RebalanceOptions(
        minimum_cash_amount=Decimal("21869942.16604"),
        minimum_trade_value=Decimal("129953.89"),
        maximum_turnover_weight=Decimal(0),
        solver_timeout_seconds=1e-9,
    )
    held, wanted = holdings("16826106.8632", {1: "3942"}), model(position(1, "0.95", "0.05", "0.1"))
    answer = rebalanced(held, wanted, {1: "81221.1804"}, options)
    assert (answer.state, answer.transactions, answer.solution) == (PortfolioState.FAILED, (), None)
    assert isinstance(answer.error, SolverUndecided)
    assert not isinstance(answer.error, STOPPING)
    assert answer.error.metadata.keys() == {"lower_bound"}
    decided = rebalanced(held, wanted, {1: "81221.1804"}, replace(options, solver_timeout_seconds=30))
    assert decided.state is PortfolioState.INFEASIBLE


def test_infeasible_bands_are_explained_one_by_one() -> None:
    wanted = model(position(1, "0.1", "0", "0"), position(2, "0.2", "0.001", "0.001"))
    answer = rebalanced(holdings("1000"), wanted, {1: "77", 2: "501"})
    assert (answer.state, answer.transactions, answer.solution) == (PortfolioState.INFEASIBLE, (), None)
    assert isinstance(answer.error, Infeasible)
    assert [one.subject for one in answer.error.violations] == [security_id(1), security_id(2)]
    assert all(one.rule in answer.error.message for one in answer.error.violations)
    assert answer.error.violations[0].rule == (
        f"security {security_id(1)} (T1): band [100.00, 100.00] holds no multiple of 77.00;"
        " needs high drift >= 0.0540"
    )
    assert (answer.market_value, answer.drift_before) == (Decimal(1000), Decimal("0.3"))
    assert answer.cash_after is None


@pytest.mark.parametrize(
    ("options", "subject"),
    [
        (RebalanceOptions(maximum_turnover_weight=Decimal("0.1")), "turnover"),
        (RebalanceOptions(maximum_trade_count=0), "trade_count"),
        (RebalanceOptions(minimum_cash_weight=Decimal("0.6")), "cash"),
        (
            RebalanceOptions(security_limits=(SecurityLimit(security_id(1), None, Decimal("0.4")),)),
            security_id(1),
        ),
        (
            RebalanceOptions(group_limits=(GroupLimit("Energy", (security_id(1),), Decimal("0.6"), None),)),
            "group Energy",
        ),
    ],
)
def test_a_limit_that_cannot_be_met_is_named(options: RebalanceOptions, subject: str) -> None:
    wanted = model(position(1, "0.5", "0", "0"))
    answer = rebalanced(holdings("1000"), wanted, {1: "10"}, options)
    assert answer.error
    assert [one.subject for one in answer.error.violations] == [subject]


def test_infeasible_cash_is_explained() -> None:
    wanted = model(position(1, "0.9", "0.05", "0.05"))
    answer = rebalanced(
        holdings("1000"), wanted, {1: "10"}, RebalanceOptions(minimum_cash_amount=Decimal(500))
    )
    assert isinstance(answer.error, Infeasible)
    assert [one.subject for one in answer.error.violations] == ["cash"]
    assert "more" not in answer.error.message.split(". ")[-1]


@pytest.mark.parametrize("number", [1, 2])
def test_a_missing_security_is_never_a_zero(number: int) -> None:
    """Whether the model wants it or the portfolio holds it."""
    prices = {1: "10", 2: "10"}
    del prices[number]
    answer = rebalanced(holdings("1000", {2: "1"}), model(position(1)), prices)
    assert answer.state is PortfolioState.FAILED
    assert isinstance(answer.error, MissingData)
    assert [security_id(number)] == [one.subject for one in answer.error.violations]


def test_a_bad_price_is_that_problem() -> None:
    problem = BadData("bad price")
    answer = builders.rebalanced(result(), holdings("10"), [position(1)], snapshot({1: problem}))
    assert (answer.state, answer.error) == (PortfolioState.FAILED, problem)


def test_once_the_deadline_has_passed_nothing_more_is_searched() -> None:
    """What arrays answer at once is answered; what needs a search has no time for one."""
    securities = Securities([position(1)], snapshot({1: "10"}))
    portfolios = [(result(number), holdings("1000", {1: held})) for number, held in enumerate(("3", "3.5"))]
    whole, fractional = rebalance_portfolios(portfolios, securities, RebalanceOptions(), Deadline.after(0))
    assert whole.state is PortfolioState.REBALANCED
    assert (fractional.state, fractional.market_value) == (PortfolioState.FAILED, Decimal(1035))
    assert isinstance(fractional.error, DeadlineExceeded)
