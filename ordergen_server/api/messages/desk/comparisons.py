"""Comparisons of options, from messages of the contract and to them."""

from globeco.ordergen.v1 import comparison_pb2, rebalance_pb2
from globeco.ordergen.v1 import rebalance_service_pb2 as pb

from ordergen_server.api.messages import decoding
from ordergen_server.api.messages.errors import to_status
from ordergen_server.api.messages.numbers import set_decimal
from ordergen_server.api.messages.options import rebalance_options
from ordergen_server.domain.desk.comparisons import (
    ComparedPortfolio,
    ComparedVariant,
    Comparison,
    Variant,
    check_variants,
)
from ordergen_server.domain.models import check_positions
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.requests.ids import check_entity_id, check_object_id
from ordergen_server.domain.requests.violations import Violations

_MONEY_OF_PORTFOLIO = (
    *("market_value", "drift_before", "drift_after", "turnover", "turnover_weight", "cash_after", "cost"),
)
_MONEY_OF_VARIANT = ("market_value", "bought", "sold", "turnover", "drift_before", "drift_after", "cost")


def comparison(message: pb.CompareOptionsRequest, violations: Violations) -> Comparison:
    """What is compared."""
    match message.WhichOneof("compared"):
        case "portfolio_id":
            check_entity_id(message.portfolio_id, "portfolio_id", violations)
        case "model_id":
            check_object_id(message.model_id, "model_id", violations)
        case _:
            violations.add("model_id", "must be given, or portfolio_id")
    variants = tuple(
        _variant(one, f"variants[{index}].", violations) for index, one in enumerate(message.variants)
    )
    check_variants(variants, message.frontier_points, violations)
    return Comparison(message.portfolio_id, message.model_id, variants, message.frontier_points)


def _variant(message: comparison_pb2.OptionsVariant, above: str, violations: Violations) -> Variant:
    own = Violations()
    options = rebalance_options(message.options, own)
    positions = decoding.positions(message.draft_positions, "draft_positions", own)
    check_positions(positions, "draft_positions", own)
    violations.include(own, above)
    return Variant(message.name, options, positions)


def compared(value: ComparedPortfolio | ComparedVariant) -> pb.CompareOptionsResponse:
    """One message of a comparison."""
    if isinstance(value, ComparedPortfolio):
        return pb.CompareOptionsResponse(portfolio=_portfolio(value))
    return pb.CompareOptionsResponse(variant=_variant_sums(value))


def _portfolio(value: ComparedPortfolio) -> comparison_pb2.ComparedPortfolio:
    message = comparison_pb2.ComparedPortfolio(
        portfolio_id=value.portfolio_id,
        portfolio_name=value.portfolio_name,
        variant=value.variant,
        state=rebalance_pb2.PortfolioRebalanceState.Value(f"PORTFOLIO_REBALANCE_STATE_{value.state.name}"),
        error=to_status(value.error) if value.error else None,
        trade_count=value.trade_count,
        proven_optimal=value.proven_optimal,
    )
    for name in _MONEY_OF_PORTFOLIO:
        number = getattr(value, name)
        if number is not None:
            set_decimal(getattr(message, name), number)
    return message


def _variant_sums(value: ComparedVariant) -> comparison_pb2.ComparedVariant:
    message = comparison_pb2.ComparedVariant(
        variant=value.variant,
        rebalanced_count=value.counts.get(PortfolioState.REBALANCED, 0),
        no_action_count=value.counts.get(PortfolioState.NO_ACTION, 0),
        infeasible_count=value.counts.get(PortfolioState.INFEASIBLE, 0),
        failed_count=value.counts.get(PortfolioState.FAILED, 0),
        skipped_count=value.counts.get(PortfolioState.SKIPPED, 0),
        proven_count=value.proven,
        trade_count=value.trade_count,
    )
    for name in _MONEY_OF_VARIANT:
        number = getattr(value, name)
        if number is not None:
            set_decimal(getattr(message, name), number)
    return message
