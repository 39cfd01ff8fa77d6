"""Portfolios of a run: from holdings, prices and a model to whole-share orders and the story of each line."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal, localcontext
from fractions import Fraction
from types import MappingProxyType

import optimizer
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.portfolio_settings import AppliedSettings, joined
from ordergen_server.domain.errors import (
    DeadlineExceeded,
    Infeasible,
    PreconditionFailed,
    SolverUndecided,
    Violation,
)
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.numbers import EXACT, ZERO, exact, floored, money, ratio, total
from ordergen_server.domain.rebalances.lines import RebalancePosition, transactions_of
from ordergen_server.domain.rebalances.options import RebalanceOptions, Strategy, TradingCosts
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, SolutionQuality
from ordergen_server.domain.rebalances.weight_limits import LimitBreach
from ordergen_server.domain.requests.violations import summary
from ordergen_server.services.observer import UNOBSERVED, RunObserver
from ordergen_server.services.portfolios.binding import Binding
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.portfolios.solving import Solved, solve_all
from ordergen_server.services.portfolios.valuation import DRIFT_PLACES, Valued, drift, told_frozen, valued

#: What a conflict is about that is none of a security.
_LIMITS = {
    optimizer.ConflictKind.CASH_FLOOR: "cash",
    optimizer.ConflictKind.TURNOVER: "turnover",
    optimizer.ConflictKind.TRADE_COUNT: "trade_count",
    optimizer.ConflictKind.COMBINATION: "limits",
}
#: What the contract and the database have room for.
MOST_SHARES = 2**63 - 1
#: Of portfolios that have none.
NO_SETTINGS: Mapping[str, AppliedSettings] = MappingProxyType({})


def rebalance_portfolios(
    portfolios: Sequence[tuple[PortfolioRebalance, Holdings]],
    securities: Securities,
    options: RebalanceOptions,
    deadline: Deadline,
    observer: RunObserver = UNOBSERVED,
    *,
    settings: Mapping[str, AppliedSettings] = NO_SETTINGS,
) -> list[PortfolioRebalance]:
    """What becomes of each portfolio, in their order.

    Each comes as an untried result, which carries its ids, name and dates, and its holdings. Where
    there is no answer the result is INFEASIBLE or FAILED, with its error and what could be computed.
    Of the options and a portfolio's settings the stricter holds.
    """
    found = [valued(untried, holdings, securities) for untried, holdings in portfolios]
    solved: dict[int, PortfolioRebalance] = {}
    for own, places in _alike(found, options, settings).items():
        solvable = [one for place in places if isinstance(one := found[place], Valued)]
        answers = solve_all(solvable, securities, own, deadline, observer)
        for place, portfolio, answer in zip(places, solvable, answers, strict=True):
            binding = _binding(portfolio, options, settings)
            solved[place] = _bound(_completed(portfolio, answer, own, binding), binding)
    return [solved[place] if isinstance(one, Valued) else one for place, one in enumerate(found)]


def _alike(
    found: Sequence[Valued | PortfolioRebalance],
    options: RebalanceOptions,
    settings: Mapping[str, AppliedSettings],
) -> Mapping[RebalanceOptions, list[int]]:
    """The places of portfolios that can be rebalanced, by what holds for them."""
    alike: defaultdict[RebalanceOptions, list[int]] = defaultdict(list)
    solvable = [
        (place, one.result.portfolio_id) for place, one in enumerate(found) if isinstance(one, Valued)
    ]
    if plain := [place for place, key in solvable if key not in settings]:
        alike[options] = plain
    for place, key in solvable:
        if key in settings:
            alike[joined(options, settings[key].content)].append(place)
    return alike


def _binding(
    portfolio: Valued, options: RebalanceOptions, settings: Mapping[str, AppliedSettings]
) -> Binding | None:
    """Whose the rules of a portfolio with settings are; None of one without."""
    own = settings.get(portfolio.result.portfolio_id)
    return Binding(options, own.content, portfolio.market_value) if own else None


def _bound(result: PortfolioRebalance, binding: Binding | None) -> PortfolioRebalance:
    """The result with the lines that the portfolio's settings bound."""
    if binding is None or not result.positions:
        return result
    lines = (line._replace(by_settings=binding.is_by_settings(line)) for line in result.positions)
    ids = (line.security.security_id for line in result.positions)
    return replace(
        result,
        positions=tuple(lines),
        settings_floor=binding.floor,
        settings_limits=tuple(binding.limits[one] for one in ids if one in binding.limits),
    )


def _completed(
    portfolio: Valued,
    solved: Solved | DeadlineExceeded,
    options: RebalanceOptions,
    binding: Binding | None,
) -> PortfolioRebalance:
    known = portfolio.result
    if isinstance(solved, DeadlineExceeded):
        return replace(known, state=PortfolioState.FAILED, error=solved)
    answer = solved.answer
    if answer.status is optimizer.Status.INFEASIBLE:
        refused = _infeasible(portfolio, answer.conflicts, binding)
        return replace(known, state=PortfolioState.INFEASIBLE, error=refused)
    if answer.status is optimizer.Status.UNDECIDED:
        return replace(known, state=PortfolioState.FAILED, error=_undecided(answer, solved.duration))
    if max(map(abs, answer.orders), default=0) > MOST_SHARES:
        return replace(known, state=PortfolioState.FAILED, error=_too_many(portfolio, answer.orders))
    lines = zip(portfolio.lines, answer.orders, answer.reasons, strict=True)
    positions = tuple(
        [
            RebalancePosition(security.line, quantity, order, reason.told)
            for (security, quantity), order, reason in lines
        ]
    )
    traded = [line for line in positions if line.trade_quantity]
    cost = _cost(traded, options.costs)
    with localcontext(EXACT):
        spent = sum([line.trade_quantity * line.security.price for line in traded], ZERO)
        cash_after = portfolio.cash - spent - (cost or ZERO)
    quality = _quality(answer, solved.duration)
    return replace(
        known,
        state=PortfolioState.REBALANCED if traded else PortfolioState.NO_ACTION,
        cash_after=cash_after,
        drift_after=_drift_after(quality.objective, positions, portfolio.market_value, options),
        positions=positions,
        transactions=transactions_of(
            [(line.security.security_id, line.trade_quantity) for line in traded], known.trade_date
        ),
        solution=quality,
        cost=cost,
        costs=options.costs,
        limit_breaches=tuple(_breach(one, binding) for one in answer.limit_breaches),
        frozen=portfolio.frozen,
        frozen_count=len(portfolio.frozen),
    )


def _breach(one: optimizer.LimitBreach, binding: Binding | None) -> LimitBreach:
    security_id = one.security_id or ""
    by_settings = binding is not None and binding.is_limit_by_settings(security_id, is_maximum=one.is_above)
    return LimitBreach(security_id, one.group or "", exact(one.value), by_settings)


def _cost(traded: Sequence[RebalancePosition], costs: TradingCosts | None) -> Decimal | None:
    return None if costs is None else total(costs.of(line.trade_value) for line in traded)


def _drift_after(
    objective: Decimal,
    positions: Sequence[RebalancePosition],
    market_value: Decimal,
    options: RebalanceOptions,
) -> Decimal:
    if options.strategy is Strategy.TO_TARGET:  # then it is what the optimizer minimised, in money
        return ratio(objective, market_value, DRIFT_PLACES)
    targets = [line.security.target for line in positions]
    return drift(targets, [line.adjusted_market_value for line in positions], market_value)


def _quality(answer: optimizer.Answer, duration: timedelta) -> SolutionQuality:
    objective = exact(answer.objective or Fraction(0))
    proven = answer.status is optimizer.Status.PROVEN_OPTIMAL
    bound = objective if proven else floored(answer.lower_bound or Fraction(0), DRIFT_PLACES)
    return SolutionQuality(proven, objective, bound, duration, answer.tie_broken)


def _undecided(answer: optimizer.Answer, duration: timedelta) -> SolverUndecided:
    bound = floored(answer.lower_bound or Fraction(0), DRIFT_PLACES)
    return SolverUndecided(
        f"In {duration.total_seconds():.3g} s no orders that keep every limit were found, nor proven that"
        " there are none: give a longer solver_timeout, or wider limits.",
        metadata={"lower_bound": f"{bound:f}"},
    )


def _too_many(portfolio: Valued, orders: Sequence[int]) -> PreconditionFailed:
    violations = [
        Violation(
            security.position.security_id, f"an order of {abs(order):,} shares is too large", "ORDER_SIZE"
        )
        for (security, _), order in zip(portfolio.lines, orders, strict=True)
        if abs(order) > MOST_SHARES
    ]
    causes = summary([f"security {one.subject}: {one.rule}" for one in violations], len(violations))
    return PreconditionFailed(
        f"An order has at most {MOST_SHARES:,} shares: {causes}; have its price looked at.",
        violations=violations,
    )


def _infeasible(
    portfolio: Valued, conflicts: Sequence[optimizer.Conflict], binding: Binding | None
) -> Infeasible:
    tickers = {security.position.security_id: security.quote.ticker for security, _ in portfolio.lines}
    violations = [
        Violation(
            conflict.security_id or _limit(conflict),
            _described(conflict, tickers) + _of_settings(conflict, binding),
            conflict.kind.name,
        )
        for conflict in conflicts
    ]
    causes = summary([one.rule for one in violations], len(violations))
    flow = portfolio.result.cash_flow
    given = "" if flow is None else f", of a market value that counts the cash flow of {money(flow)}"
    if version := portfolio.result.settings_version:
        given += f", with the portfolio's settings (version {version}) applied"
    given += told_frozen(portfolio.frozen)
    return Infeasible(
        f"No whole shares satisfy every band and the cash floor{given}: {causes}.",
        violations=violations,
    )


def _limit(conflict: optimizer.Conflict) -> str:
    return _LIMITS[conflict.kind] if conflict.group is None else f"group {conflict.group}"


def _of_settings(conflict: optimizer.Conflict, binding: Binding | None) -> str:
    """Which sides of a limit that no shares keep are those of the portfolio's settings."""
    if binding is None or conflict.kind is not optimizer.ConflictKind.SECURITY_LIMIT:
        return ""
    sides = list(binding.sides_of_settings(conflict.security_id or ""))
    if not sides:
        return ""
    are = "weight is that" if len(sides) == 1 else "weight are those"
    return f"; its {' and '.join(sides)} {are} of the portfolio's settings"


def _described(conflict: optimizer.Conflict, tickers: Mapping[str, str]) -> str:
    """The conflict as a sentence, with the ticker beside the security's id."""
    one = conflict.security_id
    if one is None:
        return conflict.description
    return conflict.description.replace(f"security {one}:", f"security {one} ({tickers[one]}):", 1)
