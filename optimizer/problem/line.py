"""One position in whole numbers: what all of the package's arithmetic works on."""

from typing import NamedTuple


class Line(NamedTuple):
    """One position in whole numbers of the problem's money unit; shares are counted from `residual`.

    A quantity after trading is `shares + fraction` with `shares` a whole number >= 0, so its value is
    `shares * price + residual`.

    Attributes:
        price: of one share.
        residual: value of the fraction of a share that whole orders leave, in [0, price).
        target: market value x target weight.
        low: market value x (target - low drift); may be negative.
        high: market value x (target + high drift).
        held: floor of the quantity held, in shares; negative for a short.
    """

    price: int
    residual: int
    target: int
    low: int
    high: int
    held: int

    def value(self, shares: int) -> int:
        """The value of the position, in units."""
        return shares * self.price + self.residual

    def is_inside(self, shares: int) -> bool:
        """Whether the value lies in the band; a zero band admits the residual of a fractional holding."""
        return shares >= 0 and (self.low <= self.value(shares) <= self.high or (shares == 0 == self.high))

    def is_in(self, group: int) -> bool:  # noqa: ARG002 - of a member
        """Whether the position belongs to a group of the problem, by its place among them."""
        return False


class Member(Line):
    """A position that belongs to groups; in all other ways it is the `Line` of the same numbers."""

    _groups: frozenset[int]

    @classmethod
    def of(cls, line: Line, groups: frozenset[int]) -> "Member":
        """The same position, in these groups."""
        found = tuple.__new__(cls, line)
        found.__dict__["_groups"] = groups
        return found

    def is_in(self, group: int) -> bool:
        """Whether the position belongs to a group of the problem, by its place among them."""
        return group in self._groups
