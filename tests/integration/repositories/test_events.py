"""Events of runs in a real database: in the order in which they became true, and longer than the run."""

from dataclasses import replace
from datetime import timedelta
from typing import cast

import pytest
from pymongo.client_session import ClientSession

from ordergen_server.domain.errors import InvalidArgument, NotFound
from ordergen_server.domain.orders.events import NAMED_PORTFOLIOS, EventType, RebalanceEvent
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.stores import Lease, LeaseLost, Request, RunOrder
from ordergen_server.domain.subjects import NOBODY, CredentialType, Subject
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.review_store.events import EventLog, Events
from ordergen_server.repositories.review_store.reviews import Reviews
from ordergen_server.repositories.run_store.rebalances import Rebalances
from tests.builders import NOW, RUN_ID, portfolio_id, position, rebalance, result

LEASE = Lease("token", 60)
ANN = Subject("ann", frozenset(), CredentialType.TOKEN)
REQUEST = Request("16fd2706-8baf-433b-82eb-8c7fada847da", "body")


@pytest.fixture
def events(database: Database) -> Events:
    return Events(database, PageTokens(b"key of the tests"))


def begin(runs: Rebalances, count: int = 2) -> str:
    run = replace(rebalance(run_id=runs.new_id(), portfolio_count=count), actor="ann", authenticated=True)
    ids = [portfolio_id(number) for number in range(count)]
    return runs.begin(RunOrder(run, (position(1),), 3600), ids, LEASE, None).rebalance_id


def told(events: Events, rebalance_id: str) -> tuple[RebalanceEvent, ...]:
    return events.find(rebalance_id, PageRequest(1000)).items


def note(number: int) -> RebalanceEvent:
    return RebalanceEvent(EventType.SUBMITTED, NOW, f"person {number}", authenticated=False)


def append(database: Database, rebalance_id: str, *numbers: int) -> list[int]:
    log = EventLog(database)

    def steps(session: ClientSession) -> list[int]:
        return [log.append(rebalance_id, note(number), session) for number in numbers]

    return database.transaction(steps)


def test_a_run_begins_with_an_event(runs: Rebalances, events: Events) -> None:
    rebalance_id = begin(runs)
    ids = (portfolio_id(0), portfolio_id(1))
    started = RebalanceEvent(
        EventType.STARTED, NOW, "ann", authenticated=True, portfolio_count=2, portfolio_ids=ids
    )
    assert told(events, rebalance_id) == (started,)


def test_a_run_of_very_many_portfolios_names_the_first(runs: Rebalances, events: Events) -> None:
    (started,) = told(events, begin(runs, NAMED_PORTFOLIOS + 1))
    assert (started.portfolio_count, len(started.portfolio_ids)) == (NAMED_PORTFOLIOS + 1, NAMED_PORTFOLIOS)


def test_a_run_of_one_portfolio_begins_with_one_however_often_it_is_asked_for(
    runs: Rebalances, events: Events
) -> None:
    one = replace(rebalance(run_id=runs.new_id()), state=RebalanceState.COMPLETED, actor="bob")
    for rebalance_id in (one.rebalance_id, runs.new_id()):
        again = replace(one, rebalance_id=rebalance_id)
        found = result(run_id=rebalance_id, state=PortfolioState.REBALANCED)
        assert runs.save_whole(again, found, REQUEST).rebalance_id == one.rebalance_id
    (started,) = told(events, one.rebalance_id)
    assert (started.type, started.actor, started.authenticated) == (EventType.STARTED, "bob", False)


def test_who_cancels_first_is_told_once(runs: Rebalances, events: Events) -> None:
    rebalance_id = begin(runs)
    later = NOW + timedelta(seconds=1)
    runs.request_cancel(rebalance_id, ANN, later)
    runs.request_cancel(rebalance_id, NOBODY, NOW)
    (_, cancelled) = told(events, rebalance_id)
    assert cancelled == RebalanceEvent(
        EventType.CANCELLED, later, "ann", authenticated=True, portfolio_count=2
    )


def test_a_run_that_has_ended_cannot_be_cancelled_and_no_event_says_so(
    runs: Rebalances, events: Events
) -> None:
    rebalance_id = begin(runs)
    ended = replace(runs.get(rebalance_id), state=RebalanceState.FAILED, finish_time=NOW)
    runs.finish(ended, LEASE)
    runs.request_cancel(rebalance_id, ANN, NOW)
    assert len(told(events, rebalance_id)) == 1


def test_who_left_a_run_that_ended_by_it_is_told_once(runs: Rebalances, events: Events) -> None:
    rebalance_id = begin(runs)
    runs.finish(replace(runs.get(rebalance_id), state=RebalanceState.CANCELLED, finish_time=NOW), LEASE)
    for by in (ANN, NOBODY):
        runs.request_cancel(rebalance_id, by, NOW)
    assert [(one.type, one.actor) for one in told(events, rebalance_id)] == [
        (EventType.STARTED, "ann"),
        (EventType.CANCELLED, "ann"),
    ]


def test_events_of_one_transaction_are_there_together_or_not_at_all(
    runs: Rebalances, events: Events, database: Database
) -> None:
    rebalance_id = begin(runs)
    log = EventLog(database)

    def fail(session: ClientSession) -> None:
        log.append(rebalance_id, note(1), session)
        raise LeaseLost

    with pytest.raises(LeaseLost):
        database.transaction(fail)
    assert append(database, rebalance_id, 2, 3) == [2, 3]
    assert told(events, rebalance_id)[1:] == (note(2), note(3))


def test_pages_have_every_event_once(runs: Rebalances, events: Events, database: Database) -> None:
    rebalance_id = begin(runs)
    append(database, rebalance_id, *range(7))
    found: list[RebalanceEvent] = []
    token = ""
    while True:
        page = events.find(rebalance_id, PageRequest(3, token))
        found += page.items
        token = page.next_token
        if not token:
            break
        append(database, rebalance_id, 90) if len(found) == 3 else None
    assert found[1:] == [*map(note, range(7)), note(90)]


def test_a_token_of_another_run_is_none(runs: Rebalances, events: Events, database: Database) -> None:
    one = begin(runs)
    append(database, one, 1)
    token = events.find(one, PageRequest(1)).next_token
    with pytest.raises(InvalidArgument):
        events.find(RUN_ID, PageRequest(1, token))


def as_earlier(database: Database, rebalance_id: str) -> None:
    """As servers stored it that wrote the first event beside the header."""
    header = database.collection("rebalances").find_one_and_update({}, {"$unset": {"first_event": ""}})
    assert header is not None
    first = cast("dict[str, object]", header["first_event"])
    database.collection("rebalance_events").insert_one({"rebalance_id": rebalance_id, **first})


@pytest.mark.parametrize("earlier", [False, True])
def test_events_outlive_their_run(
    runs: Rebalances, events: Events, database: Database, *, earlier: bool
) -> None:
    rebalance_id = begin(runs)
    append(database, rebalance_id, 1)
    if earlier:
        as_earlier(database, rebalance_id)
    runs.finish(replace(runs.get(rebalance_id), state=RebalanceState.FAILED, finish_time=NOW), LEASE)
    before = told(events, rebalance_id)
    assert [one.type for one in before] == [EventType.STARTED, EventType.SUBMITTED]
    runs.delete(rebalance_id, runs.get(rebalance_id).version)
    assert told(events, rebalance_id) == before
    with pytest.raises(NotFound):
        append(database, rebalance_id, 1)
    with pytest.raises(NotFound):
        events.find(RUN_ID, PageRequest())


def test_a_deletion_that_was_cut_short_loses_and_doubles_no_event(
    runs: Rebalances, events: Events, monkeypatch: pytest.MonkeyPatch
) -> None:
    rebalance_id = begin(runs)
    runs.finish(replace(runs.get(rebalance_id), state=RebalanceState.FAILED, finish_time=NOW), LEASE)
    before, version = told(events, rebalance_id), runs.get(rebalance_id).version

    def die(*_: object) -> None:
        raise LeaseLost

    with monkeypatch.context() as patched:
        patched.setattr(Reviews, "delete", die)
        with pytest.raises(LeaseLost):
            runs.delete(rebalance_id, version)
    assert told(events, rebalance_id) == before
    runs.delete(rebalance_id, version)
    assert told(events, rebalance_id) == before


def test_a_run_of_before_events_were_kept_has_none_and_gets_some(
    runs: Rebalances, events: Events, database: Database
) -> None:
    rebalance_id = begin(runs)
    database.collection("rebalances").update_one({}, {"$unset": {"event_count": "", "first_event": ""}})
    assert told(events, rebalance_id) == ()
    assert append(database, rebalance_id, 1) == [1]
    assert told(events, rebalance_id) == (note(1),)
