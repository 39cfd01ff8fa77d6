"""Open orders in runs: through a real port, over both transports, by threads and by processes."""

from collections.abc import Iterable, Mapping
from typing import Any

import pytest
from click.testing import CliRunner
from globeco.ordergen.v1 import model_pb2, portfolio_settings_pb2, rebalance_pb2, rebalance_service_pb2
from google.rpc import error_details_pb2
from grpc import StatusCode

from ordergen_client import Client, HasOpenOrders, OpenOrders, PreconditionFailed, RebalanceOptions
from ordergen_client.cli import main
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, failure, message_of, served, stored_failure
from tests.limits import PATIENCE
from tests.waiting import eventually

pb = rebalance_pb2
REFUSE = pb.RebalanceOptions(open_orders=pb.OPEN_ORDERS_REFUSE)
COUNT = pb.RebalanceOptions(open_orders=pb.OPEN_ORDERS_COUNT)
IGNORE = pb.RebalanceOptions(open_orders=pb.OPEN_ORDERS_IGNORE)
FAILED = pb.PORTFOLIO_REBALANCE_STATE_FAILED
BUY, SELL, SHORT = 1, 2, 3
Portfolios = Mapping[str, pb.PortfolioRebalance]


def few(siblings: SimulatedSiblings) -> model_pb2.Model:
    return message_of(siblings.model, portfolios=3)


def order(
    portfolio_id: str, security_id: str, quantity: object, order_type: int, status: int = 1
) -> dict[str, Any]:
    """As somebody else sends it; status 1 is NEW, 4 FULL, 5 PART."""
    fixed = {"blotterId": 1, "orderTimestamp": "2026-01-01T00:00:00Z", "version": 1}
    what = {"portfolioId": portfolio_id, "securityId": security_id, "quantity": quantity}
    return {**fixed, **what, "orderTypeId": order_type, "statusId": status}


def of_proposal(result: pb.PortfolioRebalance) -> list[dict[str, Any]]:
    """What a run proposes, as orders that are open."""
    types = {pb.TRANSACTION_TYPE_BUY: BUY, pb.TRANSACTION_TYPE_SELL: SELL}
    return [
        order(result.portfolio_id, one.security_id, one.quantity, types[one.transaction_type])
        for one in result.transactions
    ]


def run_of(api: Api, model: model_pb2.Model, options: pb.RebalanceOptions | None = None) -> Portfolios:
    told = list(api.rebalance_all(model.model_id, options))
    return {one.portfolio.portfolio_id: one.portfolio for one in told[1:-1]}


@pytest.mark.parametrize("over_grpc", [False, True], ids=["http", "grpc"])
def test_who_has_open_orders_is_refused_and_they_are_named(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings, over_grpc: bool
) -> None:
    with served(mongodb_uri, database_name, siblings, over_grpc=over_grpc, with_orders=True) as api:
        model = api.create(few(siblings))
        first, second, _ = model.portfolio_ids
        security = siblings.portfolios.market.securities[0]
        [number, _, done] = siblings.add_orders(
            [
                order(first, security.security_id, 7, BUY),
                order(first, security.security_id, "2.5", SHORT, status=5),
                order(second, security.security_id, 7, BUY),
            ]
        )
        siblings.change_orders({done: "FULL"})
        told = list(api.rebalance_all(model.model_id))
        results = {one.portfolio.portfolio_id: one.portfolio for one in told[1:-1]}
        assert [one for one, result in results.items() if result.state == FAILED] == [first]
        error = stored_failure(results[first].error)
        assert (error.code, error.info.reason) == (StatusCode.FAILED_PRECONDITION, "OPEN_ORDERS")
        assert error.info.metadata["open_order_count"] == "2"
        causes = error.detail(error_details_pb2.PreconditionFailure).violations
        assert [(one.subject, one.type) for one in causes] == [(security.security_id, "OPEN_ORDER")] * 2
        assert causes[0].description == f"order {number} (BUY 7 {security.ticker}, NEW)"
        finished = told[-1].finished
        assert (finished.state, finished.failed_count) == (pb.REBALANCE_STATE_COMPLETED_WITH_ERRORS, 1)
        assert finished.options.open_orders == pb.OPEN_ORDERS_REFUSE
        single = failure(lambda: api.rebalance(first, REFUSE))
        assert (single.code, single.info.reason) == (StatusCode.FAILED_PRECONDITION, "OPEN_ORDERS")
        assert set(siblings.calls("order")) == {"order_list"}


@pytest.mark.parametrize("processes", [0, 1], ids=["threads", "processes"])
def test_who_counts_them_trades_no_second_time(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings, processes: int
) -> None:
    """Orders that are those of a run, once they count as filled, leave nothing to do."""
    with served(mongodb_uri, database_name, siblings, with_orders=True, compute_processes=processes) as api:
        model = api.create(few(siblings))
        first, second, third = model.portfolio_ids
        proposed = run_of(api, model, IGNORE)
        siblings.add_orders(of_proposal(proposed[first]))
        siblings.add_orders(of_proposal(proposed[second])[:1])
        assert run_of(api, model, IGNORE)[first].transactions == proposed[first].transactions
        counted = run_of(api, model, COUNT)
        assert not counted[first].transactions
        assert counted[first].state == pb.PORTFOLIO_REBALANCE_STATE_NO_ACTION
        assert counted[first].cash_before == proposed[first].cash_after
        assert counted[first].market_value.value
        assert counted[second].transactions == proposed[second].transactions[1:]
        assert counted[third] == _as_in(counted[third], proposed[third])
        held = {one.security_id: one.original_quantity for one in counted[first].positions}
        assert held == {one.security_id: one.adjusted_quantity for one in proposed[first].positions}


def test_settings_previews_and_comparisons_know_open_orders(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    """Whoever is closed is closed first; a preview refuses as a run does; each variant does as it says."""
    with served(mongodb_uri, database_name, siblings, with_orders=True) as api:
        model = api.create(few(siblings))
        closed, second, _ = model.portfolio_ids
        proposed = run_of(api, model, IGNORE)
        siblings.add_orders([one for key in (closed, second) for one in of_proposal(proposed[key])])
        settings = portfolio_settings_pb2.PortfolioSettings(portfolio_id=closed)
        settings.do_not_trade.reason = "Closed."
        update = rebalance_service_pb2.UpdatePortfolioSettingsRequest(portfolio_settings=settings)
        api.rebalances.UpdatePortfolioSettings(update, timeout=PATIENCE)
        reasons = _reasons(run_of(api, model).values())
        assert reasons == {closed: "DO_NOT_TRADE", second: "OPEN_ORDERS"}
        preview = rebalance_service_pb2.RebalanceModelRequest(model_id=model.model_id, validate_only=True)
        told = list(api.rebalances.RebalanceModel(preview, timeout=PATIENCE))
        assert _reasons(one.portfolio for one in told[1:-1]) == reasons
        asked = rebalance_service_pb2.CompareOptionsRequest(portfolio_id=second)
        for name, options in (("refuse", REFUSE), ("count", COUNT), ("ignore", IGNORE)):
            asked.variants.add(name=name, options=options)
        rows = [
            one.portfolio
            for one in api.rebalances.CompareOptions(asked, timeout=PATIENCE)
            if one.HasField("portfolio")
        ]
        count = len(proposed[second].transactions)
        assert [(one.variant, one.trade_count) for one in rows] == [
            ("refuse", 0),
            ("count", 0),
            ("ignore", count),
        ]
        assert [one.state == FAILED for one in rows] == [True, False, False]


def _reasons(results: Iterable[pb.PortfolioRebalance]) -> dict[str, str]:
    """Of those that have no answer."""
    failed = (one for one in results if one.HasField("error"))
    return {one.portfolio_id: stored_failure(one.error).info.reason for one in failed}


def _as_in(like: pb.PortfolioRebalance, one: pb.PortfolioRebalance) -> pb.PortfolioRebalance:
    """The result of another run, with what is of each run alone."""
    same = pb.PortfolioRebalance()
    same.CopyFrom(one)
    same.rebalance_id = like.rebalance_id
    same.snapshot_time.CopyFrom(like.snapshot_time)
    same.solution.solve_duration.CopyFrom(like.solution.solve_duration)
    return same


@pytest.mark.parametrize(("order_type", "status"), [(BUY, 5), (SHORT, 1)], ids=["part", "short"])
def test_what_cannot_be_counted_makes_its_portfolio_fail(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings, order_type: int, status: int
) -> None:
    with served(mongodb_uri, database_name, siblings, with_orders=True) as api:
        model = api.create(few(siblings))
        security = siblings.portfolios.market.securities[0].security_id
        siblings.add_orders([order(model.portfolio_ids[1], security, 7, order_type, status)])
        results = run_of(api, model, COUNT)
        failed = [one for one in results.values() if one.state == FAILED]
        assert [one.portfolio_id for one in failed] == [model.portfolio_ids[1]]
        assert stored_failure(failed[0].error).info.reason == "OPEN_ORDERS"


def test_a_run_that_goes_on_by_itself_and_a_preview_look_too(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    with served(mongodb_uri, database_name, siblings, with_orders=True) as api:
        model = api.create(few(siblings))
        security = siblings.portfolios.market.securities[0].security_id
        siblings.add_orders([order(model.portfolio_ids[0], security, 7, BUY)])
        preview = rebalance_service_pb2.RebalanceModelRequest(model_id=model.model_id, validate_only=True)
        told = list(api.rebalances.RebalanceModel(preview, timeout=PATIENCE))
        assert told[-1].finished.failed_count == 1
        start = rebalance_service_pb2.StartRebalanceRequest(model_id=model.model_id)
        started = api.rebalances.StartRebalance(start, timeout=PATIENCE)
        assert started.options.open_orders == pb.OPEN_ORDERS_REFUSE
        ended = eventually(
            lambda: run if (run := api.run(started.rebalance_id)).HasField("finish_time") else None
        )
        assert ended.failed_count == 1


def test_an_order_service_that_is_down_stops_the_run(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    """Nobody may take "not known" for "none"; who does not look does not ask it."""
    with served(mongodb_uri, database_name, siblings, with_orders=True) as api:
        model = api.create(few(siblings))
        siblings.set_faults("order", [Fault(kind="overload")])
        stopped = failure(lambda: list(api.rebalance_all(model.model_id)))
        assert (stopped.code, stopped.info.reason) == (StatusCode.UNAVAILABLE, "SIBLING_UNAVAILABLE")
        assert stopped.info.metadata["service"] == "order"
        asked = siblings.calls("order")
        assert len(run_of(api, model, IGNORE)) == 3
        assert siblings.calls("order") == asked


def test_without_an_order_service_looking_is_refused_and_not_looking_is_not(
    api: Api, model: model_pb2.Model
) -> None:
    one = model.portfolio_ids[0]
    for options in (REFUSE, COUNT):
        refused = failure(lambda options=options: api.rebalance(one, options))  # type: ignore[misc] # a lambda's
        assert (refused.code, refused.info.reason) == (StatusCode.FAILED_PRECONDITION, "FAILED_PRECONDITION")
        [cause] = refused.detail(error_details_pb2.PreconditionFailure).violations
        assert (cause.subject, cause.type) == ("options.open_orders", "NO_ORDER_SERVICE")
        assert failure(lambda options=options: list(api.rebalance_all(model.model_id, options))).code == (  # type: ignore[misc] # a lambda's
            StatusCode.FAILED_PRECONDITION
        )
    assert api.rebalance(one, IGNORE).transactions == api.rebalance(one).transactions
    told = list(api.rebalance_all(model.model_id))
    assert told[0].started.options.open_orders == pb.OPEN_ORDERS_UNSPECIFIED


def test_the_client_and_the_command(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings, api: Api
) -> None:
    with served(mongodb_uri, database_name, siblings, with_orders=True) as looking:
        one = looking.create(few(siblings)).portfolio_ids[0]
        security = siblings.portfolios.market.securities[0]
        siblings.add_orders([order(one, security.security_id, 7, BUY)])
        target = f"127.0.0.1:{looking.port}"
        with Client(target) as client:
            with pytest.raises(HasOpenOrders) as raised:
                client.portfolios.rebalance(one)
            assert raised.value.violations[0].subject == security.security_id
            counted = client.portfolios.rebalance(one, RebalanceOptions(open_orders="COUNT"))
            runs = list(client.runs.list(portfolio_ids=[one]))
        assert counted.positions
        asked = {run.options.open_orders for run in runs if run.options}
        assert asked == {OpenOrders.REFUSE, OpenOrders.COUNT}
        command = ["rebalance", "--portfolio", one, "--json", f"--target={target}"]
        refused = CliRunner().invoke(main, command)
        assert refused.exit_code != 0
        assert f"(BUY 7 {security.ticker}, NEW)" in " ".join(refused.output.split())
        done = CliRunner().invoke(main, [*command, "--open-orders=ignore"])
        assert done.exit_code == 0, done.output
    with Client(f"127.0.0.1:{api.port}") as client, pytest.raises(PreconditionFailed):
        client.portfolios.rebalance(one, RebalanceOptions(open_orders=OpenOrders.REFUSE))
