"""Blocks: all portfolios that trade a security in one direction, added up."""

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Context, Decimal, Inexact, InvalidOperation, Overflow

#: Sums and products with every digit: one that has no room for it raises, and rounds nothing.
_EXACT = Context(prec=300, traps=[Inexact, InvalidOperation, Overflow])


@dataclass(frozen=True, slots=True)
class Block:
    """All portfolios that trade a security in one direction.

    Attributes:
        is_buy: they buy; otherwise they sell.
        quantity: whole shares of all of them, at least 1.
        value: what these are worth at the prices of the trades, in money, exact.
        portfolio_count: how many portfolios have a part in it.
    """

    security_id: str
    is_buy: bool
    quantity: int
    value: Decimal
    portfolio_count: int


class Blocks:
    """Adds up trades one by one: it keeps a number for each block, and none of the trades."""

    def __init__(self) -> None:
        self._blocks: dict[tuple[str, bool], Block] = {}

    def add(self, security_id: str, quantity: int, price: Decimal) -> None:
        """Add what one portfolio trades of a security: once for each of its securities.

        Args:
            security_id: the security.
            quantity: whole shares bought (above 0) or sold (below 0).
            price: money a share, finite.

        Raises:
            ValueError: the quantity is 0.
        """
        if not quantity:
            raise ValueError("a trade of no shares is none")
        key, shares = (security_id, quantity < 0), abs(quantity)
        before = self._blocks.get(key, Block(security_id, quantity > 0, 0, Decimal(0), 0))
        self._blocks[key] = Block(
            security_id,
            before.is_buy,
            before.quantity + shares,
            _EXACT.add(before.value, _EXACT.multiply(Decimal(shares), price)),
            before.portfolio_count + 1,
        )

    def __iter__(self) -> Iterator[Block]:
        """The blocks in the order of their securities, buys before sells."""
        return (self._blocks[key] for key in sorted(self._blocks))
