"""Runs over the wire: started, watched, repeated, refused, cancelled, deleted, tried without storing."""

from collections.abc import Iterator
from contextlib import ExitStack
from itertools import islice

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2, model_service_pb2, rebalance_pb2, rebalance_service_pb2
from google.protobuf import duration_pb2
from google.rpc import error_details_pb2
from google.type import decimal_pb2
from grpc import StatusCode

from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.attacks import silent_calls
from tests.builders import MODEL_ID, portfolio_id, security_id
from tests.e2e.api import Api, failure, message_of, served
from tests.e2e.runs import check_answers, check_told, counts, start, watched
from tests.limits import PATIENCE
from tests.waiting import eventually

pb, calls = rebalance_pb2, rebalance_service_pb2
REQUEST_ID = "16fd2706-8baf-433b-82eb-8c7fada847da"
OTHER_ID = "3f2504e0-4f89-41d3-9a0c-0305e82c3301"


def slow(siblings: SimulatedSiblings, seconds: float = 3) -> None:
    """Make every portfolio take so long: what is to happen meanwhile takes much less."""
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=seconds)])


def cancel(api: Api, rebalance_id: str) -> pb.Rebalance:
    request = calls.CancelRebalanceRequest(rebalance_id=rebalance_id)
    return api.rebalances.CancelRebalance(request, timeout=PATIENCE)


def delete(api: Api, rebalance_id: str, version: int) -> None:
    request = calls.DeleteRebalanceRequest(rebalance_id=rebalance_id, version=version)
    api.rebalances.DeleteRebalance(request, timeout=PATIENCE)


def count_runs(api: Api) -> int:
    return api.rebalances.ListRebalances(calls.ListRebalancesRequest(), timeout=PATIENCE).total_size


def over(api: Api, rebalance_id: str) -> bool:
    return eventually(lambda: api.run(rebalance_id).state != pb.REBALANCE_STATE_RUNNING)


@pytest.fixture
def big(mongodb_uri: str, database_name: str, siblings: SimulatedSiblings) -> Iterator[tuple[Api, str]]:
    """A server that reads one portfolio after another, and a model that 25 follow."""
    with served(mongodb_uri, database_name, siblings, portfolio_workers=1) as api:
        yield api, api.create(message_of(siblings.model)).model_id


def test_a_run_that_is_started_goes_on_and_is_told_from_any_point(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    started = start(api, model.model_id)
    assert (started.state, started.portfolio_count) == (pb.REBALANCE_STATE_RUNNING, 4)
    told = watched(api, started.rebalance_id)
    ended = check_told(told, list(model.portfolio_ids))
    check_answers(siblings, [one.portfolio for one in told[1:-1]])
    for after in range(7):
        assert watched(api, started.rebalance_id, after) == told[after:]
    assert api.run(started.rebalance_id) == ended


def test_a_second_run_of_a_model_names_the_first_and_single_portfolios_go_on(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    slow(siblings)
    first = start(api, model.model_id)
    for call in (lambda: start(api, model.model_id), lambda: list(api.rebalance_all(model.model_id))):
        found = failure(call)
        assert (found.code, found.info.reason) == (StatusCode.ABORTED, "REBALANCE_IN_PROGRESS")
        assert found.info.metadata["rebalance_id"] == first.rebalance_id
    siblings.clear()  # those of the run are under way
    single = api.rebalance(model.portfolio_ids[0])
    assert single.rebalance_id != first.rebalance_id
    assert over(api, first.rebalance_id)
    assert over(api, start(api, model.model_id).rebalance_id)
    assert count_runs(api) == 3


def test_a_request_repeated_is_one_run(api: Api, model: model_pb2.Model) -> None:
    first = start(api, model.model_id, request_id=REQUEST_ID)
    assert start(api, model.model_id, request_id=REQUEST_ID).rebalance_id == first.rebalance_id
    assert over(api, first.rebalance_id)
    assert start(api, model.model_id, request_id=REQUEST_ID) == api.run(first.rebalance_id)
    options = pb.RebalanceOptions(maximum_trade_count=3)
    found = failure(lambda: start(api, model.model_id, request_id=REQUEST_ID, options=options))
    assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, ["request_id"])
    request = calls.RebalanceModelRequest(model_id=model.model_id, request_id=OTHER_ID)
    streams = [list(api.rebalances.RebalanceModel(request, timeout=PATIENCE)) for _ in range(2)]
    assert streams[0][1:] == streams[1][1:]
    assert count_runs(api) == 2


def test_a_portfolio_repeated_is_one_run(api: Api, model: model_pb2.Model) -> None:
    request = calls.RebalancePortfolioRequest(portfolio_id=model.portfolio_ids[0], request_id=REQUEST_ID)
    answers = [api.rebalances.RebalancePortfolio(request, timeout=PATIENCE) for _ in range(2)]
    assert answers[0] == answers[1]
    request.portfolio_id = model.portfolio_ids[1]
    found = failure(lambda: api.rebalances.RebalancePortfolio(request, timeout=PATIENCE))
    assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, ["request_id"])
    assert count_runs(api) == 1


def test_what_was_repeated_is_told_when_the_model_is_gone(api: Api, model: model_pb2.Model) -> None:
    """The same request has the same answer, whatever has become of its model since."""
    request = calls.RebalancePortfolioRequest(portfolio_id=model.portfolio_ids[0], request_id=REQUEST_ID)
    single = api.rebalances.RebalancePortfolio(request, timeout=PATIENCE)
    whole = start(api, model.model_id, request_id=OTHER_ID)
    assert over(api, whole.rebalance_id)
    gone = model_service_pb2.DeleteModelRequest(model_id=model.model_id, version=model.version)
    api.models.DeleteModel(gone, timeout=PATIENCE)
    assert api.rebalances.RebalancePortfolio(request, timeout=PATIENCE) == single
    assert start(api, model.model_id, request_id=OTHER_ID) == api.run(whole.rebalance_id)


def test_trying_stores_nothing(api: Api, siblings: SimulatedSiblings, model: model_pb2.Model) -> None:
    whole = calls.RebalanceModelRequest(model_id=model.model_id, validate_only=True)
    told = list(api.rebalances.RebalanceModel(whole, timeout=PATIENCE))
    check_told(told, list(model.portfolio_ids))
    check_answers(siblings, [one.portfolio for one in told[1:-1]])
    single = calls.RebalancePortfolioRequest(portfolio_id=model.portfolio_ids[0], validate_only=True)
    answer = api.rebalances.RebalancePortfolio(single, timeout=PATIENCE)
    check_answers(siblings, [answer])
    assert {answer.rebalance_id, told[-1].finished.rebalance_id} == {""}
    assert count_runs(api) == 0
    assert api.get(model.model_id) == model


def test_bad_options_are_named_all_at_once(api: Api, model: model_pb2.Model) -> None:
    options = pb.RebalanceOptions(
        minimum_trade_value=decimal_pb2.Decimal(value="-1"),
        maximum_turnover_weight=decimal_pb2.Decimal(value="much"),
        solver_timeout=duration_pb2.Duration(seconds=-1),
        maximum_trade_count=-1,
    )
    options.restrictions.add(security_id=security_id(1))
    options.lot_sizes.add(security_id="x", shares=0)
    expected = {
        "options.maximum_turnover_weight",
        "options.solver_timeout",
        "options.restrictions[0].type",
        "options.lot_sizes[0].security_id",
        "options.lot_sizes[0].shares",
        "options.minimum_trade_value",
        "options.maximum_trade_count",
    }
    for call in (
        lambda: api.rebalance(model.portfolio_ids[0], options),
        lambda: list(api.rebalance_all(model.model_id, options)),
        lambda: start(api, model.model_id, options=options),
    ):
        found = failure(call)
        assert (found.code, set(found.fields)) == (StatusCode.INVALID_ARGUMENT, expected)
    assert count_runs(api) == 0


def test_what_is_not_there_or_not_an_id(api: Api) -> None:
    for call in (
        lambda: start(api, MODEL_ID),
        lambda: watched(api, MODEL_ID),
        lambda: cancel(api, MODEL_ID),
        lambda: delete(api, MODEL_ID, 1),
    ):
        assert failure(call).code is StatusCode.NOT_FOUND
    for name, call in (
        ("model_id", lambda: start(api, "x")),
        ("rebalance_id", lambda: watched(api, "x")),
        ("after_sequence", lambda: watched(api, MODEL_ID, -1)),
        ("rebalance_id", lambda: cancel(api, "x")),
        ("rebalance_id", lambda: delete(api, "x", 1)),
        ("version", lambda: delete(api, MODEL_ID, 0)),
        ("request_id", lambda: start(api, MODEL_ID, request_id="again")),
    ):
        found = failure(call)
        assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, [name])


def test_a_run_that_is_cancelled(big: tuple[Api, str], siblings: SimulatedSiblings) -> None:
    api, model_id = big
    slow(siblings, 1)
    started = start(api, model_id)
    ended = cancel(api, started.rebalance_id)
    assert ended.state == pb.REBALANCE_STATE_CANCELLED
    assert counts(ended)["SKIPPED"] > 15
    told = watched(api, started.rebalance_id)
    assert told[-1].finished == ended
    assert len(told) == 27
    assert cancel(api, started.rebalance_id) == ended


def test_a_caller_that_goes_away_frees_its_work(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    """Once the server has stopped, every thread of it is over: whatever would be asked was asked."""
    with served(mongodb_uri, database_name, siblings, portfolio_workers=1) as api:
        model_id = api.create(message_of(siblings.model)).model_id
        slow(siblings, 1)
        stream = api.rebalance_all(model_id)
        rebalance_id = next(stream).started.rebalance_id
        stream.cancel()  # type: ignore[attr-defined] # a call
        assert over(api, rebalance_id)
        assert api.run(rebalance_id).state == pb.REBALANCE_STATE_CANCELLED
    assert siblings.calls("accounting").get("summary", 0) <= 1


@pytest.mark.parametrize("leaves", [True, False])
def test_nothing_is_done_after_a_cancel_while_a_sibling_does_not_answer(
    mongodb_uri: str, database_name: str, *, leaves: bool
) -> None:
    """One by one they are read, and the sixth never comes: five are done, however it is cancelled."""
    with ExitStack() as stack:
        siblings = stack.enter_context(SimulatedSiblings(portfolios=25, positions=4, securities=20))
        api = stack.enter_context(served(mongodb_uri, database_name, siblings, portfolio_workers=1))
        stack.callback(siblings.stop)  # before the server, which would wait for the answer
        model = api.create(message_of(siblings.model))
        siblings.set_faults("accounting", [Fault(kind="hang", match=model.portfolio_ids[5])])
        stream = api.rebalance_all(model.model_id)
        told = list(islice(stream, 6))
        rebalance_id = told[0].started.rebalance_id
        if leaves:
            stream.cancel()  # type: ignore[attr-defined] # a call
            assert over(api, rebalance_id)
        else:
            cancel(api, rebalance_id)
        ended = api.run(rebalance_id)
    assert ended.state == pb.REBALANCE_STATE_CANCELLED
    assert counts(ended)["SKIPPED"] == 20
    assert sorted(one.portfolio.portfolio_id for one in told[1:]) == sorted(model.portfolio_ids[:5])


def test_a_watcher_that_goes_away_leaves_the_run_alone(
    big: tuple[Api, str], siblings: SimulatedSiblings
) -> None:
    api, model_id = big
    slow(siblings, 0.02)
    started = start(api, model_id)
    request = calls.WatchRebalanceRequest(rebalance_id=started.rebalance_id)
    stream = api.rebalances.WatchRebalance(request, timeout=PATIENCE)
    next(iter(stream))
    stream.cancel()
    told = watched(api, started.rebalance_id)
    assert told[-1].finished.skipped_count == 0


def test_a_run_is_deleted_once_it_has_ended(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    slow(siblings)
    started = start(api, model.model_id)
    running = failure(lambda: delete(api, started.rebalance_id, 1))
    assert running.code is StatusCode.FAILED_PRECONDITION
    assert running.detail(error_details_pb2.PreconditionFailure).violations[0].type == "RUNNING"
    assert over(api, started.rebalance_id)
    mismatch = failure(lambda: delete(api, started.rebalance_id, 1))
    assert (mismatch.code, mismatch.info.metadata["current_version"]) == (StatusCode.ABORTED, "2")
    delete(api, started.rebalance_id, 2)
    assert failure(lambda: api.run(started.rebalance_id)).code is StatusCode.NOT_FOUND
    gone = failure(lambda: api.portfolio(started.rebalance_id, model.portfolio_ids[0]))
    assert gone.code is StatusCode.NOT_FOUND
    assert count_runs(api) == 0


def test_calls_beyond_the_bound_are_refused_and_told_when_to_come_back(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    with served(mongodb_uri, database_name, siblings, maximum_calls=2) as api:
        model = api.create(message_of(siblings.model, portfolios=4))
        slow(siblings)
        requests = [calls.RebalancePortfolioRequest(portfolio_id=one) for one in model.portfolio_ids]
        futures = [api.rebalances.RebalancePortfolio.future(one, timeout=PATIENCE) for one in requests]
        outcomes = [one.exception() for one in futures]
        refused = [one for one in outcomes if one]
        assert len(refused) == 2
        for one in refused:
            assert isinstance(one, grpc.RpcError)
            found = failure(lambda: (_ for _ in ()).throw(one))  # noqa: B023 - called at once
            assert found.code is StatusCode.RESOURCE_EXHAUSTED
            assert found.detail(error_details_pb2.RetryInfo).retry_delay.seconds == 1
        siblings.clear()
        assert api.rebalance(model.portfolio_ids[3]).HasField("solution")


def test_a_call_for_which_there_is_no_room_is_refused_before_its_message_comes(
    mongodb_uri: str, database_name: str
) -> None:
    with (
        SimulatedSiblings(portfolios=2, positions=2) as silent,
        served(mongodb_uri, database_name, silent, maximum_calls=1) as api,
    ):
        model = api.create(message_of(silent.model, portfolios=2))
        silent.set_faults("accounting", [Fault(kind="hang")])
        requests = [calls.RebalancePortfolioRequest(portfolio_id=one) for one in model.portfolio_ids]
        futures = [api.rebalances.RebalancePortfolio.future(one, timeout=PATIENCE) for one in requests]
        eventually(lambda: any(one.done() for one in futures))  # the other one has the room
        method = "/globeco.ordergen.v1.RebalanceService/RebalancePortfolio"
        with silent_calls(api.port, method, 1, channels=1) as (call,):
            assert call.exception(PATIENCE).code() is StatusCode.RESOURCE_EXHAUSTED
        silent.stop()


def test_runs_beyond_the_bound_are_refused(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    with served(mongodb_uri, database_name, siblings, maximum_runs=1) as api:
        message = message_of(siblings.model, portfolios=3)
        first = api.create(message)
        del message.portfolio_ids[:]
        message.name, message.portfolio_ids[:] = "Other", [portfolio_id(1)]
        second = api.create(message)
        slow(siblings)
        started = start(api, first.model_id)
        found = failure(lambda: start(api, second.model_id))
        assert (found.code, found.info.reason) == (StatusCode.RESOURCE_EXHAUSTED, "TOO_MANY_CALLS")
        assert found.detail(error_details_pb2.RetryInfo).retry_delay.seconds == 5
        assert over(api, started.rebalance_id)
