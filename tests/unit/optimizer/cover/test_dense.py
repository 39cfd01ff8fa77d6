"""Tables of all amounts, against plain enumeration to the last tie."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.cover.dense import densest_cover, work
from optimizer.cover.ladder import Ladder, Rungs
from optimizer.enumeration.enumeration import never
from optimizer.problem.line import Line
from optimizer.separable.costs import Costs

COSTS = Costs(turnover_first=False, second_bits=0, trade_bits=0)


def aims(ladder: Ladder, rung: int) -> tuple[int, int, int]:
    """Drift, turnover and trades."""
    return COSTS.aims(ladder.line, ladder.rungs[rung])


@st.composite
def ladders(draw: st.DrawFn) -> list[Ladder]:
    """A few positions of a few shares, some of which end in an exit."""
    found: list[Ladder] = []
    for _ in range(draw(st.integers(1, 5))):
        price, held = draw(st.integers(1, 9)), draw(st.integers(0, 9))
        top = draw(st.integers(1, 6))
        target = top * price + draw(st.integers(-price // 2, price // 2))
        parts = (range(draw(st.integers(0, top)), top + 1),)
        line = Line(price, 0, target, 0, 100, held)
        found.append(Ladder(line, Rungs.down(parts, top), COSTS.of, lambda line, shares: line.value(shares)))
    return found


@settings(max_examples=300, deadline=None)
@given(ladders(), st.data())
def test_a_table_agrees_with_enumeration_to_the_last_tie(drawn: list[Ladder], data: st.DataObject) -> None:
    most = sum(ladder.option(ladder.rungs.count - 1).freed for ladder in drawn)
    required = data.draw(st.integers(min(1, most), most))

    def judged(rungs: tuple[int, ...]) -> tuple[int, int, int, list[int]]:
        pairs = list(zip(drawn, rungs, strict=True))
        first, second, trades = (sum(aims(*pair)[aim] for pair in pairs) for aim in range(3))
        return first, second, trades, [ladder.rungs[rung] for ladder, rung in pairs]

    covers = (
        rungs
        for rungs in product(*(range(ladder.rungs.count) for ladder in drawn))
        if sum(ladder.option(rung).freed for ladder, rung in zip(drawn, rungs, strict=True)) >= required
    )
    assert work(drawn, required) is not None
    best = min((judged(rungs), rungs) for rungs in covers)[1]
    assert list(best) == densest_cover(drawn, required, aims, never)
