"""What can be asked of runs."""

from collections.abc import Iterable, Iterator, Mapping
from typing import Literal, TypeVar

from globeco.ordergen.v1 import model_pb2, rebalance_pb2
from globeco.ordergen.v1 import rebalance_service_pb2 as pb

from ordergen_client.calls.call import Call, Pages, Stream, Watch, nothing, repeatable
from ordergen_client.records import checks, messages
from ordergen_client.records.checks import Number
from ordergen_client.records.desk import comparison_messages
from ordergen_client.records.desk.comparisons import ComparisonEvent, Variant
from ordergen_client.records.options import option_messages
from ordergen_client.records.options.options import DEFAULT_OPTIONS, RebalanceOptions
from ordergen_client.records.states import PortfolioState, View
from ordergen_client.records.values import PortfolioRebalance, Position, Rebalance, RebalanceEvent

Item = TypeVar("Item")
AnyView = View | Literal["BASIC", "FULL"]
AnyState = PortfolioState | Literal["REBALANCED", "NO_ACTION", "INFEASIBLE", "FAILED", "SKIPPED"]


def start(
    model_id: str,
    options: RebalanceOptions = DEFAULT_OPTIONS,
    *,
    request_id: str = "",
    portfolio_ids: Iterable[str] | None = None,
    cash_flows: Mapping[str, Number] | None = None,
) -> Call[Rebalance]:
    """Start the rebalance of every portfolio of a model, or of some; it goes on by itself.

    Args:
        model_id: the model.
        options: how.
        request_id: a UUID4 that makes the call safe to repeat; without one it is given one of its own.
        portfolio_ids: which of the model's portfolios, each once; None is all of them.
        cash_flows: money that comes (above 0) or is to be paid out (below 0), by portfolio id.

    Raises:
        TypeError: a cash flow is a float.
        ValueError: `portfolio_ids` are given, and there are none; or a cash flow is no number.
    """
    request = pb.StartRebalanceRequest(
        model_id=checks.text(model_id, "model_id"),
        options=_options(options),
        request_id=repeatable(request_id),
        portfolio_ids=_some_portfolios(portfolio_ids),
        cash_flows=_flows(cash_flows),
    )
    return Call("StartRebalance", request, messages.rebalance)


def stream(
    model_id: str,
    options: RebalanceOptions = DEFAULT_OPTIONS,
    *,
    validate_only: bool = False,
    request_id: str = "",
    view: AnyView = View.FULL,
    portfolio_ids: Iterable[str] | None = None,
    draft_positions: Iterable[Position] | None = None,
    cash_flows: Mapping[str, Number] | None = None,
) -> Stream[RebalanceEvent]:
    """Rebalance every portfolio of a model, or some, as one call; events come as they are done and stored.

    The run lives as long as the call: closing the iterator, or losing the connection, cancels it. One that
    `start` begins goes on. Where the run fails as a whole its error is raised after the last event.

    Args:
        model_id: the model.
        options: how.
        validate_only: compute everything, store nothing.
        request_id: a UUID4 that makes the call safe to repeat.
        view: BASIC leaves out positions.
        portfolio_ids: which of the model's portfolios, each once; None is all of them.
        draft_positions: tried in place of the model's own, with `validate_only` alone; None is no draft.
        cash_flows: money that comes (above 0) or is to be paid out (below 0), by portfolio id.

    Raises:
        TypeError: a cash flow is a float.
        ValueError: `portfolio_ids` or `draft_positions` are given, and there are none; or a cash flow is no
            number.
    """
    request = pb.RebalanceModelRequest(
        model_id=checks.text(model_id, "model_id"),
        options=_options(options),
        validate_only=checks.flag(validate_only, "validate_only"),
        request_id=checks.text(request_id, "request_id"),
        view=_view(view),
        portfolio_ids=_some_portfolios(portfolio_ids),
        draft_positions=_draft(draft_positions),
        cash_flows=_flows(cash_flows),
    )
    return Stream("RebalanceModel", request, messages.event)


def compare(
    variants: Iterable[Variant],
    *,
    model_id: str = "",
    portfolio_id: str = "",
    frontier_points: int = 0,
) -> Stream[ComparisonEvent]:
    """What different options would do: a row a portfolio and variant as they are solved, then sums a variant.

    Nothing is stored. All variants see the same prices and holdings. What stops the comparison is raised
    after what was computed.

    Args:
        variants: 2 to 10; with `frontier_points` one is enough.
        model_id: every portfolio of this model.
        portfolio_id: this portfolio alone; one of the two is given.
        frontier_points: 2 to 20 more variants, `frontier-1` to `frontier-N`: the least drift at turnovers
            from that of TO_BAND to that of TO_TARGET, with the first variant's other options; 0 is none.

    Raises:
        ValueError: neither or both of `model_id` and `portfolio_id` are given.
    """
    model, portfolio = checks.text(model_id, "model_id"), checks.text(portfolio_id, "portfolio_id")
    if bool(model) == bool(portfolio):
        raise ValueError("model_id or portfolio_id must be given: one of the two")
    request = pb.CompareOptionsRequest(
        variants=map(comparison_messages.variant_message, checks.records(variants, "variants", Variant)),
        frontier_points=checks.whole(frontier_points, "frontier_points"),
    )
    if model:
        request.model_id = model
    else:
        request.portfolio_id = portfolio
    return Stream("CompareOptions", request, comparison_messages.comparison_event)


def watch(rebalance_id: str, after_sequence: int = 0, *, view: AnyView = View.FULL) -> Watch[RebalanceEvent]:
    """Every event of a run after a point, until it ends; closing the iterator leaves the run alone.

    A connection that breaks is made again, and the events go on after the last one: none is missed, none
    comes twice.

    Args:
        rebalance_id: the run.
        after_sequence: the last sequence already seen; 0 is from the beginning.
        view: BASIC leaves out positions.
    """
    return Watch(_watch(rebalance_id, after_sequence, view), messages.event)


def watch_messages(
    rebalance_id: str, after_sequence: int = 0, *, view: AnyView = View.FULL
) -> Watch[pb.RebalanceModelResponse]:
    """As `watch`, but the messages of the contract as they come."""
    return Watch(_watch(rebalance_id, after_sequence, view), _itself)


def cancel(rebalance_id: str) -> Call[Rebalance]:
    """Cancel a run; one that has ended stays as it is."""
    return Call(
        "CancelRebalance", pb.CancelRebalanceRequest(rebalance_id=_id(rebalance_id)), messages.rebalance
    )


def delete(rebalance_id: str, version: int) -> Call[None]:
    """Delete a run that has ended; `version` is the one that was read."""
    request = pb.DeleteRebalanceRequest(
        rebalance_id=_id(rebalance_id), version=checks.whole(version, "version")
    )
    return Call("DeleteRebalance", request, nothing)


def get(rebalance_id: str) -> Call[Rebalance]:
    """Read a run."""
    return Call("GetRebalance", pb.GetRebalanceRequest(rebalance_id=_id(rebalance_id)), messages.rebalance)


def list_all(
    *, model_id: str = "", portfolio_ids: Iterable[str] = (), page_size: int = 0
) -> Pages[Rebalance]:
    """Read every run, newest first, page after page as they are needed.

    Args:
        model_id: only runs of this model.
        portfolio_ids: only runs over at least one of these portfolios.
        page_size: how many are read at once; 0 leaves it to the server.
    """
    request = pb.ListRebalancesRequest(
        model_id=checks.text(model_id, "model_id"),
        portfolio_ids=checks.texts(portfolio_ids, "portfolio_ids"),
        page_size=checks.whole(page_size, "page_size"),
    )
    return Pages("ListRebalances", request, lambda page: map(messages.rebalance, page.rebalances))


def portfolios(
    rebalance_id: str, *, state: AnyState | None = None, page_size: int = 0
) -> Pages[PortfolioRebalance]:
    """Read what a run did for each portfolio, without positions.

    Args:
        rebalance_id: the run.
        state: only portfolios in this state.
        page_size: how many are read at once; 0 leaves it to the server.
    """
    wanted = None if state is None else checks.chosen(state, "state", PortfolioState)
    request = pb.ListPortfolioRebalancesRequest(
        rebalance_id=_id(rebalance_id),
        page_size=checks.whole(page_size, "page_size"),
        state=messages.portfolio_state(wanted),
    )
    return Pages(
        "ListPortfolioRebalances",
        request,
        lambda page: map(messages.portfolio_rebalance, page.portfolio_rebalances),
    )


def portfolio(rebalance_id: str, portfolio_id: str, *, view: AnyView = View.FULL) -> Call[PortfolioRebalance]:
    """Read what a run did for one portfolio; the view BASIC leaves out its positions."""
    request = pb.GetPortfolioRebalanceRequest(
        rebalance_id=_id(rebalance_id),
        portfolio_id=checks.text(portfolio_id, "portfolio_id"),
        view=_view(view),
    )
    return Call("GetPortfolioRebalance", request, messages.portfolio_rebalance)


def _watch(rebalance_id: str, after_sequence: int, view: AnyView) -> pb.WatchRebalanceRequest:
    return pb.WatchRebalanceRequest(
        rebalance_id=_id(rebalance_id),
        after_sequence=checks.whole(after_sequence, "after_sequence"),
        view=_view(view),
    )


def _id(rebalance_id: str) -> str:
    return checks.text(rebalance_id, "rebalance_id")


def _some_portfolios(given: Iterable[str] | None) -> tuple[str, ...]:
    """Portfolios that are given; an empty list would be taken for all of the model's, which none can mean."""
    if given is None:
        return ()
    return _some(checks.texts(given, "portfolio_ids"), "portfolio_ids")


def _draft(given: Iterable[Position] | None) -> Iterable[model_pb2.Position]:
    if given is None:
        return ()
    found = checks.records(given, "draft_positions", Position)
    return map(messages.position_message, _some(found, "draft_positions"))


def _flows(given: Mapping[str, Number] | None) -> Iterator[pb.CashFlow]:
    return messages.cash_flow_messages(checks.amounts(given, "cash_flows"))


def _some(given: tuple[Item, ...], name: str) -> tuple[Item, ...]:
    if not given:
        raise ValueError(f"{name} is empty: leave it out to mean all that the model has")
    return given


def _options(options: RebalanceOptions) -> rebalance_pb2.RebalanceOptions:
    return option_messages.options_message(checks.record(options, "options", RebalanceOptions))


def _view(view: AnyView) -> rebalance_pb2.PortfolioRebalanceView.ValueType:
    return messages.view(checks.chosen(view, "view", View))


def _itself(message: pb.RebalanceModelResponse) -> pb.RebalanceModelResponse:
    return message
