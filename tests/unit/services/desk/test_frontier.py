"""The frontier against all whole shares that there are, of small portfolios."""

from collections.abc import Sequence
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise, product

from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.domain.rebalances.options import RebalanceOptions, Strategy
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.services.desk.comparison_rows import drift_money, turnover
from ordergen_server.services.desk.frontier import frontier
from tests.builders import holdings, position, rebalanced, result, snapshot

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
    positions = [position(n, target, drift, drift) for n, (_, _, target, drift) in enumerate(drawn, 1)]
    market = snapshot({n: price for n, (price, *_) in enumerate(drawn, 1)})
    held = holdings(str(cash), {n: str(shares) for n, (_, shares, *_) in enumerate(drawn, 1)})

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
