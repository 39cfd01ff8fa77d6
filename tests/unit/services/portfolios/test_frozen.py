"""Securities without a usable price stay as they are; the rest is rebalanced as if they were not there."""

from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

import optimizer
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.comparisons import Variant
from ordergen_server.domain.desk.price_ranges import good_until
from ordergen_server.domain.errors import (
    BadData,
    Infeasible,
    MarketValueNotPositive,
    MissingData,
    OrderGenerationError,
    SiblingUnavailable,
    StalePrice,
)
from ordergen_server.domain.market import Holdings, MarketSnapshot, missing
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.frozen import FrozenPosition, FrozenSecurity, PriceProblem
from ordergen_server.domain.rebalances.options import (
    LotSize,
    RebalanceOptions,
    Restriction,
    RestrictionType,
    Strategy,
    Unpriced,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, View
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState, RunFinished
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, SecurityLimit
from ordergen_server.services.portfolios.batches import row_of
from ordergen_server.services.portfolios.explaining import explain
from ordergen_server.services.portfolios.portfolio import rebalance_portfolios
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.portfolios.valuation import MAXIMUM_POSITIONS, Valued, valued
from tests.builders import (
    MODEL_ID,
    NOW,
    TODAY,
    holdings,
    no_price,
    portfolio_id,
    position,
    rebalance,
    rebalanced,
    result,
    security_id,
    snapshot,
)
from tests.limits import PATIENCE
from tests.unit.optimizer.oracle import brute_force, is_enumerable
from tests.unit.services.desk.comparing import told as compared
from tests.unit.services.runs import House, each, house

FREEZE = RebalanceOptions(unpriced=Unpriced.FREEZE)
BAD = BadData("the price is 0: it must be mended there")
MISSING, SPOILED, STALE = PriceProblem.MISSING_DATA, PriceProblem.BAD_DATA, PriceProblem.STALE_PRICE
ZERO = Decimal(0)
Carried = Callable[[House, RebalanceOptions], tuple[Rebalance, dict[str, PortfolioRebalance]]]


def frozen(
    number: int, problem: PriceProblem, quantity: str, *weights: str, day: date | None = None
) -> FrozenPosition:
    target, low, high = map(Decimal, weights or ("0", "0", "0"))
    security = FrozenSecurity(security_id(number), f"T{number}", target, low, high, problem, day)
    return FrozenPosition(security, Decimal(quantity))


def shown(answer: PortfolioRebalance) -> dict[str, int]:
    return {line.security.ticker: line.trade_quantity for line in answer.positions}


def test_what_has_no_price_stays_and_the_rest_trades() -> None:
    """A holding of the model, one outside it, and what the model lists and nobody holds."""
    wanted = [position(1, "0.5"), position(2, "0.2"), position(4, "0.1")]
    held = holdings("1000", {1: "10", 2: "7.5", 3: "-4"})
    market = snapshot({1: "20", 2: no_price(2), 3: no_price(3, BAD), 4: no_price(4)})
    answer = rebalanced(result(), held, wanted, market, FREEZE)
    assert (answer.state, answer.error) == (PortfolioState.REBALANCED, None)
    assert answer.frozen == (
        frozen(2, MISSING, "7.5", "0.2", "0.05", "0.05"),
        frozen(3, SPOILED, "-4"),
        frozen(4, MISSING, "0", "0.1", "0.05", "0.05"),
    )
    assert (answer.frozen_count, shown(answer)) == (3, {"T1": 20})
    assert (answer.market_value, answer.cash_after) == (Decimal(1200), Decimal(600))
    # Of 600 at its target 400 lack, and nothing of what is frozen.
    assert (answer.drift_before, answer.drift_after) == (Decimal("0.333333333333"), Decimal(0))
    assert [one.security_id for one in answer.transactions] == [security_id(1)]


def test_by_default_who_needs_such_a_price_fails() -> None:
    market = snapshot({1: "20", 2: no_price(2)})
    answer = rebalanced(result(), holdings("1000", {2: "1"}), [position(1)], market)
    assert answer.state is PortfolioState.FAILED
    assert answer.error == missing("pricing", "price", security_id(2), "T2")
    assert (answer.frozen, answer.frozen_count) == ((), 0)


@pytest.mark.parametrize("error", [missing("security", "security", security_id(2), security_id(2)), BAD])
def test_what_is_no_statement_about_a_price_fails(error: OrderGenerationError) -> None:
    """A security that is not known, or whose record is bad, may be anything."""
    market = MarketSnapshot({**snapshot({1: "20"}).quotes, security_id(2): error}, NOW)  # type: ignore[dict-item] # both are problems
    answer = rebalanced(result(), holdings("1000", {2: "1"}), [position(1)], market, FREEZE)
    assert (answer.state, answer.error) == (PortfolioState.FAILED, error)
    unlisted = rebalanced(result(), holdings("1000", {3: "1"}), [position(1)], market, FREEZE)
    assert isinstance(unlisted.error, MissingData)


def test_a_price_that_is_too_old_is_none() -> None:
    """It tells of which day it is; one of no day is as old as any."""
    week = replace(FREEZE, maximum_price_age_days=7)
    old, held = TODAY - timedelta(days=8), holdings("1000", {1: "10", 2: "5", 3: "2"})
    quotes = {
        **snapshot({1: "20"}, TODAY).quotes,
        **snapshot({2: "20"}, old).quotes,
        **snapshot({3: "20"}).quotes,
    }
    market = MarketSnapshot(quotes, NOW)
    answer = rebalanced(result(), held, [position(1)], market, week)
    assert answer.frozen == (frozen(2, STALE, "5", day=old), frozen(3, STALE, "2"))
    assert answer.market_value == 1200
    failing = replace(week, unpriced=Unpriced.FAIL)
    assert isinstance(rebalanced(result(), held, [position(1)], market, failing).error, StalePrice)
    assert rebalanced(result(), held, [position(1)], market, FREEZE).frozen == ()


def test_who_has_nothing_else_has_no_market_value() -> None:
    market = snapshot({1: "20", 2: no_price(2)})
    answer = rebalanced(result(), holdings("0", {2: "1"}), [position(1)], market, FREEZE)
    assert (answer.state, answer.market_value) == (PortfolioState.FAILED, ZERO)
    assert isinstance(answer.error, MarketValueNotPositive)
    assert "without what has no usable price and is frozen (T2)" in answer.error.message
    funded = replace(result(), cash_flow=Decimal(400))
    answer = rebalanced(funded, holdings("0", {2: "1"}), [position(1)], market, FREEZE)
    assert shown(answer) == {"T1": 2}
    empty = rebalanced(result(), holdings("0"), [position(2)], market, FREEZE)
    assert (empty.state, empty.frozen) == (PortfolioState.NO_ACTION, ())


def test_who_has_cash_and_frozen_securities_alone_needs_no_trade() -> None:
    market = snapshot({1: no_price(1), 2: no_price(2)})
    answer = rebalanced(result(), holdings("5", {2: "1"}), [position(1)], market, FREEZE)
    assert (answer.state, answer.positions, answer.frozen_count) == (PortfolioState.NO_ACTION, (), 2)
    assert (answer.drift_before, answer.drift_after, answer.cash_after) == (ZERO, ZERO, Decimal(5))
    assert answer.solution
    assert answer.solution.proven_optimal


def test_why_nothing_fits_tells_what_is_frozen() -> None:
    wanted = [Position(security_id(1), Decimal("0.5"), ZERO, ZERO)]
    market = snapshot({1: "7", **{number: no_price(number) for number in range(2, 9)}})
    held = holdings("15", dict.fromkeys(range(2, 9), "1"))
    answer = rebalanced(result(), held, wanted, market, FREEZE)
    assert (answer.state, answer.frozen) == (PortfolioState.INFEASIBLE, ())
    assert isinstance(answer.error, Infeasible)
    assert "is frozen (T2, T3, T4, T5, T6 and 2 more)" in answer.error.message


def test_what_is_frozen_counts_among_the_securities_that_a_portfolio_may_have() -> None:
    market = snapshot({1: "1", **{number: no_price(number) for number in range(2, MAXIMUM_POSITIONS + 2)}})
    held = holdings("15", dict.fromkeys(range(2, MAXIMUM_POSITIONS + 1), "1"))
    assert rebalanced(result(), held, [position(1)], market, FREEZE).error is None
    more = holdings("15", dict.fromkeys(range(2, MAXIMUM_POSITIONS + 2), "1"))
    answer = rebalanced(result(), more, [position(1)], market, FREEZE)
    assert answer.error
    assert [one.kind for one in answer.error.violations] == ["TOO_MANY_POSITIONS"]


def test_rules_about_what_is_frozen_bind_nothing() -> None:
    """Neither a restriction, lots nor limits of weights; of a group what has a price counts."""
    wanted = [position(1, "0.5", "0.5", "0.5"), position(2, "0.3")]
    held = holdings("1000", {2: "3"})
    market = snapshot({1: "10", 2: no_price(2)})
    limits = GroupLimit("both", (security_id(1), security_id(2)), None, Decimal("0.25"))
    rules = replace(
        FREEZE,
        restrictions=(Restriction(security_id(2), RestrictionType.HOLD),),
        lot_sizes=(LotSize(security_id(2), 100),),
        security_limits=(SecurityLimit(security_id(2), Decimal("0.9"), None),),
        group_limits=(limits, GroupLimit("frozen", (security_id(2),), Decimal("0.9"), None)),
    )
    answer = rebalanced(result(), held, wanted, market, rules)
    assert (shown(answer), answer.limit_breaches) == ({"T1": 25}, ())
    assert len(good_until(answer, rules)) == 1
    securities = Securities(wanted, market, freezes=True)
    deadline = Deadline.after(PATIENCE)
    told = explain(result(), held, securities, rules, result=answer, deadline=deadline)
    assert {one.rule.name for one in told.rule_prices} == {"both"}


PRICES = st.sampled_from(["1", "3.5", "7", "11.25", "20", "33"])
#: A price, and whether it is withheld; shares, twentieths of the portfolio, and the band.
SECURITIES = st.lists(
    st.tuples(
        PRICES, st.booleans(), st.integers(-2, 6), st.integers(0, 6), st.sampled_from(["0.04", "0.2", "1"])
    ),
    min_size=1,
    max_size=4,
)


@given(SECURITIES, st.integers(-20, 120), st.sampled_from(Strategy), st.sampled_from([None, "0.1", "1"]))
def test_the_answer_is_that_of_the_priced_part_alone(
    drawn: Sequence[tuple[str, bool, int, int, str]], cash: int, strategy: Strategy, floor: str | None
) -> None:
    """Found by enumeration, with nothing of the optimizer; and every number is that of the part."""
    wanted = [
        Position(security_id(number), Decimal(steps) / 20, Decimal(drift), Decimal(drift))
        for number, (_, _, _, steps, drift) in enumerate(drawn)
        if steps
    ]
    quantities = {number: str(held) for number, (_, _, held, _, _) in enumerate(drawn) if held}
    assume(cash or quantities)
    market = snapshot({number: no_price(number) if one[1] else one[0] for number, one in enumerate(drawn)})
    options = replace(FREEZE, strategy=strategy, minimum_cash_amount=Decimal(floor) if floor else None)
    held = holdings(str(cash), quantities)
    answer = rebalanced(result(), held, wanted, market, options)
    unpriced = {security_id(number) for number, one in enumerate(drawn) if one[1]}
    check_frozen(answer, held, wanted, unpriced)
    part = replace(held, quantities={key: one for key, one in held.quantities.items() if key not in unpriced})
    listed = [one for one in wanted if one.security_id not in unpriced]
    if not (answer.market_value or 0) > 0:
        assert isinstance(answer.error, MarketValueNotPositive)
        return
    alone = rebalanced(result(), part, listed, market, replace(options, unpriced=Unpriced.FAIL))
    assert (alone.state, alone.market_value) == (answer.state, answer.market_value)
    problem = problem_of(part, listed, market, options)
    if is_enumerable(problem):
        best = brute_force(problem)
        assert (answer.state is PortfolioState.INFEASIBLE) == (best is None)
        if best is not None:
            assert tuple(line.trade_quantity for line in answer.positions) == best
            assert without_time(replace(answer, frozen=(), frozen_count=0)) == without_time(alone)


def check_frozen(
    answer: PortfolioRebalance, held: Holdings, wanted: Sequence[Position], unpriced: set[str]
) -> None:
    """Each security without a price that is held or listed, as it was."""
    if not answer.solution:
        assert answer.frozen == ()
        return
    ids = sorted(unpriced & {*held.quantities, *(one.security_id for one in wanted)})
    assert [(one.security.security_id, one.quantity) for one in answer.frozen] == [
        (key, held.quantities.get(key, ZERO)) for key in ids
    ]
    assert answer.frozen_count == len(ids)


def problem_of(
    held: Holdings, wanted: Sequence[Position], market: MarketSnapshot, options: RebalanceOptions
) -> optimizer.Problem:
    weights = {one.security_id: (one.target, one.low_drift, one.high_drift) for one in wanted}
    ids = sorted({*held.quantities, *weights})
    return optimizer.Problem(
        tuple(
            optimizer.Position(
                key,
                market.quote(key).price,
                held.quantities.get(key, ZERO),
                *weights.get(key, (ZERO, ZERO, ZERO)),
            )
            for key in ids
        ),
        held.cash,
        options.minimum_cash_amount or ZERO,
        optimizer.Strategy[options.strategy.name],
    )


def without_time(one: PortfolioRebalance) -> PortfolioRebalance:
    return replace(one, solution=one.solution and replace(one.solution, solve_duration=timedelta(0)))


SHARES = st.lists(st.integers(-2, 9), min_size=4, max_size=4)


@given(st.lists(st.tuples(st.integers(0, 400), SHARES), min_size=1, max_size=8), st.sets(st.integers(0, 3)))
def test_together_they_have_the_answers_that_each_has_by_itself(
    drawn: Sequence[tuple[int, Sequence[int]]], unpriced: set[int]
) -> None:
    """Three securities of the model and one outside it, which nobody holds where it has a price."""
    wanted = [position(0, "0.3"), position(1, "0.2", "0.1", "0.1"), position(2, "0.4", "0.4", "0.4")]
    market = snapshot({one: no_price(one) if one in unpriced else f"{one}3.5" for one in range(4)})
    may_be_held = {0, 1, 2, *unpriced}
    held = [
        holdings(str(cash), {key: str(one) for key, one in enumerate(shares) if one and key in may_be_held})
        for cash, shares in drawn
    ]
    blanks = [(result(number), one) for number, one in enumerate(held)]
    securities = Securities.of_run(replace(rebalance(), options=FREEZE), wanted, market)
    together = rebalance_portfolios(blanks, securities, FREEZE, Deadline.after(PATIENCE))
    alone = [rebalanced(blank, one, wanted, market, FREEZE) for blank, one in blanks]
    assert list(map(without_time, together)) == list(map(without_time, alone))
    worth = [valued(blank, one, securities) for blank, one in blanks]
    assert None not in [row_of(one, securities, FREEZE) for one in worth if isinstance(one, Valued)]


def run_of(parts: House, options: RebalanceOptions) -> tuple[Rebalance, dict[str, PortfolioRebalance]]:
    begun = parts.rebalancers.model.start(MODEL_ID, options, PATIENCE)
    assert parts.ended(begun.rebalance_id)
    return parts.runs.get(begun.rebalance_id), {one.portfolio_id: one for one in parts.runs.results}


def preview_of(parts: House, options: RebalanceOptions) -> tuple[Rebalance, dict[str, PortfolioRebalance]]:
    deadline = Deadline.after(PATIENCE)
    told = [one.event for one in each(parts.rebalancers.previews.preview(MODEL_ID, options, deadline))]
    last = told[-1]
    assert isinstance(last, RunFinished)
    return last.rebalance, {one.portfolio_id: one for one in told if isinstance(one, PortfolioRebalance)}


@pytest.mark.parametrize("carried_out", [run_of, preview_of])
def test_runs_freeze_and_count_what_they_froze(carried_out: Carried) -> None:
    """Of two portfolios the second holds a security without a price, which the model does not list."""
    held = holdings("1000"), holdings("500", {2: "5"})
    with house(*held, market=snapshot({1: "10", 2: no_price(2)})) as parts:
        run, results = carried_out(parts, FREEZE)
    assert [results[portfolio_id(number)].frozen_count for number in range(2)] == [0, 1]
    assert (run.state, run.summary and run.summary.frozen_count) == (RebalanceState.COMPLETED, 1)


def test_a_preview_without_lines_still_counts_them() -> None:
    with house(holdings("500", {2: "5"}), market=snapshot({1: "10", 2: no_price(2)})) as parts:
        previews, deadline = parts.rebalancers.previews, Deadline.after(PATIENCE)
        told = [one.event for one in each(previews.preview(MODEL_ID, FREEZE, deadline, View.BASIC))]
    [answer] = [one for one in told if isinstance(one, PortfolioRebalance)]
    assert (answer.positions, answer.frozen, answer.frozen_count) == ((), (), 1)


def test_pricing_that_is_down_freezes_nothing() -> None:
    down = SiblingUnavailable("The pricing service does not answer: try again.")
    with house(holdings("1000"), market=down) as parts:
        run, results = run_of(parts, FREEZE)
        with pytest.raises(SiblingUnavailable):
            parts.rebalancers.portfolio.rebalance(portfolio_id(0), FREEZE, Deadline.after(PATIENCE))
    assert (run.state, run.error) == (RebalanceState.FAILED, down)
    assert results[portfolio_id(0)].state is PortfolioState.SKIPPED


def test_what_is_quoted_later_may_have_no_price_either() -> None:
    """While securities cannot be listed, those that a portfolio holds are asked for one by one."""
    listed = MarketSnapshot(snapshot({1: "10"}).quotes, NOW, {})
    with house(holdings("500", {2: "5"}), market=listed) as parts:
        parts.market.more[security_id(2)] = no_price(2)
        answer = parts.rebalancers.portfolio.rebalance(portfolio_id(0), FREEZE, Deadline.after(PATIENCE))
    assert answer.frozen == (frozen(2, MISSING, "5"),)


def test_variants_see_the_same_prices_and_differ_in_what_they_freeze() -> None:
    failing = replace(FREEZE, unpriced=Unpriced.FAIL)
    with house(holdings("500", {2: "5"}), market=snapshot({1: "10", 2: no_price(2)})) as parts:
        rows, _ = compared(parts, Variant("fail", failing), Variant("freeze", FREEZE))
    assert [(one.variant, one.state, one.market_value) for one in rows] == [
        ("fail", PortfolioState.FAILED, None),
        ("freeze", PortfolioState.REBALANCED, Decimal(500)),
    ]
