"""Twenty-five portfolios rebalanced through a real port; every number of every answer checked anew."""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

import grpc
import pymongo
import pytest
from globeco.ordergen.v1 import model_pb2, rebalance_pb2, rebalance_service_pb2

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, failure, message_of, served
from tests.e2e.conftest import PORTFOLIOS
from tests.e2e.outcomes import as_streamed, inputs, outcome
from tests.limits import PATIENCE, sized
from tests.price_ranges import check_range
from tests.summaries import check_summary
from tests.verification import verify

pb = rebalance_pb2
SOLVED = (pb.PORTFOLIO_REBALANCE_STATE_REBALANCED, pb.PORTFOLIO_REBALANCE_STATE_NO_ACTION)


@dataclass(frozen=True)
class Run:
    """A run that was streamed, on a server that still serves."""

    api: Api
    database: str
    model: model_pb2.Model
    responses: list[rebalance_service_pb2.RebalanceModelResponse]

    @property
    def finished(self) -> pb.Rebalance:
        return self.responses[-1].finished

    @property
    def portfolios(self) -> list[pb.PortfolioRebalance]:
        return [one.portfolio for one in self.responses[1:-1]]


@pytest.fixture(scope="module")
def run(mongodb_uri: str, clean_siblings: SimulatedSiblings, worker_id: str) -> Iterator[Run]:
    name = f"ordergen-test-run-{worker_id}"
    with served(mongodb_uri, name, clean_siblings) as api:
        model = api.create(message_of(clean_siblings.model))
        yield Run(api, name, model, list(api.rebalance_all(model.model_id)))
    with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
        client.drop_database(name)


def test_the_run_is_told_from_start_to_end(run: Run) -> None:
    assert [one.sequence for one in run.responses] == list(range(1, PORTFOLIOS + 3))
    kinds = [one.WhichOneof("event") for one in run.responses]
    assert kinds == ["started", *["portfolio"] * PORTFOLIOS, "finished"]
    started = run.responses[0].started
    assert (started.state, started.version) == (pb.REBALANCE_STATE_RUNNING, 1)
    assert not started.HasField("finish_time")
    assert (run.finished.rebalance_id, run.finished.version) == (started.rebalance_id, 2)
    assert (run.finished.model_id, run.finished.model_name, run.finished.model_version) == (
        run.model.model_id,
        run.model.name,
        1,
    )
    assert run.finished.HasField("finish_time")


def test_every_portfolio_is_told_once(run: Run) -> None:
    assert sorted(one.portfolio_id for one in run.portfolios) == sorted(run.model.portfolio_ids)
    assert {one.rebalance_id for one in run.portfolios} == {run.finished.rebalance_id}
    assert all(one.portfolio_name for one in run.portfolios)
    assert len({one.snapshot_time.ToNanoseconds() for one in run.portfolios}) == 1


def test_the_counts_are_those_of_the_portfolios(run: Run) -> None:
    states = Counter(one.state for one in run.portfolios)
    ended = run.finished
    assert ended.portfolio_count == PORTFOLIOS
    assert [
        ended.rebalanced_count,
        ended.no_action_count,
        ended.infeasible_count,
        ended.failed_count,
        ended.skipped_count,
    ] == [
        states[pb.PORTFOLIO_REBALANCE_STATE_REBALANCED],
        states[pb.PORTFOLIO_REBALANCE_STATE_NO_ACTION],
        states[pb.PORTFOLIO_REBALANCE_STATE_INFEASIBLE],
        states[pb.PORTFOLIO_REBALANCE_STATE_FAILED],
        0,
    ]
    with_errors = ended.infeasible_count + ended.failed_count > 0
    expected = pb.REBALANCE_STATE_COMPLETED_WITH_ERRORS if with_errors else pb.REBALANCE_STATE_COMPLETED
    assert ended.state == expected
    assert ended.rebalanced_count >= PORTFOLIOS * 3 / 5


def test_every_answer_is_right_to_the_last_digit(run: Run, clean_siblings: SimulatedSiblings) -> None:
    checked, new = 0, 0
    for one in run.portfolios:
        given = inputs(clean_siblings, one.portfolio_id)
        assert Fraction(one.market_value.value) == given.market_value
        if one.HasField("solution"):
            assert one.state in SOLVED
            assert one.solution.status == pb.SOLUTION_STATUS_PROVEN_OPTIMAL
            verify(outcome(one), given)
            checked += 1
        elif given.quantities or given.cash:
            assert one.error.message
            assert one.state == pb.PORTFOLIO_REBALANCE_STATE_INFEASIBLE
        else:
            assert one.state == pb.PORTFOLIO_REBALANCE_STATE_NO_ACTION
            new += 1
    assert checked + new == run.finished.rebalanced_count + run.finished.no_action_count
    assert new == 1


def test_every_line_says_why(run: Run) -> None:
    reasons = {line.reason for one in run.portfolios for line in one.positions}
    assert pb.POSITION_REASON_UNSPECIFIED not in reasons
    assert len(reasons) > 2


def test_the_summary_is_that_of_the_portfolios_as_they_are_stored(run: Run) -> None:
    """Whoever tells the run; nothing is summed when it begins."""
    stored = run.api.run(run.finished.rebalance_id)
    listing = rebalance_service_pb2.ListPortfolioRebalancesRequest(rebalance_id=stored.rebalance_id)
    listed = run.api.rebalances.ListPortfolioRebalances(listing, timeout=PATIENCE).portfolio_rebalances
    check_summary(stored, [run.api.portfolio(one.rebalance_id, one.portfolio_id) for one in listed])
    request = rebalance_service_pb2.ListRebalancesRequest(model_id=run.model.model_id)
    [found] = run.api.rebalances.ListRebalances(request, timeout=PATIENCE).rebalances
    assert found == stored == run.finished
    check_summary(run.responses[0].started, [])


def test_orders_are_good_until_prices_at_which_every_rule_holds(run: Run) -> None:
    """Asked for one by one: neither streams nor lists nor BASIC have it."""
    assert not any(line.HasField("good_until") for one in run.portfolios for line in one.positions)
    checked = 0
    for one in run.portfolios[:: sized(3, 1)]:
        whole = run.api.portfolio(one.rebalance_id, one.portfolio_id)
        assert all(line.HasField("good_until") == one.HasField("solution") for line in whole.positions)
        for place, line in enumerate(whole.positions):
            check_range(whole, place, line.good_until)
            checked += 1
    assert checked > PORTFOLIOS


def test_what_was_told_is_what_is_stored(run: Run) -> None:
    assert run.api.run(run.finished.rebalance_id) == run.finished
    for one in run.portfolios:
        assert as_streamed(run.api.portfolio(one.rebalance_id, one.portfolio_id)) == one


def listed(
    run: Run, state: "pb.PortfolioRebalanceState.ValueType" = pb.PORTFOLIO_REBALANCE_STATE_UNSPECIFIED
) -> list[pb.PortfolioRebalance]:
    """All pages, ten at a time."""
    found: list[pb.PortfolioRebalance] = []
    token = ""
    while True:
        request = rebalance_service_pb2.ListPortfolioRebalancesRequest(
            rebalance_id=run.finished.rebalance_id, page_size=10, page_token=token, state=state
        )
        page = run.api.rebalances.ListPortfolioRebalances(request, timeout=PATIENCE)
        found += page.portfolio_rebalances
        token = page.next_page_token
        if not token:
            return [as_streamed(one) for one in found]


def without_positions(portfolios: list[pb.PortfolioRebalance]) -> list[pb.PortfolioRebalance]:
    copies = [pb.PortfolioRebalance.FromString(one.SerializeToString()) for one in portfolios]
    for one in copies:
        one.ClearField("positions")
    return sorted(copies, key=lambda one: one.portfolio_id)


def test_the_pages_of_the_run_leave_positions_out(run: Run) -> None:
    assert listed(run) == without_positions(run.portfolios)


def test_the_pages_of_a_state(run: Run) -> None:
    for state in SOLVED:
        assert listed(run, state) == without_positions([one for one in run.portfolios if one.state == state])


def test_the_run_is_found_by_its_model_and_its_portfolios(run: Run) -> None:
    def found(**arguments: object) -> list[pb.Rebalance]:
        request = rebalance_service_pb2.ListRebalancesRequest(**arguments)  # type: ignore[arg-type]
        return list(run.api.rebalances.ListRebalances(request, timeout=PATIENCE).rebalances)

    assert found(model_id=run.model.model_id) == [run.finished]
    assert found(portfolio_ids=[run.model.portfolio_ids[7]]) == [run.finished]
    assert found(model_id="f" * 24) == []


def test_the_model_knows_that_it_was_rebalanced(run: Run) -> None:
    """Its version stays."""
    stored = run.api.get(run.model.model_id)
    assert stored.last_rebalance_time == run.finished.finish_time
    assert (stored.version, stored.update_time) == (run.model.version, run.model.update_time)


BASIC = pb.PORTFOLIO_REBALANCE_VIEW_BASIC


def test_a_basic_view_has_all_but_the_positions(run: Run) -> None:
    """Of one portfolio, of the run from any point on, and of a run that is computed alone."""
    rs = rebalance_service_pb2
    rebalance_id, first = run.finished.rebalance_id, run.portfolios[0]
    one = rs.GetPortfolioRebalanceRequest(
        rebalance_id=rebalance_id, portfolio_id=first.portfolio_id, view=BASIC
    )
    basic = run.api.rebalances.GetPortfolioRebalance(one, timeout=PATIENCE)
    assert as_streamed(basic) == without_positions([first])[0]
    rest = rs.WatchRebalanceRequest(rebalance_id=rebalance_id, after_sequence=5, view=BASIC)
    told = list(run.api.rebalances.WatchRebalance(rest, timeout=PATIENCE))
    assert [one.sequence for one in told] == list(range(6, PORTFOLIOS + 3))
    assert all(not one.portfolio.positions for one in told)
    assert without_positions([one.portfolio for one in told[:-1]]) == without_positions(run.portfolios[4:])
    preview = rs.RebalanceModelRequest(model_id=run.model.model_id, validate_only=True, view=BASIC)
    shown = [one.portfolio for one in run.api.rebalances.RebalanceModel(preview, timeout=PATIENCE)][1:-1]
    assert {one.portfolio_id: list(one.transactions) for one in shown} == {
        one.portfolio_id: list(one.transactions) for one in run.portfolios
    }
    assert all(not one.positions for one in shown)


def test_who_watches_again_gets_what_the_first_got(run: Run) -> None:
    """Encoded once, for all."""
    request = rebalance_service_pb2.WatchRebalanceRequest(rebalance_id=run.finished.rebalance_id)
    for _ in range(2):
        assert list(run.api.rebalances.WatchRebalance(request, timeout=PATIENCE)) == run.responses


def test_a_result_that_is_damaged_in_the_database_is_told_as_such(run: Run, mongodb_uri: str) -> None:
    """Not read as other numbers; the others are read as before."""
    damaged, other, *_ = (one for one in run.portfolios if one.positions)  # which come first is not told
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        stored = client[run.database]["portfolio_rebalances"]
        query = {"portfolio_id": damaged.portfolio_id}
        lines = (stored.find_one(query) or {})["lines"]
        stored.update_one(query, {"$set": {"lines": lines[:-1] + bytes([lines[-1] ^ 1])}})
        try:
            found = failure(lambda: run.api.portfolio(run.finished.rebalance_id, damaged.portfolio_id))
            assert (found.code, found.info.reason) == (grpc.StatusCode.DATA_LOSS, "STORED_DATA_DAMAGED")
            assert as_streamed(run.api.portfolio(run.finished.rebalance_id, other.portfolio_id)) == other
        finally:
            stored.update_one(query, {"$set": {"lines": lines}})
    assert as_streamed(run.api.portfolio(run.finished.rebalance_id, damaged.portfolio_id)) == damaged
