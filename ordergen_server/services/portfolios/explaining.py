"""What the rules of its options do to one portfolio, by solving again without them."""

from decimal import Decimal
from fractions import Fraction
from typing import Final

import optimizer
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.explanations import Explanation, Relaxations, Rule, RuleKind, RulePrice
from ordergen_server.domain.desk.portfolio_settings import SettingsContent, joined
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.numbers import exact, ratio
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState
from ordergen_server.services.portfolios.binding import Binding
from ordergen_server.services.portfolios.securities import Securities
from ordergen_server.services.portfolios.solving import problem_of
from ordergen_server.services.portfolios.valuation import DRIFT_PLACES, Valued, valued

#: Of the time that is left; the rest is for storing the result and answering before the deadline.
TIME_SHARE: Final = 0.5
#: So many sets of rules that help are answered.
MAXIMUM_SETS: Final = 20
#: Of a portfolio without settings.
NO_RULES: Final = SettingsContent()
#: Rules by the names of the optimizer's types; what is none of them is no rule that can be left out.
KINDS: Final = {
    "CashFloor": RuleKind.CASH_FLOOR,
    "Restriction": RuleKind.RESTRICTION,
    "LotSize": RuleKind.LOT_SIZE,
    "MinimumTradeValue": RuleKind.MINIMUM_TRADE_VALUE,
    "MaximumTurnover": RuleKind.MAXIMUM_TURNOVER,
    "MaximumTradeCount": RuleKind.MAXIMUM_TRADE_COUNT,
    "OneSided": RuleKind.SIDES,
    "SecurityLimit": RuleKind.SECURITY_LIMIT,
    "GroupLimit": RuleKind.GROUP_LIMIT,
}


def explain(
    untried: PortfolioRebalance,
    holdings: Holdings,
    securities: Securities,
    options: RebalanceOptions,
    *,
    result: PortfolioRebalance,
    deadline: Deadline,
    content: SettingsContent = NO_RULES,
) -> Explanation:
    """What rules cost a portfolio that has an answer, and which keep one from it that has none.

    Args:
        untried: the portfolio before anything was tried, with its ids.
        holdings: what it has.
        securities: of its model, with prices.
        options: of the run.
        result: what became of it.
        deadline: half of what is left is for this, or the solver's time where that is less.
        content: its settings: of these and the options the stricter is the rule.

    Raises:
        DeadlineExceeded: nothing is left.
        Cancelled: nobody wants it any more.
    """
    portfolio = valued(untried, holdings, securities)
    if not isinstance(portfolio, Valued):
        return Explanation()
    left = TIME_SHARE * deadline.remaining_seconds("the rules were explained")
    seconds = min(options.solver_timeout_seconds, left)
    problem = problem_of(portfolio, joined(options, content))
    rules = [rule for rule in optimizer.rules_of(problem) if type(rule).__name__ in KINDS]
    named = _Names(portfolio, Binding(options, content, portfolio.market_value))
    if result.state is PortfolioState.INFEASIBLE:
        found = optimizer.relaxations(
            problem, rules, most=MAXIMUM_SETS, timeout_seconds=seconds, stopped=deadline.stopped
        )
        return Explanation(relaxations=_relaxations(found, named))
    if result.solution is None:
        return Explanation()
    prices = optimizer.rule_prices(
        problem,
        [line.trade_quantity for line in result.positions],
        rules,
        is_proven=result.solution.proven_optimal,
        timeout_seconds=seconds,
        stopped=deadline.stopped,
    )
    return Explanation(tuple(_price(one, portfolio, named) for one in prices))


class _Names:
    """Says of rules what they are about, and whose they are."""

    def __init__(self, portfolio: Valued, binding: Binding) -> None:
        self._tickers = {one.position.security_id: one.quote.ticker for one, _ in portfolio.lines}
        self._binding = binding

    def rule(self, rule: optimizer.Rule) -> Rule:
        """The rule in the language of the options."""
        security_id = getattr(rule, "security_id", "")
        return Rule(
            KINDS[type(rule).__name__],
            security_id,
            self._tickers.get(security_id, ""),
            getattr(rule, "name", ""),
            self._binding.source(rule),
        )


def _relaxations(found: optimizer.Relaxations, named: _Names) -> Relaxations:
    sets = tuple(tuple(map(named.rule, one)) for one in found.sets)
    return Relaxations(sets, incomplete=not found.is_complete)


def _price(price: optimizer.RulePrice, portfolio: Valued, named: _Names) -> RulePrice:
    saved = None if price.drift_saved is None else _weight(price.drift_saved, portfolio)
    return RulePrice(named.rule(price.rule), saved, price.is_proven)


def _weight(money: Fraction, portfolio: Valued) -> Decimal:
    return ratio(exact(money), portfolio.market_value, DRIFT_PLACES)
