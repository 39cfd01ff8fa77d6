"""Blocks: every trade counted once, to the last digit."""

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from allocation import Block, Blocks

trades = st.lists(
    st.tuples(
        st.sampled_from("ABC"),
        st.integers(-(10**20), 10**20).filter(bool),
        st.decimals("1E-30", "1E30", allow_nan=False, allow_infinity=False),
    ),
    max_size=30,
)


def test_buys_and_sells_of_a_security_are_two_blocks() -> None:
    blocks = Blocks()
    for security_id, quantity, price in (("B", 3, "1.5"), ("A", -2, "10"), ("A", 5, "10"), ("A", 1, "10.10")):
        blocks.add(security_id, quantity, Decimal(price))
    assert list(blocks) == [
        Block("A", True, 6, Decimal("60.10"), 2),
        Block("A", False, 2, Decimal(20), 1),
        Block("B", True, 3, Decimal("4.5"), 1),
    ]


@given(trades)
def test_sums_are_those_of_fractions(found: list[tuple[str, int, Decimal]]) -> None:
    blocks = Blocks()
    for security_id, quantity, price in found:
        blocks.add(security_id, quantity, price)
    for block in blocks:
        mine = [one for one in found if one[0] == block.security_id and (one[1] > 0) is block.is_buy]
        assert block.quantity == sum(abs(quantity) for _, quantity, _ in mine)
        assert Fraction(block.value) == sum(abs(quantity) * Fraction(price) for _, quantity, price in mine)
        assert block.portfolio_count == len(mine)
    assert sum(block.portfolio_count for block in blocks) == len(found)


def test_a_trade_of_nothing_is_none() -> None:
    with pytest.raises(ValueError, match="none"):
        Blocks().add("A", 0, Decimal(1))
