"""Cases of every kind from a seed: the same seed gives the same case."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import ROUND_HALF_EVEN, Context, Decimal
from fractions import Fraction
from random import Random

from tests.fuzz.case import Case, Holding, Weights
from tests.fuzz.rules import Rules
from tests.fuzz.why import own_best

WIDE = Context(prec=120)
D = Decimal


@dataclass(frozen=True)
class Style:
    """What the numbers of a case look like.

    Attributes:
        worth: the market value, about.
        price: in [1, 100) times a power of ten between these.
        price_places: decimals of prices.
        places: decimals of holdings.
        coarse: prices and weights repeat, so that many answers are equal.
        wide: bands of many shares, for few positions.
    """

    worth: Decimal
    magnitudes: tuple[int, int]
    price_places: int
    places: int
    coarse: bool
    wide: bool = False


FINE = Style(D(0), (1, 2), 8, 6, coarse=False, wide=True)
"""Prices of 8 and holdings of 6 decimals: no two answers cost the same, and none is a round number."""


def case(seed: int, number: int, *, large: bool = False) -> Case:
    """The case of a number.

    Args:
        seed: of all cases.
        number: of this one.
        large: with 8 to 40 positions, instead of up to 6.
    """
    random = Random(f"{seed}:{number}")  # noqa: S311 - test data, not secrets
    while True:
        if large:
            drawn = _drawn(random, random.randint(8, 40), _style(random))
        elif random.random() < 0.15:
            worth = D(random.randint(2_000_00, 30_000_00)) / 100
            drawn = _drawn(random, random.choice((2, 2, 3)), replace(FINE, worth=worth))
        else:
            drawn = _drawn(random, random.choice((1, 2, 2, 3, 3, 4, 5, 6)), _style(random))
        if Rules(drawn).market_value > 0:
            # By dice of their own, so that the cases without limits of weights stay as they are.
            return _weighed(Random(f"{seed}:{number}:weights"), drawn)  # noqa: S311 - test data, not secrets


def _drawn(random: Random, count: int, style: Style) -> Case:
    positions = _positions(random, style, count)
    cash = style.worth - sum((one.price * one.quantity for one in positions), D(0))
    if random.random() < 0.3:
        cash = cash.quantize(D("0.01"), context=WIDE)
    drawn = Case(positions, cash, strategy=random.choice(("TO_TARGET", "TO_TARGET", "TO_BAND")))
    if random.random() < 0.5:
        drawn = _ruled(random, drawn)
    return _limited(random, drawn)


def _style(random: Random) -> Style:
    coarse = random.random() < 0.3
    magnitude = random.choice(((-1, 2), (0, 1), (-8, -3), (3, 6), (-8, 6)))
    places = random.choice((0, 2, 2, 4, 8, random.randint(0, 8)))
    least = max(0, -magnitude[0])
    worth = D(10) ** random.randint(0, 13) * random.randint(1, 99) / random.choice((1, 10, 7))
    if random.random() < 0.6:  # a few hundred shares, so that the oracle soon has seen all
        worth = D(random.randint(20, 900)) * D(10) ** magnitude[1]
    return Style(
        worth=rounded(worth, random.choice((0, 2, 2, 8))) or D(1),
        magnitudes=magnitude,
        price_places=max(places, min(8, least)),
        places=random.choice((0, 0, 0, 2, 6, 8, random.randint(0, 8))),
        coarse=coarse,
    )


def _positions(random: Random, style: Style, count: int) -> tuple[Holding, ...]:
    prices = [_price(random, style) for _ in range(count)]
    if random.random() < 0.2:
        prices = [prices[0] * random.choice((1, 1, 2, 3)) for _ in prices]
    numbers = random.sample(range(1000), count)
    shares = [D(random.randint(0, 12)) for _ in prices]
    invested = D(random.choice(("0.95", "0.9", "0.5", "1")))
    total = sum(shares, D(0)) or D(1)
    places = random.choice((3, 3, 4, 8)) if not style.coarse else 2
    positions = []
    for price, share, number in zip(prices, shares, numbers, strict=True):
        target = rounded(invested * share / total, places)
        target = min(target, D(1))
        low, high = _drifts(random, style, price, target)
        quantity = _quantity(random, style, price, target)
        positions.append(Holding(f"S{number:03}", price, quantity, target, low, high))
    return tuple(positions)


def _price(random: Random, style: Style) -> Decimal:
    if style.coarse:
        return D(random.choice(("1", "2", "3", "4", "5", "7", "7.25", "16", "21")))
    scale = D(10) ** random.randint(*style.magnitudes)
    price = rounded(scale * random.randint(10**8, 10**9 - 1) / 10**8, style.price_places)
    return price or D(1).scaleb(-style.price_places)


def _drifts(random: Random, style: Style, price: Decimal, target: Decimal) -> tuple[Decimal, Decimal]:
    """Bands of so many shares, or of a usual width, or of none."""
    if target == 0 and random.random() < 0.8:
        return D(0), D(0)
    kind = random.random()
    if style.wide:
        return (D(random.choice(("0.05", "0.1", "0.3"))),) * 2
    if kind < 0.65:
        share = price / style.worth
        wide = random.choice((1, 2, 3, 5))
        least = random.choice((0, 2, 2, 2, 2, 2))
        low, high = (share * random.randint(least, 4 * wide) / 4 for _ in range(2))
        places = max(9, 3 - share.adjusted())
        return rounded(low, places), rounded(high, places)
    if kind < 0.96:
        low, high = (D(random.choice(("0", "0.001", "0.01", "0.02", "0.05", "0.1", "0.3"))) for _ in range(2))
        return (low, high) if random.random() < 0.5 else (min(low, high), max(low, high))
    return D(0), D(0)


def _quantity(random: Random, style: Style, price: Decimal, target: Decimal) -> Decimal:
    ideal = target * style.worth / price
    kind = random.random()
    if kind < 0.55:
        number = ideal + D(random.randint(-40, 40)) / 10
    elif kind < 0.75:
        number = ideal * random.randint(0, 25) / 10
    elif kind < 0.9:
        number = D(0)
    else:
        number = -D(random.randint(1, 40)) / 10
    places = style.places if random.random() < 0.6 else 0
    return rounded(number, places)


def _ruled(random: Random, drawn: Case) -> Case:
    """With restrictions, one side alone, lots and a minimum trade, each or none."""
    ids = [one.id for one in drawn.positions]
    price = random.choice(drawn.positions).price
    lots = random.choice((0, 0, 0.2, 0.5))
    minimum = rounded(price * random.randint(0, 60) / 10, random.choice((0, 2, 4)))
    return replace(
        drawn,
        only=random.choice((None, None, None, "BUY_ONLY", "SELL_ONLY")),
        odd_sells=frozenset(one for one in ids if random.random() < 0.5),
        sides={
            one: random.choice(("DO_NOT_BUY", "DO_NOT_SELL", "HOLD")) for one in ids if random.random() < 0.15
        },
        lots={one: random.choice((1, 2, 2, 3, 3, 10)) for one in ids if random.random() < lots},
        minimum=minimum if random.random() < 0.5 else None,
    )


def _limited(random: Random, drawn: Case) -> Case:
    """With limits that bind a little, deeply, or more than can be met."""
    rules = Rules(drawn)
    ways = rules.allowed
    best = [own_best(rules, index, each) if each else 0 for index, each in enumerate(ways)]
    least = [min(part[0] for part in each) if each else 0 for each in ways]
    calm = [_calm(each) for each in ways]
    if random.random() < 0.15:
        price = random.choice(drawn.positions).price
        rate = rounded(D(random.choice((0, 1, 10, 100, 900))) / 1000, 4)
        drawn = replace(drawn, rate=rate, fee=rounded(price * random.choice((0, 1, 5, 15)) / 10, 2))
        rules = Rules(drawn)
    if random.random() < 0.7:
        left, most = (Fraction(drawn.cash) - rules.spent(each) for each in (best, least))
        drawn = replace(drawn, floor=_between(random, left, most, rules))
    if random.random() < 0.25:
        used, needed = rules.turnover(best), rules.turnover(calm)
        weight = _between(random, used / rules.market_value, needed / rules.market_value, None)
        drawn = replace(drawn, turnover=max(weight, D(0)))
    if random.random() < 0.25:
        trades = sorted(sum(map(bool, each)) for each in (best, calm))
        drawn = replace(drawn, count=random.randint(max(0, trades[0] - 1), trades[1]))
    return drawn


def _weighed(random: Random, drawn: Case) -> Case:
    """In some cases with limits of weights about what the securities are worth now, or wanted to be."""
    ids = [one.id for one in drawn.positions]
    is_loose = random.random() < 0.6
    weights = {
        one: _weights(random, drawn, (one,), is_loose=is_loose) for one in ids if random.random() < 0.4
    }
    groups = {}
    for number in range(random.choice((0, 1, 1, 2, 3))):
        members = tuple(sorted(random.sample(ids, random.randint(1, len(ids)))))
        groups[f"G{number}"] = _weights(random, drawn, members, is_loose=is_loose)
    kind = random.random()
    return replace(drawn, weights=weights if kind < 0.25 else {}, groups=groups if 0.15 < kind < 0.45 else {})


def _weights(random: Random, drawn: Case, ids: Sequence[str], *, is_loose: bool) -> Weights:
    """A limit between the least and the most that the securities may be worth, seldom beyond, or as now.

    A loose one leaves much of that: several tight ones of a portfolio seldom leave an answer.
    """
    rules = Rules(drawn)
    low, high, held = Fraction(), Fraction(), Fraction()
    for one, price, ways in zip(drawn.positions, rules.prices, rules.allowed, strict=True):
        if one.id in ids:
            share, quantity = price / rules.market_value, Fraction(one.quantity)
            held += share * quantity
            ends = [end for part in ways for end in (part[0], part[-1])] or [0]
            low, high = low + share * (quantity + min(ends)), high + share * (quantity + max(ends))
    part = Fraction(random.choice((0, 20, 40, 60, 80, 100, random.randint(-10, 110))), 100)
    kind = random.choice(("least", "most", "both"))
    if is_loose and kind != "both":
        part = part / 3 if kind == "least" else 1 - part / 3
    middle = low + part * (high - low)
    if random.random() < 0.15:
        middle = held * random.randint(9, 11) / 10
    places = random.choice((2, 4, 9))
    weight = min(max(rounded(decimal(middle), places), D(0)), D(1))
    width = rounded(decimal(high - low) * random.choice((0, 2, 5)) / 10, places)
    if random.random() < 0.05:
        weight = D(0)
    least = None if kind == "most" else max(D(0), weight - width)
    most = None if kind == "least" else min(D(1), weight + width)
    return Weights(least, most, tuple(ids) if len(ids) > 1 or random.random() < 0.5 else (*ids, "S-none"))


def _between(random: Random, loose: Fraction, tight: Fraction, rules: Rules | None) -> Decimal:
    """A number between two, seldom beyond the second; some on it exactly."""
    part = Fraction(random.choice((0, 10, 30, 50, 70, 90, 100, random.randint(-10, 104))), 100)
    number = loose + part * (tight - loose)
    places = random.choice((2, 8, 12)) if rules else random.choice((3, 6, 12))
    return rounded(decimal(number), places)


def _calm(ways: Sequence[range]) -> int:
    """The smallest order allowed."""
    ends = [end for part in ways for end in (part[0], part[-1])]
    return 0 if any(0 in part for part in ways) else min(ends, key=abs, default=0)


def decimal(number: Fraction) -> Decimal:
    """To far more digits than matter."""
    return WIDE.divide(D(number.numerator), D(number.denominator))


def rounded(number: Decimal, places: int) -> Decimal:
    """To so many decimals."""
    return number.quantize(D(1).scaleb(-places), ROUND_HALF_EVEN, context=WIDE)
