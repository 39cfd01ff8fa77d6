"""What has no usable price is frozen while the rest trades: through a real port, over both transports."""

import json
from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path

import pytest
from click.testing import CliRunner
from globeco.ordergen.v1 import model_pb2, rebalance_pb2, rebalance_service_pb2
from google.protobuf.message import Message
from grpc import StatusCode

from ordergen_client import Client, MissingData, PriceProblem, RebalanceOptions
from ordergen_client.cli import main
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, failure, message_of, served
from tests.e2e.desks import Desk
from tests.e2e.outcomes import as_streamed, inputs, outcome
from tests.limits import PATIENCE
from tests.report_pages import read_page
from tests.summaries import check_summary
from tests.verification import verify

pb = rebalance_pb2
FREEZE = pb.RebalanceOptions(unpriced=pb.UNPRICED_FREEZE)
#: The eight last portfolios; of these the third holds what its model does not list.
FIRST, HOLDER = 17, 2


def few(siblings: SimulatedSiblings) -> model_pb2.Model:
    sent = message_of(siblings.model)
    del sent.portfolio_ids[:FIRST]
    return sent


def held_outside(siblings: SimulatedSiblings, portfolio_id: str) -> str:
    """A security that a portfolio holds and its model does not list."""
    wanted = {position.security_id for position in siblings.model.positions}
    return next(key for key in held(siblings, portfolio_id) if key not in wanted)


def held(siblings: SimulatedSiblings, portfolio_id: str) -> dict[str, Decimal]:
    number = siblings.portfolios.number_of(portfolio_id)
    assert number is not None
    return dict(siblings.portfolios.portfolio(number).holdings)


def check(siblings: SimulatedSiblings, answer: pb.PortfolioRebalance, problems: Mapping[str, int]) -> None:
    """Every frozen line is as it was; all others are those of a portfolio that has nothing else."""
    frozen = {one.security_id: one for one in answer.positions if one.reason == pb.POSITION_REASON_FROZEN}
    quantities = held(siblings, answer.portfolio_id)
    listed = {position.security_id for position in siblings.model.positions}
    assert {key: one.price_problem for key, one in frozen.items()} == {
        key: problem for key, problem in problems.items() if key in listed or quantities.get(key)
    }
    assert answer.frozen_count == len(frozen)
    for key, one in frozen.items():
        before, after = one.original_quantity.value, one.adjusted_quantity.value
        assert Decimal(before) == Decimal(after) == quantities.get(key, Decimal(0))
        assert (one.ticker, one.trade_quantity) == (siblings.portfolios.market.by_id[key].ticker, 0)
        for name in ("price", "original_market_value", "adjusted_market_value", "actual", "good_until"):
            assert not one.HasField(name)
    ids = [one.security_id for one in answer.positions]
    assert ids == sorted(ids)
    part = copied(answer)
    del part.positions[:]
    part.positions.extend(one for one in answer.positions if one.security_id not in frozen)
    given = inputs(siblings, answer.portfolio_id)
    priced = replace(
        given,
        quantities={key: one for key, one in given.quantities.items() if key not in problems},
        weights={key: one for key, one in given.weights.items() if key not in problems},
    )
    verify(outcome(part), priced)


def copied(answer: pb.PortfolioRebalance) -> pb.PortfolioRebalance:
    return pb.PortfolioRebalance.FromString(answer.SerializeToString())


def comparable(answer: pb.PortfolioRebalance) -> Message:
    """Without what is another run's, or of a clock."""
    found = as_streamed(answer)
    for name in ("rebalance_id", "snapshot_time"):
        found.ClearField(name)
    found.solution.ClearField("solve_duration")
    return found


@pytest.mark.parametrize("over_grpc", [False, True], ids=["http", "grpc"])
def test_an_unpriced_holding_is_frozen_while_the_rest_trades(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings, over_grpc: bool
) -> None:
    """One of the model and one beside it; alone, in a run, stored, listed, and told again."""
    sent = few(siblings)
    holder = sent.portfolio_ids[HOLDER]
    outside, inside = held_outside(siblings, holder), sent.positions[0].security_id
    siblings.override_price(outside, None)
    siblings.override_price(inside, "0")
    problems = {outside: pb.PRICE_PROBLEM_MISSING_DATA, inside: pb.PRICE_PROBLEM_BAD_DATA}
    with served(mongodb_uri, database_name, siblings, over_grpc=over_grpc) as api:
        model = api.create(sent)
        refused = failure(lambda: api.rebalance(holder))
        assert (refused.code, refused.info.reason) == (StatusCode.FAILED_PRECONDITION, "BAD_DATA")
        answer = api.rebalance(holder, FREEZE)
        assert (answer.state, len(answer.transactions) > 0) == (pb.PORTFOLIO_REBALANCE_STATE_REBALANCED, True)
        check(siblings, as_streamed(answer), problems)
        assert api.portfolio(answer.rebalance_id, holder) == answer
        check_run(api, siblings, model, problems, answer)


def check_run(
    api: Api,
    siblings: SimulatedSiblings,
    model: model_pb2.Model,
    problems: Mapping[str, int],
    alone: pb.PortfolioRebalance,
) -> None:
    """Solved together they have the answers that each has by itself."""
    told = list(api.rebalance_all(model.model_id, FREEZE))
    results = {one.portfolio.portfolio_id: one.portfolio for one in told[1:-1]}
    ended = told[-1].finished
    assert (ended.state, ended.options.unpriced) == (pb.REBALANCE_STATE_COMPLETED, pb.UNPRICED_FREEZE)
    check_summary(ended, results.values())
    assert ended.summary.frozen_count >= len(results)
    assert comparable(results[alone.portfolio_id]) == comparable(alone)
    for portfolio_id, one in results.items():
        if one.HasField("solution"):
            check(siblings, one, problems)
        request = rebalance_service_pb2.RebalancePortfolioRequest(
            portfolio_id=portfolio_id, options=FREEZE, validate_only=True
        )
        single = api.rebalances.RebalancePortfolio(request, timeout=PATIENCE)
        assert comparable(single) == comparable(one)
        assert as_streamed(api.portfolio(ended.rebalance_id, portfolio_id)) == one
    listing = rebalance_service_pb2.ListPortfolioRebalancesRequest(rebalance_id=ended.rebalance_id)
    rows = api.rebalances.ListPortfolioRebalances(listing, timeout=PATIENCE).portfolio_rebalances
    assert {one.portfolio_id: one.frozen_count for one in rows} == {
        key: one.frozen_count for key, one in results.items()
    }


def test_a_price_that_is_too_old_is_frozen(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    """And nothing else is: what the server is configured with holds as what a call asks for."""
    sent = few(siblings)
    holder = sent.portfolio_ids[HOLDER]
    security = held_outside(siblings, holder)
    old = datetime.now(UTC).date() - timedelta(days=500)
    siblings.override_price_date(security, old)
    with served(mongodb_uri, database_name, siblings, maximum_price_age_days=400) as api:
        api.create(sent)
        answer = api.rebalance(holder, FREEZE)
        check(siblings, as_streamed(answer), {security: pb.PRICE_PROBLEM_STALE_PRICE})
        [line] = [one for one in answer.positions if one.security_id == security]
        assert (line.price_date.year, line.price_date.month, line.price_date.day) == (
            old.year,
            old.month,
            old.day,
        )
        younger = pb.RebalanceOptions(unpriced=pb.UNPRICED_FREEZE, maximum_price_age_days=600)
        assert api.rebalance(holder, younger).frozen_count == 0


def test_who_holds_nothing_with_a_price_and_no_cash_has_no_market_value(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    sent = few(siblings)
    holder, security = sent.portfolio_ids[HOLDER], sent.positions[0].security_id
    siblings.override_price(security, None)
    siblings.override_holdings(holder, Decimal(0), {security: Decimal(7)})
    with served(mongodb_uri, database_name, siblings) as api:
        api.create(sent)
        found = failure(lambda: api.rebalance(holder, FREEZE))
        assert found.info.reason == "MARKET_VALUE_NOT_POSITIVE"
        assert siblings.portfolios.market.by_id[security].ticker in found.message


def test_a_security_that_is_not_known_and_pricing_that_is_down_still_fail(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    sent = few(siblings)
    holder = sent.portfolio_ids[HOLDER]
    siblings.forget_security(held_outside(siblings, holder))
    with served(mongodb_uri, database_name, siblings) as api:
        api.create(sent)
        assert failure(lambda: api.rebalance(holder, FREEZE)).info.reason == "MISSING_DATA"
    siblings.set_faults("pricing", [Fault(kind="status", status=503)])
    with served(mongodb_uri, database_name, siblings) as api:
        assert failure(lambda: api.rebalance(holder, FREEZE)).code == StatusCode.UNAVAILABLE


def test_the_client_and_the_command_freeze_and_tell_it(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    """In tables, for programs, in exports that are checked, pages and workbooks."""
    sent = few(siblings)
    security = sent.positions[0].security_id
    ticker = siblings.portfolios.market.by_id[security].ticker
    siblings.override_price(security, None)
    with served(mongodb_uri, database_name, siblings) as api:
        desk = Desk(api, database_name, api.create(sent))
        with Client(f"127.0.0.1:{api.port}") as client:
            with pytest.raises(MissingData):
                client.portfolios.rebalance(sent.portfolio_ids[0])
            answer = client.portfolios.rebalance(sent.portfolio_ids[0], RebalanceOptions(unpriced="FREEZE"))
            [line] = [one for one in answer.positions if one.reason == "FROZEN"]
            assert (line.security_id, line.price, line.price_problem) == (
                security,
                None,
                PriceProblem.MISSING_DATA,
            )
            assert (line.adjusted_market_value, line.actual, answer.frozen_count) == (None, None, 1)
        run = json.loads(desk.done("rebalance", sent.name, "--wait", "--json", "--unpriced", "freeze"))
        rows = {one["portfolio_id"]: one["frozen_count"] for one in run["portfolios"]}
        assert run["options"]["unpriced"] == "FREEZE"
        assert run["summary"]["frozen_count"] == sum(rows.values()) >= 6
        table = " ".join(desk.done("runs", "show", run["rebalance_id"]).split())
        assert f"Frozen {sum(rows.values())} positions of {sum(map(bool, rows.values()))} portfolios" in table
        shown = desk.done("runs", "show", run["rebalance_id"], sent.portfolio_ids[0])
        assert f"{ticker}: no usable price, kept as held" in " ".join(shown.split())
        assert "frozen: it has no price" in " ".join(shown.split())
        check_files(desk, run["rebalance_id"], tmp_path)


def check_files(desk: Desk, rebalance_id: str, folder: Path) -> None:
    export, page, book = (folder / f"run.{ending}" for ending in ("jsonl", "html", "xlsx"))
    desk.done("runs", "export", rebalance_id, "-o", str(export))
    verified = CliRunner().invoke(main, ["verify", str(export), "--prove"])
    assert verified.exit_code == 0, verified.output
    assert "without a usable price" in verified.output
    desk.done("report", rebalance_id, "-o", str(page))
    assert "without a usable price, kept as held" in read_page(page).text
    desk.done("runs", "export", rebalance_id, "-o", str(book))
    assert book.stat().st_size
