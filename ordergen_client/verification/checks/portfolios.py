"""What must hold of each portfolio by itself."""

from collections.abc import Iterable, Iterator, Sequence
from fractions import Fraction

from ordergen_client.verification.checks.frozen import frozen_checks
from ordergen_client.verification.checks.lines import Worth, line_checks, worth_of
from ordergen_client.verification.checks.options import Options
from ordergen_client.verification.checks.weights import Change, Weighed, weight_checks
from ordergen_client.verification.findings import Check, Findings, holds
from ordergen_client.verification.reading.numbers import digits
from ordergen_client.verification.reading.records import Date, Line, Portfolio, Solution

#: Decimals of the drift of a portfolio.
PLACES = 12
_ZERO = Fraction(0)
_SOLVED = ("REBALANCED", "NO_ACTION")
_UNSOLVED = ("INFEASIBLE", "FAILED", "SKIPPED")


def check_portfolio(portfolio: Portfolio, options: Options, date: Date, findings: Findings) -> None:
    """Note all that is wrong with a portfolio, as it is given."""
    where = portfolio.portfolio_id
    if portfolio.state not in _SOLVED:
        findings.add(where, _unsolved_checks(portfolio))
    elif portfolio.solution is None:
        findings.add(where, _empty_checks(portfolio))
    else:
        _check_solved(portfolio, portfolio.solution, options, date, findings)


def _unsolved_checks(portfolio: Portfolio) -> Iterator[Check]:
    """It says why, and has nothing of an answer."""
    known = portfolio.state in _UNSOLVED
    yield holds("state", portfolio.state, ", ".join((*_SOLVED, *_UNSOLVED)), when=known)
    yield Check("an error, where there is no answer", portfolio.has_error, expected=True)
    yield from _nothing_of(portfolio, "cash_after", "drift_after", "cost")
    yield Check("a solution, where there is no answer", portfolio.solution is not None, expected=False)


def _empty_checks(portfolio: Portfolio) -> Iterator[Check]:
    """A new and empty portfolio: nothing to trade, and nothing to trade with."""
    yield Check("state without a solution", portfolio.state, "NO_ACTION")
    yield Check("an error, where there is none", portfolio.has_error, expected=False)
    for name in ("market_value", "cash_before", "cash_after"):
        yield Check(f"{name} of an empty portfolio", getattr(portfolio, name), _ZERO)
    yield from _nothing_of(portfolio, "drift_before", "drift_after", "cost")
    yield Check("cash_flow of a portfolio that is not invested", portfolio.cash_flow, None)


def _nothing_of(portfolio: Portfolio, *names: str) -> Iterator[Check]:
    for name in names:
        yield Check(f"{name}, where there is no answer", getattr(portfolio, name), None)
    yield Check("lines, where there is no answer", len(portfolio.security_ids), 0)
    yield Check("frozen_count, where there is no answer", portfolio.frozen_count, 0)
    yield Check("transactions, where there is no answer", len(portfolio.transactions), 0)


def _check_solved(
    portfolio: Portfolio, solution: Solution, options: Options, date: Date, findings: Findings
) -> None:
    where, cash = portfolio.portfolio_id, portfolio.cash_before
    if cash is None:
        findings.add(where, [Check("cash_before", None, "a number")])
        return
    held = sum((line.original_quantity * line.price for line in portfolio.lines), _ZERO)
    findings.add(where, [Check("market_value = cash + holdings", portfolio.market_value, cash + held)])
    if portfolio.cash_flow == 0:
        findings.add(where, [Check("cash_flow, where there is one", portfolio.cash_flow, "not 0")])
    base = cash + held + (portfolio.cash_flow or 0)
    if base <= 0:
        findings.add(where, [Check("market value + cash flow", base, "above 0")])
        return
    worths = [worth_of(line, base) for line in portfolio.lines]
    if portfolio.breaches_of_settings or any(line.by_settings for line in portfolio.lines):
        findings.add(where, [Check("settings that bind a line", portfolio.has_settings, expected=True)])
    for line, worth in zip(portfolio.lines, worths, strict=True):
        checks = line_checks(line, worth, base, options, date, has_settings=portfolio.has_settings)
        findings.add(where, checks, line.security_id)
    findings.add(where, [Check("frozen_count", portfolio.frozen_count, len(portfolio.frozen))])
    for frozen in portfolio.frozen:
        findings.add(where, frozen_checks(frozen, options, date), frozen.security_id)
    turnover = sum((abs(line.trade.shares) * line.price for line in portfolio.lines), _ZERO)
    findings.add(where, _trade_checks(portfolio, date))
    findings.add(where, _cash_checks(portfolio, base, cash, options))
    findings.add(where, _limit_checks(portfolio, base, turnover, options))
    findings.add(where, _weight_checks(portfolio, base, options))
    findings.add(where, _drift_checks(portfolio, base, worths))
    objective = turnover if options.to_band else _drift(worth.after - worth.wanted for worth in worths)
    findings.add(where, _solution_checks(solution, objective))


def _trade_checks(portfolio: Portfolio, date: Date) -> Iterator[Check]:
    ids = portfolio.security_ids
    yield Check("lines by security_id, each once", ids == sorted(set(ids)), expected=True)
    yield Check("an error, where there is an answer", portfolio.has_error, expected=False)
    traded = [line.trade for line in portfolio.lines if line.trade.shares]
    yield Check("state", portfolio.state, "REBALANCED" if traded else "NO_ACTION")
    told = list(portfolio.transactions)
    yield Check("number of transactions = of lines that trade", len(told), len(traded))
    for one, line in zip(told, traded, strict=False):
        found, expected = (f"{trade.shares} of {trade.security_id}" for trade in (one, line))
        yield Check("transaction = trade of its line", found, expected)
        yield Check("trade_date = rebalance_date of the run", one.date, date)


def _cash_checks(portfolio: Portfolio, base: Fraction, cash: Fraction, options: Options) -> Iterator[Check]:
    traded = [abs(line.trade.shares) * line.price for line in portfolio.lines if line.trade.shares]
    cost = sum(map(options.cost, traded), _ZERO)
    yield Check("cost of all trades", portfolio.cost, cost if options.has_costs else None)
    spent = sum((line.trade.shares * line.price for line in portfolio.lines), cost)
    left = cash + (portfolio.cash_flow or 0) - spent
    yield Check("cash_after = cash_before + cash_flow - trades - costs", portfolio.cash_after, left)
    floor = options.cash_floor(base)
    if floor is not None and left < floor:
        yield Check("cash floor", left, f"at least {digits(floor)}")


def _limit_checks(
    portfolio: Portfolio, base: Fraction, turnover: Fraction, options: Options
) -> Iterator[Check]:
    weight, most = options.maximum_turnover_weight, options.maximum_trade_count
    if weight is not None and turnover > weight * base:
        yield Check("maximum turnover", turnover, f"at most {digits(weight * base)}")
    count = sum(line.trade.shares != 0 for line in portfolio.lines)
    if most is not None and count > most:
        yield Check("maximum trade count", count, f"at most {most}")


def _weight_checks(portfolio: Portfolio, base: Fraction, options: Options) -> Iterator[Check]:
    if options.weights or portfolio.limit_breaches:
        changes = [_change(line, options, has_settings=portfolio.has_settings) for line in portfolio.lines]
        others = {(key, ""): value for key, value in portfolio.breaches_of_settings}
        yield from weight_checks(options.weights, changes, base, portfolio.limit_breaches, others)
    worths = {
        line.security_id: (line.original_quantity + line.trade.shares) * line.price
        for line in portfolio.lines
    }
    for security_id, value in portfolio.breaches_of_settings:
        yield Check(f"worth of {security_id} beyond its limit", value, worths.get(security_id))


def _change(line: Line, options: Options, *, has_settings: bool) -> Change:
    """What became of a line. Settings, which are not in an export, may forbid any trade that is not made."""
    shares, held = line.trade.shares, line.original_quantity
    free = has_settings and not shares
    return Change(
        line.security_id,
        Weighed(held, line.price),
        Weighed(held + shares, line.price),
        frozenset(sign for sign in (1, -1) if free or options.forbids(line.security_id, sign)),
    )


def _drift(gaps: Iterable[Fraction]) -> Fraction:
    return sum(map(abs, gaps), _ZERO)


def _drift_checks(portfolio: Portfolio, base: Fraction, worths: Sequence[Worth]) -> Iterator[Check]:
    before = _drift(worth.before - worth.wanted for worth in worths) / base
    after = _drift(worth.after - worth.wanted for worth in worths) / base
    yield Check("drift_before, 12 decimals", portfolio.drift_before, round(before, PLACES))
    yield Check("drift_after, 12 decimals", portfolio.drift_after, round(after, PLACES))


def _solution_checks(solution: Solution, objective: Fraction) -> Iterator[Check]:
    bound = solution.lower_bound
    yield Check("objective", solution.objective, objective)
    if solution.proven:
        yield Check("lower_bound = objective, where proven", bound, objective)
        return
    yield holds("lower_bound", bound, f"0 or more, below {digits(objective)}", when=0 <= bound < objective)
    yield Check("tie_broken, where not proven", solution.tie_broken, expected=False)
