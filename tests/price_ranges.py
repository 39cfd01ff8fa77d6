"""Whether orders hold where the price of one security is another, by fractions of what an answer tells."""

from fractions import Fraction

from globeco.ordergen.v1 import rebalance_pb2

pb = rebalance_pb2
STEP = Fraction(1, 10**8)


def check_range(answer: pb.PortfolioRebalance, place: int, found: pb.PriceRange) -> None:
    """Fail unless orders hold at both ends, and not a step beyond; the options are those by default."""
    price = Fraction(answer.positions[place].price.value)
    left_out = _broken(answer, place, price)
    for name, step in (("low", -STEP), ("high", STEP)):
        end = Fraction(getattr(found, name).value) if found.HasField(name) else None  # type: ignore[arg-type] # either
        if end is None:
            end = price / 10**6 if name == "low" else price * 10**6
        else:
            assert _broken(answer, place, end + step) - left_out, (name, end)
        assert _broken(answer, place, end) <= left_out, (name, end)


def _broken(answer: pb.PortfolioRebalance, place: int, price: Fraction) -> set[str]:
    lines = answer.positions
    prices = [Fraction(one.price.value) for one in lines]
    prices[place] = price
    before = [Fraction(one.original_quantity.value) for one in lines]
    after = [Fraction(one.adjusted_quantity.value) for one in lines]
    cash = Fraction(answer.cash_before.value)
    value = cash + sum(map(Fraction.__mul__, prices, before), Fraction())
    found = set()
    if value <= 0:
        return {"market value"}
    if value < sum(map(Fraction.__mul__, prices, after), Fraction()):
        found.add("cash")
    for one, now, shares in zip(lines, prices, after, strict=True):
        target = Fraction(one.target.value)
        low, high = target - Fraction(one.low_drift.value), target + Fraction(one.high_drift.value)
        if not low * value <= now * shares <= high * value:
            found.add(one.security_id)
    return found
