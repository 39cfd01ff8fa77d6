"""Whether what a refusal suggests helps when it is entered, and whether anything less would."""

import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

from optimizer import Conflict, ConflictKind
from tests.fuzz.case import Case, Holding, Weights
from tests.fuzz.rules import Rules, allowed, bounds

TINY = Fraction(1, 10**60)
"""Less than any number of a case can tell apart."""

PRINTED = {
    "high": re.compile(r"(?:needs|or) high drift >= ([\d.]+)"),
    "low": re.compile(r"(?:needs|or) low drift >= ([\d.]+)"),
    "market value": re.compile(r"a market value >= ([\d,.]+\d)"),
    "floor": re.compile(r"cash floor <= ([\d,.]+\d)"),
    "turnover": re.compile(r"maximum turnover >= ([\d.]+)"),
    "count": re.compile(r"maximum trade count >= (\d+)"),
    "most": re.compile(r"maximum weight >= ([\d.]+)"),
    "least": re.compile(r"minimum weight <= ([\d.]+)"),
}


def faults(rules: Rules, conflicts: tuple[Conflict, ...]) -> Iterator[str]:
    """What is wrong with the conflicts of a refusal."""
    by_id = {one.security_id: one for one in conflicts if one.security_id is not None}
    stuck = {one.id for one, ways in zip(rules.case.positions, rules.allowed, strict=True) if not ways}
    if stuck != set(by_id):
        yield f"conflicts name {sorted(by_id)}, no order is allowed of {sorted(stuck)}"
    for one in rules.case.positions:
        if one.id in by_id and one.id in stuck:
            told = _of_weight if by_id[one.id].kind is ConflictKind.SECURITY_LIMIT else _of_position
            yield from told(rules, one, by_id[one.id])
    for conflict in conflicts:
        if re.search(r"\d[eE][+-]?\d", conflict.description):
            yield f"scientific notation: {conflict}"
        if conflict.group is not None:
            yield from _of_group(rules, conflict)
        elif conflict.security_id is None:
            yield from _of_limit(rules, conflict)


def _helps(rules: Rules, changed: Holding, market_value: Fraction | None = None) -> bool:
    case = replace(rules.case, positions=(changed,))
    value = rules.market_value if market_value is None else market_value
    return bool(allowed(case, changed, bounds(value, changed)))


def _of_position(rules: Rules, one: Holding, conflict: Conflict) -> Iterator[str]:
    suggestions = (("high", conflict.needed_high_drift), ("low", conflict.needed_low_drift))
    for name, needed in suggestions:
        yield from _of_drift(rules, one, name, needed, conflict)
    yield from _of_market_value(rules, one, conflict)
    edges = re.search(r"band \[([\d,.]+), ([\d,.]+)\]", conflict.description)
    if edges is None or _number(edges[1]) > _number(edges[2]):
        yield f"band upside down, or none: {conflict}"


def _of_drift(
    rules: Rules, one: Holding, name: str, needed: Fraction | None, conflict: Conflict
) -> Iterator[str]:
    most = Fraction(1) if name == "high" else min(Fraction(1), Fraction(one.high))
    texts = PRINTED[name].findall(conflict.description)
    if needed is None:
        if texts or _helps(rules, _changed(one, name, most)):
            yield f"no {name} drift, where {most} helps: {conflict}"
        return
    if needed > most:
        yield f"{name} drift {needed} cannot be entered: {conflict}"
    if not _helps(rules, _changed(one, name, needed)):
        yield f"{name} drift {needed} does not help: {conflict}"
    if _helps(rules, _changed(one, name, needed - TINY)):
        yield f"{name} drift {needed} is not least: {conflict}"
    for number in map(_number, texts):
        if number > most or not _helps(rules, _changed(one, name, number)):
            yield f"{name} drift {number} as printed does not help: {conflict}"


def _changed(one: Holding, name: str, drift: Fraction) -> Holding:
    # Fractions do where decimals are expected: the rules make fractions of both.
    return replace(one, **{name: drift})  # type: ignore[arg-type] # see above


def _of_market_value(rules: Rules, one: Holding, conflict: Conflict) -> Iterator[str]:
    needed = conflict.needed_market_value
    texts = PRINTED["market value"].findall(conflict.description)
    if needed is None:
        if texts:
            yield f"prints a market value and has none: {conflict}"
        return
    if one.low == one.high == 0:
        yield f"a market value for a band without a width: {conflict}"
    if needed <= rules.market_value or not _helps(rules, one, needed):
        yield f"market value {needed} does not help: {conflict}"
    if needed - TINY > rules.market_value and _helps(rules, one, needed - TINY):
        yield f"market value {needed} is not least: {conflict}"
    for number in map(_number, [*texts, *re.findall(r"and <= ([\d,.]+\d)", conflict.description)]):
        if number <= rules.market_value or not _helps(rules, one, number):
            yield f"market value {number} as printed does not help: {conflict}"


def _of_weight(rules: Rules, one: Holding, conflict: Conflict) -> Iterator[str]:
    given = rules.case.weights[one.id]

    def helps(side: str, weight: Fraction) -> bool:
        # Fractions do where decimals are expected.
        changed = replace(given, **{side: weight})  # type: ignore[arg-type] # see above
        return _helps(Rules(replace(rules.case, weights={one.id: changed})), one, rules.market_value)

    yield from _weights_told(given, conflict, helps)


def _of_group(rules: Rules, conflict: Conflict) -> Iterator[str]:
    assert conflict.group is not None
    if conflict.group not in rules.unkept:
        yield f"the group can be kept: {conflict}"
        return
    given = rules.case.groups[conflict.group]
    name = "least" if "at most" in conflict.description else "most"
    given = replace(given, most=None) if name == "least" else replace(given, least=None)

    def helps(side: str, weight: Fraction) -> bool:
        changed = replace(given, **{side: weight})  # type: ignore[arg-type] # see above
        return conflict.group not in Rules(replace(rules.case, groups={conflict.group or "": changed})).unkept

    yield from _weights_told(given, conflict, helps)


def _weights_told(
    given: Weights, conflict: Conflict, helps: Callable[[str, Fraction], bool]
) -> Iterator[str]:
    """Whether weights that are suggested help, and nothing nearer to what is given does."""
    for side, sign, end, needed in (
        ("most", -1, Fraction(1), conflict.needed_maximum_weight),
        ("least", 1, Fraction(0), conflict.needed_minimum_weight),
    ):
        texts = PRINTED[side].findall(conflict.description)
        if needed is None:
            if texts or (getattr(given, side) is not None and helps(side, end)):
                yield f"no {side} weight, where {end} helps: {conflict}"
            continue
        if not 0 <= needed <= 1 or not helps(side, needed) or helps(side, needed + sign * TINY):
            yield f"{side} weight {needed} does not help, or is not nearest: {conflict}"
        for number in map(_number, texts):
            if not 0 <= number <= 1 or not helps(side, number):
                yield f"{side} weight {number} as printed does not help: {conflict}"


def _of_limit(rules: Rules, conflict: Conflict) -> Iterator[str]:
    """The least that all positions together can use of a limit, and what is said to be needed."""
    ways = [each for each in rules.allowed if each]
    prices = [price for price, each in zip(rules.prices, rules.allowed, strict=True) if each]
    if conflict.needed_cash_floor is not None:
        # What has no allowed order is taken to be worth nothing: even then too little cash is left.
        most = rules.market_value - sum(
            (
                price * Fraction(one.quantity) + _least_spent(rules.case, price, each)
                for price, one, each in zip(rules.prices, rules.case.positions, rules.allowed, strict=True)
                if each
            ),
            Fraction(),
        )
        yield from _limit_told("floor", most, conflict.needed_cash_floor, conflict, up=False)
    if conflict.needed_turnover is not None:
        least = sum((p * _smallest(each) for p, each in zip(prices, ways, strict=True)), Fraction())
        yield from _limit_told("turnover", least / rules.market_value, conflict.needed_turnover, conflict)
    if conflict.needed_trade_count is not None:
        count = Fraction(sum(_smallest(each) > 0 for each in ways))
        yield from _limit_told("count", count, Fraction(conflict.needed_trade_count), conflict)


def _limit_told(
    name: str, right: Fraction, needed: Fraction, conflict: Conflict, *, up: bool = True
) -> Iterator[str]:
    if needed != right:
        yield f"{name} {needed} is not what is needed, {right}: {conflict}"
    for number in map(_number, PRINTED[name].findall(conflict.description)):
        if number < right if up else number > right:
            yield f"{name} {number} as printed does not help: {conflict}"


def _least_spent(case: Case, price: Fraction, ways: tuple[range, ...]) -> Fraction:
    """The least that an order takes of cash: the greatest sale, or none, where that costs less."""
    rate, fee = Fraction(case.rate), Fraction(case.fee)
    ends = {end for part in ways for end in (part[0], part[-1])} | ({0} if _idle(ways) else set())
    return min(price * end + (rate * price * abs(end) + fee if end else 0) for end in ends)


def _smallest(ways: tuple[range, ...]) -> int:
    """The size of the smallest order."""
    return min(abs(end) for part in ways for end in (part[0], part[-1])) if not _idle(ways) else 0


def _idle(ways: tuple[range, ...]) -> bool:
    return any(0 in part for part in ways)


def _number(text: str) -> Fraction:
    return Fraction(Decimal(text.replace(",", "").rstrip(".")))
