"""The frontier against all whole shares that there are, of small portfolios; and what is not proven."""

from collections.abc import Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, product

from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.domain.desk.comparisons import Variant
from ordergen_server.domain.market import Holdings, MarketSnapshot
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.options import RebalanceOptions, Strategy
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, SolutionQuality
from ordergen_server.services.desk.comparison_rows import drift_money, turnover
from ordergen_server.services.desk.frontier import frontier
from tests.builders import holdings, model, position, rebalanced, result, snapshot
from tests.unit.services.desk.comparing import BAD, BOTH, TARGET, told
from tests.unit.services.runs import house

#: Price, shares held, target and drifts, of one security.
Drawn = tuple[str, int, str, str]
lines = st.lists(
    st.tuples(
        st.sampled_from(["3", "7.25", "10", "31"]),
        st.integers(0, 9),
        st.sampled_from(["0.05", "0.1", "0.25"]),
        st.sampled_from(["0.05", "0.1"]),
    ),
    min_size=1,
    max_size=3,
)


def portfolio(drawn: Sequence[Drawn], cash: int) -> tuple[list[Position], MarketSnapshot, Holdings]:
    """What is aimed at, prices, and what is held."""
    positions = [position(n, target, drift, drift) for n, (_, _, target, drift) in enumerate(drawn, 1)]
    market = snapshot({n: price for n, (price, *_) in enumerate(drawn, 1)})
    held = holdings(str(cash), {n: str(shares) for n, (_, shares, *_) in enumerate(drawn, 1)})
    return positions, market, held


def all_answers(drawn: Sequence[Drawn], worth: Fraction) -> list[tuple[Fraction, Fraction]]:
    """Turnover and drift, in money, of all whole shares that keep every band and do not overdraw."""
    inside = []
    for price, _held, target, drift in drawn:
        low, high = ((Fraction(target) + sign * Fraction(drift)) * worth for sign in (-1, 1))
        most = int(high / Fraction(price))
        inside.append([count for count in range(most + 1) if low <= count * Fraction(price) <= high])
    found = []
    for counts in product(*inside):
        values = [count * Fraction(price) for count, (price, *_) in zip(counts, drawn, strict=True)]
        if sum(values) > worth:
            continue
        traded = sum(
            abs(count - held) * Fraction(price)
            for count, (price, held, *_) in zip(counts, drawn, strict=True)
        )
        off = sum(
            abs(worth * Fraction(target) - value)
            for value, (_, _, target, _) in zip(values, drawn, strict=True)
        )
        found.append((Fraction(traded), Fraction(off)))
    return found


@settings(max_examples=60, deadline=None)
@given(lines, st.integers(5, 90), st.integers(2, 5))
def test_every_point_has_the_least_drift_that_its_turnover_allows(
    drawn: list[Drawn], cash: int, count: int
) -> None:
    positions, market, held = portfolio(drawn, cash)

    def solved(strategy: Strategy, weight: Decimal | None = None) -> PortfolioRebalance:
        options = RebalanceOptions(strategy=strategy, maximum_turnover_weight=weight)
        return rebalanced(result(), held, positions, market, options)

    band, target = solved(Strategy.TO_BAND), solved(Strategy.TO_TARGET)
    points = frontier(band, target, count, lambda weight: solved(Strategy.TO_TARGET, weight))
    every = all_answers(drawn, Fraction(cash) + sum(Fraction(price) * shares for price, shares, *_ in drawn))
    if not every:
        assert {one.result.state for one in points} == {PortfolioState.INFEASIBLE}
        return
    least, most = Fraction(turnover(band)), Fraction(turnover(target))
    assert least == min(traded for traded, _ in every)
    assert (points[0].result, points[-1].result) == (band, target)
    for place, one in enumerate(points):
        allowed = least + (most - least) * place / (count - 1)
        assert turnover(one.result) <= allowed
        assert Fraction(drift_money(one.result)) == min(off for traded, off in every if traded <= allowed)
        assert one.proven
    assert all(drift_money(one.result) >= drift_money(two.result) for one, two in pairwise(points))


def test_the_frontier_is_exact_at_its_ends_and_between() -> None:
    """By its definition: at each turnover no orders have less drift, of all that there are."""
    drawn = [("10", 30, "0.1", "0.05"), ("30", 10, "0.2", "0.05"), ("7", 0, "0.3", "0.05")]
    positions, prices, held = portfolio(drawn, 400)
    worth = Fraction(1000)
    every = all_answers(drawn, worth)
    wanted = model(*positions, portfolios=1)
    with house(held, wanted=wanted, market=prices) as parts:
        rows, sums = told(parts, *BOTH, points=6)
    band, target, *points = rows
    assert [one.variant for one in points] == [f"frontier-{place}" for place in range(1, 7)]
    assert [replace(one, variant="") for one in (points[0], points[-1])] == [
        replace(one, variant="") for one in (band, target)
    ]
    assert all(one.proven_optimal for one in points)
    turnovers = [Fraction(one.turnover or 0) for one in points]
    assert turnovers[0] < turnovers[-1]
    for place, one in enumerate(points):
        allowed = turnovers[0] + (turnovers[-1] - turnovers[0]) * place / 5
        assert Fraction(one.turnover or 0) <= allowed
        least = min(off for traded, off in every if traded <= allowed)
        assert Fraction(one.drift_after or 0) == least / worth
    assert all((one.drift_after or 0) >= (two.drift_after or 0) for one, two in pairwise(points))
    assert [one.counts for one in sums] == [{PortfolioState.REBALANCED: 1}] * 8


def test_a_portfolio_without_an_answer_is_every_point_of_the_frontier() -> None:
    narrow = model(position(1, "0.1", "0.001", "0.001"), portfolios=2)
    with house(holdings("95"), BAD, wanted=narrow) as parts:
        rows, sums = told(parts, Variant("only", TARGET), points=3)
    assert [(one.variant, one.state.name, bool(one.error)) for one in rows] == [
        *[(name, "INFEASIBLE", True) for name in ("only", "frontier-1", "frontier-2", "frontier-3")],
        *[(name, "FAILED", True) for name in ("only", "frontier-1", "frontier-2", "frontier-3")],
    ]
    assert {one.proven for one in sums} == {0}


def answer(shares: int, *, proven: bool = True, tie_broken: bool = True) -> PortfolioRebalance:
    """Sells so many of 50 shares of 10 each, of which 10 are the target."""
    found = rebalanced(
        result(),
        holdings("500", {1: "50"}),
        [position(1)],
        snapshot({1: "10"}),
        RebalanceOptions(maximum_turnover_weight=Decimal(shares) / 100),
    )
    quality = SolutionQuality(proven, Decimal(0), Decimal(0), found.solution.solve_duration, tie_broken)  # type: ignore[union-attr] # it has one
    return replace(found, solution=quality)


def test_what_is_not_proven_gives_way_to_what_is_better() -> None:
    """An end that trades more than the other, and a point that is worse than the one before it."""
    reversed_ends = frontier(answer(38, proven=False, tie_broken=False), answer(37), 3, lambda _: answer(36))
    assert [len(one.result.transactions) for one in reversed_ends] == [1, 1, 1]
    assert [one.proven for one in reversed_ends[1:]] == [False, False]
    unlucky = frontier(answer(36), answer(40), 3, lambda _: answer(35, proven=False))
    assert [one.result.transactions[0].quantity for one in unlucky] == [36, 36, 40]
    assert [one.proven for one in unlucky] == [True, False, True]


def test_an_end_whose_tie_is_open_is_proven_by_another_answer() -> None:
    limits: list[Decimal] = []

    def limited(weight: Decimal) -> PortfolioRebalance:
        limits.append(weight)
        return answer(int(weight * 100))

    points = frontier(answer(36, tie_broken=False), answer(40), 2, limited)
    assert [(one.result.transactions[0].quantity, one.proven) for one in points] == [(36, True), (40, True)]
    assert limits == [Decimal("0.36")]
