"""The summary of a run, computed anew from its portfolios, in fractions, with nothing of the server."""

from collections.abc import Iterable, Sequence
from fractions import Fraction

from globeco.ordergen.v1 import rebalance_pb2

pb = rebalance_pb2
ANSWERED = (pb.PORTFOLIO_REBALANCE_STATE_REBALANCED, pb.PORTFOLIO_REBALANCE_STATE_NO_ACTION)
_SIGNS: dict[int, int] = {pb.TRANSACTION_TYPE_BUY: 1, pb.TRANSACTION_TYPE_SELL: -1}
_PLACES = 12


def check_summary(run: pb.Rebalance, portfolios: Iterable[pb.PortfolioRebalance]) -> None:
    """Fail unless the summary of a run is that of its portfolios, which have their positions."""
    assert run.HasField("summary")
    assert told(run.summary) == expected([one for one in portfolios if one.state in ANSWERED])


def told(summary: pb.RebalanceSummary) -> dict[str, Fraction | None]:
    """What a summary says; None of what is absent."""
    found: dict[str, Fraction | None] = {}
    for field in summary.DESCRIPTOR.fields:
        value = getattr(summary, field.name)
        if field.message_type is None:
            found[field.name] = Fraction(value)
        else:
            found[field.name] = Fraction(value.value) if summary.HasField(field.name) else None  # type: ignore[arg-type] # any field's
    return found


def expected(answered: Sequence[pb.PortfolioRebalance]) -> dict[str, Fraction | None]:
    """What it must say."""
    trades = [trade for one in answered for trade in _trades(one)]
    value = sum((Fraction(one.market_value.value) for one in answered), Fraction())
    flow, cost = (
        sum((Fraction(getattr(one, name).value or 0) for one in answered), Fraction())
        for name in ("cash_flow", "cost")
    )
    drifting = [one for one in answered if one.HasField("drift_before") and one.HasField("drift_after")]
    gaps = [_gap(one.solution) for one in answered if one.solution.status == pb.SOLUTION_STATUS_FEASIBLE]
    proven = [one for one in answered if one.solution.status == pb.SOLUTION_STATUS_PROVEN_OPTIMAL]
    return {
        "market_value": value,
        "buy_value": sum((one for one in trades if one > 0), Fraction()),
        "sell_value": sum((-one for one in trades if one < 0), Fraction()),
        "cash_flow": flow,
        "cost": cost,
        "turnover_weight": round(sum(map(abs, trades)) / (value + flow), _PLACES) if value + flow else None,
        "cash_before": sum((Fraction(one.cash_before.value) for one in answered), Fraction()),
        "cash_after": sum((Fraction(one.cash_after.value) for one in answered), Fraction()),
        "drift_before": _mean(drifting, "drift_before"),
        "drift_after": _mean(drifting, "drift_after"),
        "trade_count": Fraction(len(trades)),
        "proven_count": Fraction(len(proven)),
        "unproven_count": Fraction(len(gaps)),
        "worst_unproven_gap": max(gaps, default=None),
        "frozen_count": Fraction(sum(_frozen(one) for one in answered)),
    }


def _trades(portfolio: pb.PortfolioRebalance) -> list[Fraction]:
    """What each transaction is worth: above 0 what is bought."""
    priced = (one for one in portfolio.positions if one.HasField("price"))
    prices = {one.security_id: Fraction(one.price.value) for one in priced}
    return [
        _SIGNS[one.transaction_type] * one.quantity * prices[one.security_id]
        for one in portfolio.transactions
    ]


def _frozen(portfolio: pb.PortfolioRebalance) -> int:
    return sum(one.reason == pb.POSITION_REASON_FROZEN for one in portfolio.positions)


def _mean(portfolios: Sequence[pb.PortfolioRebalance], name: str) -> Fraction | None:
    values = [Fraction(one.market_value.value) + Fraction(one.cash_flow.value or 0) for one in portfolios]
    drifts = [Fraction(getattr(one, name).value) for one in portfolios]
    weighted = sum((value * drift for value, drift in zip(values, drifts, strict=True)), Fraction())
    return round(weighted / sum(values), _PLACES) if values else None


def _gap(solution: pb.Solution) -> Fraction:
    return Fraction(solution.objective.value) - Fraction(solution.lower_bound.value)
