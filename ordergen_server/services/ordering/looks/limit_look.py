"""The last look at limits of weights: what orders kept of them at the prices of the run must still hold."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from decimal import Decimal, localcontext

from ordergen_server.domain.errors import Violation
from ordergen_server.domain.numbers import EXACT, ZERO
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, SecurityLimit


@dataclass(frozen=True, slots=True)
class Standing:
    """What a portfolio has after its orders, at the prices of some time.

    Attributes:
        values: of each security that has a line, in money.
        base: market value plus cash flow, of which weights are.
    """

    values: Mapping[str, Decimal]
    base: Decimal

    def worth(self, ids: Iterable[str]) -> Decimal:
        """What securities are worth together."""
        with localcontext(EXACT):
            return sum((self.values[one] for one in ids), ZERO)


def broken_limits(
    options: RebalanceOptions, then: Standing, now: Standing, tickers: Mapping[str, str]
) -> Iterator[Violation]:
    """Each side of a limit that was kept then, and is not now.

    Args:
        options: as they held for the portfolio.
        then: at the prices of the run.
        now: at those of now, of the same securities.
        tickers: of all of them.
    """
    limits: list[SecurityLimit | GroupLimit] = [*options.security_limits, *options.group_limits]
    for limit in limits:
        ids = (limit.security_id,) if isinstance(limit, SecurityLimit) else limit.security_ids
        found = [one for one in ids if one in now.values]
        if not found:  # the limit is about nothing that the portfolio has
            continue
        kind = "SECURITY_LIMIT" if isinstance(limit, SecurityLimit) else "GROUP_LIMIT"
        subject, name = _named(limit, tickers)
        worth = now.worth(found)
        for side in _broken_sides(limit, (then.worth(found), then.base), (worth, now.base)):
            rule = f"{name} would be worth {worth:f} after the orders, and must be {side} of {now.base:f}"
            yield Violation(subject, rule, kind)


def _broken_sides(
    limit: SecurityLimit | GroupLimit, then: tuple[Decimal, Decimal], now: tuple[Decimal, Decimal]
) -> Iterator[str]:
    """The sides that are broken, of what is worth so much of a base."""
    least, most = limit.minimum_weight, limit.maximum_weight
    with localcontext(EXACT):
        if least is not None and then[0] >= least * then[1] and now[0] < least * now[1]:
            yield f"at least {least:f}"
        if most is not None and then[0] <= most * then[1] and now[0] > most * now[1]:
            yield f"at most {most:f}"


def _named(limit: SecurityLimit | GroupLimit, tickers: Mapping[str, str]) -> tuple[str, str]:
    if isinstance(limit, SecurityLimit):
        return limit.security_id, tickers[limit.security_id]
    return limit.name, f"the group {limit.name}"
