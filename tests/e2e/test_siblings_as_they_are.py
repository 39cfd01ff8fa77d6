"""Runs over siblings that answer as the real ones do; what is stored is checked against what they hold."""

from collections.abc import Iterator, Mapping
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction

import pytest
from globeco.ordergen.v1 import model_pb2, rebalance_pb2
from grpc import StatusCode

from ordergen_server.sandbox.market.portfolios import Kind
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.e2e.api import Api, message_of, served, stored_failure
from tests.e2e.outcomes import as_streamed, inputs, outcome
from tests.e2e.runs import check_answers, check_stored, check_told, counts
from tests.verification import verify
from tests.waiting import eventually

pb = rebalance_pb2
#: Seconds: whoever waits before trying again has no time left, and fails.
NO_PAUSE = 3_600.0
PATIENT = 60.0


@pytest.fixture(scope="module")
def real() -> Iterator[SimulatedSiblings]:
    """Siblings of a market wide enough for a portfolio of 1,200 holdings."""
    with SimulatedSiblings(portfolios=240, positions=20, securities=1_300) as running:
        yield running


@pytest.fixture
def siblings(real: SimulatedSiblings) -> SimulatedSiblings:
    real.clear()
    return real


@pytest.fixture
def api(mongodb_uri: str, database_name: str, siblings: SimulatedSiblings) -> Iterator[Api]:
    """A server whose calls to siblings succeed at once, or not at all."""
    with served(
        mongodb_uri,
        database_name,
        siblings,
        sibling_timeout_seconds=PATIENT,
        sibling_backoff_seconds=NO_PAUSE,
    ) as running:
        yield running


def of_kind(siblings: SimulatedSiblings, kind: Kind, count: int) -> list[str]:
    """The first portfolios of a kind."""
    ids = siblings.model.portfolio_ids
    found = [one for number, one in enumerate(ids) if siblings.portfolios.kind(number) is kind]
    assert len(found) >= count
    return found[:count]


def followed_by(api: Api, siblings: SimulatedSiblings, portfolio_ids: list[str]) -> model_pb2.Model:
    sent = message_of(siblings.model, portfolios=0)
    sent.portfolio_ids.extend(portfolio_ids)
    return api.create(sent)


class Run:
    """A run that ended: told without a gap, stored whole, and read back from the store."""

    def __init__(self, api: Api, model: model_pb2.Model, mongodb_uri: str, database_name: str) -> None:
        told = list(api.rebalance_all(model.model_id))
        self.ended = check_told(told, list(model.portfolio_ids))
        check_stored(mongodb_uri, database_name, self.ended)
        assert api.run(self.ended.rebalance_id) == self.ended
        rebalance_id = self.ended.rebalance_id
        asked = {one: api.portfolio(rebalance_id, one) for one in model.portfolio_ids}
        self.portfolios = {key: as_streamed(one) for key, one in asked.items()}
        assert list(self.portfolios.values()) == [
            {one.portfolio.portfolio_id: one.portfolio for one in told[1:-1]}[key] for key in self.portfolios
        ]


def test_three_new_portfolios_of_forty_need_nothing(
    mongodb_uri: str,
    database_name: str,
    api: Api,
    siblings: SimulatedSiblings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Each is a 500 of the real service: no call is tried again, and no breaker hears of it."""
    new = of_kind(siblings, Kind.NEW, 3)
    others = [one for one in siblings.model.portfolio_ids if one not in of_kind(siblings, Kind.NEW, 12)]
    model = followed_by(api, siblings, [*others[:20], *new, *others[20:37]])
    run = Run(api, model, mongodb_uri, database_name)
    assert siblings.calls("accounting") == {"summary": 40, "balances": 3}
    assert not [one for one in caplog.records if "breaker" in one.message]
    told_new = {one.portfolio_id: one for one in run.portfolios.values() if one.portfolio_id in new}
    assert {one.state for one in told_new.values()} == {pb.PORTFOLIO_REBALANCE_STATE_NO_ACTION}
    assert {Fraction(one.market_value.value) for one in told_new.values()} == {0}
    assert sum(len(one.transactions) + len(one.positions) for one in told_new.values()) == 0
    check_answers(siblings, list(run.portfolios.values()))
    assert counts(run.ended)["NO_ACTION"] >= 3
    assert set(counts(run.ended)) <= {"REBALANCED", "NO_ACTION"}
    assert run.ended.state == pb.REBALANCE_STATE_COMPLETED


def test_a_run_of_new_portfolios_alone(
    mongodb_uri: str,
    database_name: str,
    api: Api,
    siblings: SimulatedSiblings,
    caplog: pytest.LogCaptureFixture,
) -> None:
    model = followed_by(api, siblings, of_kind(siblings, Kind.NEW, 12))
    run = Run(api, model, mongodb_uri, database_name)
    assert (run.ended.state, counts(run.ended)) == (pb.REBALANCE_STATE_COMPLETED, {"NO_ACTION": 12})
    check_answers(siblings, list(run.portfolios.values()))
    assert siblings.calls("accounting") == {"summary": 12, "balances": 12}
    assert not [one for one in caplog.records if "breaker" in one.message]
    assert not api.get(model.model_id).HasField("last_rebalance_time")


def test_a_new_portfolio_needs_no_price(api: Api, siblings: SimulatedSiblings) -> None:
    """Not even of a security of its model that is orphaned."""
    new = of_kind(siblings, Kind.NEW, 1)
    followed_by(api, siblings, new)
    siblings.orphan_security(siblings.model.positions[0].security_id)
    assert api.rebalance(new[0]).state == pb.PORTFOLIO_REBALANCE_STATE_NO_ACTION


def wide_holdings(siblings: SimulatedSiblings, count: int) -> Mapping[str, Decimal]:
    """So many holdings, those of the model among them; some are short, some are parts of a share."""
    every = sorted(siblings.portfolios.market.by_id)
    model = {one.security_id for one in siblings.model.positions}
    chosen = sorted([*model, *[one for one in every if one not in model][: count - len(model)]])
    odd = {3: Decimal(-2), 5: Decimal("2.5")}
    return {one: odd.get(place % 40, Decimal(place % 7 + 1)) for place, one in enumerate(chosen)}


def test_a_portfolio_of_1200_holdings_is_rebalanced_whole(
    mongodb_uri: str, database_name: str, api: Api, siblings: SimulatedSiblings
) -> None:
    """Its summary is cut in silence after 999 of them."""
    wide, *others = of_kind(siblings, Kind.ORDINARY, 3)
    held, cash = wide_holdings(siblings, 1_200), Decimal("2500000.50")
    siblings.override_holdings(wide, cash, held)
    run = Run(api, followed_by(api, siblings, [wide, *others]), mongodb_uri, database_name)
    assert siblings.calls("accounting") == {"summary": 3, "balances": 2}
    answer = run.portfolios.pop(wide)
    assert len(answer.positions) == 1_200
    quantities = {key: Fraction(quantity) for key, quantity in held.items()}
    given = replace(inputs(siblings, wide), cash=Fraction(cash), quantities=quantities)
    verify(outcome(answer), given)
    check_answers(siblings, list(run.portfolios.values()))
    assert run.ended.state == pb.REBALANCE_STATE_COMPLETED


def test_a_list_of_securities_that_is_refused_fails_nobody_who_does_not_need_the_orphan(
    mongodb_uri: str, database_name: str, api: Api, siblings: SimulatedSiblings
) -> None:
    """Two of the portfolios hold securities that their model does not have."""
    ids = [*of_kind(siblings, Kind.ORDINARY, 4), *of_kind(siblings, Kind.OUTSIDE, 2)]
    needed = {one.security_id for one in siblings.model.positions}
    for one in ids:
        needed |= set(inputs(siblings, one).quantities)
    assert len(needed) > len(siblings.model.positions)
    orphan = next(one for one in siblings.portfolios.market.by_id if one not in needed)
    siblings.orphan_security(orphan)
    run = Run(api, followed_by(api, siblings, ids), mongodb_uri, database_name)
    assert (run.ended.state, run.ended.failed_count) == (pb.REBALANCE_STATE_COMPLETED, 0)
    assert len({one.snapshot_time.ToNanoseconds() for one in run.portfolios.values()}) == 1
    check_answers(siblings, list(run.portfolios.values()))
    assert siblings.calls("pricing") == {"prices": 1}
    assert set(siblings.calls("security")) == {"securities", "security"}


def test_an_orphaned_security_fails_who_holds_it_and_no_other(
    mongodb_uri: str, database_name: str, api: Api, siblings: SimulatedSiblings
) -> None:
    poor = of_kind(siblings, Kind.OUTSIDE, 1)[0]
    ids = [*of_kind(siblings, Kind.ORDINARY, 4), poor]
    model = {one.security_id for one in siblings.model.positions}
    orphan = next(one for one in inputs(siblings, poor).quantities if one not in model)
    siblings.orphan_security(orphan)
    run = Run(api, followed_by(api, siblings, ids), mongodb_uri, database_name)
    failed = run.portfolios.pop(poor)
    assert failed.state == pb.PORTFOLIO_REBALANCE_STATE_FAILED
    error = stored_failure(failed.error)
    assert (error.code, error.info.reason) == (StatusCode.FAILED_PRECONDITION, "MISSING_DATA")
    assert error.info.metadata["security_id"] == orphan
    assert (run.ended.state, run.ended.failed_count) == (pb.REBALANCE_STATE_COMPLETED_WITH_ERRORS, 1)
    check_answers(siblings, list(run.portfolios.values()))


def test_names_that_take_five_seconds_reach_those_who_come_later(
    mongodb_uri: str, database_name: str, api: Api, siblings: SimulatedSiblings
) -> None:
    """Longer than any caller waits; they are read once, and then a run has all of them."""
    siblings.set_faults("portfolio", [Fault(kind="delay", endpoint="portfolios", delay_seconds=5)])
    ids = of_kind(siblings, Kind.ORDINARY, 4)
    model = followed_by(api, siblings, ids)
    assert eventually(lambda: api.rebalance(ids[0]).portfolio_name != "", PATIENT)
    run = Run(api, model, mongodb_uri, database_name)
    names = {one: siblings.portfolios.name(siblings.portfolios.number_of(one) or 0) for one in ids}
    assert {one: answer.portfolio_name for one, answer in run.portfolios.items()} == names
    assert siblings.calls("portfolio") == {"portfolios": 1}
    check_answers(siblings, list(run.portfolios.values()))
