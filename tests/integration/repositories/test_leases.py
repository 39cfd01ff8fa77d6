"""Who holds a run in a real database: fenced, atomic, taken over by one, repeated safely."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import datetime, timedelta
from decimal import Decimal
from threading import Barrier
from typing import cast

import pytest

from ordergen_server.domain.errors import (
    BadData,
    DataProblem,
    InvalidArgument,
    MissingData,
    NotFound,
    PreconditionFailed,
    RebalanceInProgress,
    Resource,
    SiblingUnavailable,
    VersionMismatch,
    Violation,
)
from ordergen_server.domain.market import MarketSnapshot, Price, Quote, missing
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.domain.stores import Lease, LeaseLost, Request, RunOrder
from ordergen_server.domain.subjects import NOBODY, Subject, acting_as
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.market import kept_markets
from ordergen_server.repositories.run_store.rebalances import Rebalances
from tests.builders import NOW, RUN_ID, portfolio_id, position, rebalance, result, security_id
from tests.stored_chunks import append

RUN_SECONDS = 3600
LATER = NOW + timedelta(seconds=60)
MINE, OTHERS = Lease("mine", 3600), Lease("another's", 3600)
#: Held by nobody any more.
OVER = replace(MINE, seconds=0)
REQUEST = Request("16fd2706-8baf-433b-82eb-8c7fada847da", "body")


def order(run: Rebalance) -> RunOrder:
    return RunOrder(run, (position(1), position(2, "0.2")), RUN_SECONDS)


def is_of(taken: RunOrder | None, run: Rebalance) -> bool:
    """Whether what was taken over is a run, with the time that it still has."""
    return (
        taken is not None
        and taken == replace(order(run), seconds_left=taken.seconds_left)
        and 0 < taken.seconds_left <= RUN_SECONDS
    )


def begin(
    runs: Rebalances,
    run: Rebalance | None = None,
    *,
    lease: Lease = MINE,
    request: Request | None = None,
) -> Rebalance:
    started = run or rebalance(run_id=runs.new_id(), portfolio_count=3)
    ids = [portfolio_id(number) for number in range(started.portfolio_count)]
    return runs.begin(order(started), ids, lease, request)


def stored(database: Database, name: str = "portfolio_rebalances") -> int:
    return database.collection(name).count_documents({})


def test_who_has_lost_a_run_cannot_write_into_it(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    """Not results, not its end, not its lease; and what it tried left nothing."""
    run = begin(runs, lease=OVER)
    assert is_of(runs.take_over(OTHERS), run)
    writes: list[Callable[[], object]] = [
        lambda: append(chunks, [result(run_id=run.rebalance_id)], MINE),
        lambda: runs.renew(run.rebalance_id, MINE),
        lambda: runs.finish(replace(run, state=RebalanceState.FAILED, finish_time=NOW), MINE),
    ]
    for write in writes:
        with pytest.raises(LeaseLost):
            write()
    assert runs.get(run.rebalance_id) == run
    assert (stored(database), stored(database, "rebalance_work")) == (0, 1)
    assert append(chunks, [result(run_id=run.rebalance_id)], OTHERS) is False


def test_whoever_takes_a_run_over_leaves_it_to_who_began_it(runs: Rebalances) -> None:
    with acting_as(Subject("somebody else")):
        run = begin(runs, replace(rebalance(run_id=runs.new_id()), actor="ann"), lease=OVER)
        taken = runs.take_over(OTHERS)
        assert taken
        assert taken.rebalance.actor == "ann"
        ended = replace(taken.rebalance, state=RebalanceState.COMPLETED, finish_time=NOW)
        assert runs.finish(ended, OTHERS).actor == "ann"
    assert runs.get(run.rebalance_id).actor == "ann"


def test_nobody_writes_into_a_run_that_has_ended(runs: Rebalances, chunks: Chunks) -> None:
    run = begin(runs)
    ended = runs.finish(replace(run, state=RebalanceState.CANCELLED, finish_time=NOW), MINE)
    with pytest.raises(LeaseLost):
        append(chunks, [result(run_id=run.rebalance_id)], MINE)
    with pytest.raises(LeaseLost):
        runs.renew(run.rebalance_id, MINE)
    with pytest.raises(LeaseLost):
        runs.finish(replace(run, state=RebalanceState.FAILED, finish_time=LATER), MINE)
    assert runs.get(run.rebalance_id) == ended
    assert runs.take_over(OTHERS) is None


def test_an_end_that_is_stored_again_is_the_same_end(runs: Rebalances) -> None:
    """Its first answer got lost on the way."""
    run = replace(begin(runs), state=RebalanceState.COMPLETED, finish_time=NOW)
    assert runs.finish(run, MINE) == runs.finish(run, MINE)


def race(count: int, call: Callable[[int], Rebalance]) -> tuple[list[Rebalance], list[RebalanceInProgress]]:
    """What becomes of a call made by so many at once."""
    barrier = Barrier(count)
    won: list[Rebalance] = []
    lost: list[RebalanceInProgress] = []

    def run(number: int) -> None:
        barrier.wait()
        try:
            won.append(call(number))
        except RebalanceInProgress as error:
            lost.append(error)

    with ThreadPoolExecutor(count) as threads:
        list(threads.map(run, range(count)))
    return won, lost


def test_of_many_beginnings_for_a_model_one_wins_and_is_named(runs: Rebalances, database: Database) -> None:
    won, lost = race(6, lambda _: begin(runs))
    assert len(won) == 1
    assert [one.metadata["rebalance_id"] for one in lost] == [won[0].rebalance_id] * 5
    assert (stored(database, "rebalances"), stored(database, "rebalance_work")) == (1, 1)


def test_many_beginnings_of_one_request_are_one_run(runs: Rebalances, database: Database) -> None:
    won, lost = race(6, lambda _: begin(runs, request=REQUEST))
    assert lost == []
    assert len({one.rebalance_id for one in won}) == 1
    assert (stored(database, "rebalances"), stored(database, "rebalance_work")) == (1, 1)


def test_the_same_request_with_another_body_is_refused(runs: Rebalances, database: Database) -> None:
    run = begin(runs, request=REQUEST)
    runs.finish(replace(run, state=RebalanceState.COMPLETED, finish_time=NOW), MINE)
    assert begin(runs, request=REQUEST).rebalance_id == run.rebalance_id
    with pytest.raises(InvalidArgument) as raised:
        begin(runs, request=replace(REQUEST, fingerprint="another"))
    assert [one.subject for one in raised.value.violations] == ["request_id"]
    with pytest.raises(InvalidArgument):
        runs.save_whole(
            rebalance(run_id=runs.new_id()), result(), replace(REQUEST, fingerprint="of one portfolio")
        )
    assert stored(database, "rebalances") == 1


def test_a_run_of_one_portfolio_is_stored_whole_and_once(runs: Rebalances, database: Database) -> None:
    """Beside a run of its model, and its request answers the first."""
    begin(runs)
    answers = set()
    for _ in range(3):
        run = replace(
            rebalance(run_id=runs.new_id()),
            state=RebalanceState.COMPLETED,
            counts={PortfolioState.NO_ACTION: 1},
            finish_time=NOW,
        )
        one = result(run_id=run.rebalance_id)
        answers.add(runs.save_whole(run, one, REQUEST).rebalance_id)
    assert len(answers) == 1
    first = answers.pop()
    assert runs.get_portfolio(first, portfolio_id(0)).sequence == 2
    assert (stored(database, "rebalances"), stored(database)) == (2, 0)  # its header has its result


def test_a_run_is_taken_over_by_one_of_many(runs: Rebalances) -> None:
    run = begin(runs, lease=OVER)

    def take(number: int) -> RunOrder | None:
        return runs.take_over(Lease(f"server {number}", 3600))

    with ThreadPoolExecutor(6) as threads:
        taken = [one for one in threads.map(take, range(6)) if one]
    assert [is_of(one, run) for one in taken] == [True]


def test_a_run_is_not_taken_over_while_its_lease_holds(runs: Rebalances) -> None:
    run = begin(runs)
    assert runs.take_over(OTHERS) is None
    runs.renew(run.rebalance_id, OVER)
    assert is_of(runs.take_over(OTHERS), run)


def test_a_lease_lasts_from_the_last_write(runs: Rebalances, chunks: Chunks, database: Database) -> None:
    """So long as it says after the time that the database has."""
    run = begin(runs, lease=OVER)
    writes: list[Callable[[Lease], object]] = [
        lambda lease: append(chunks, [result(run_id=run.rebalance_id)], lease),
        lambda lease: runs.renew(run.rebalance_id, lease),
    ]
    for seconds, write in enumerate(writes, 60):
        before = database.now()
        write(replace(MINE, seconds=seconds))
        header = database.collection("rebalances").find_one({})
        assert header is not None
        until = cast("dict[str, datetime]", header["lease"])["until"]
        assert before <= until - timedelta(seconds=seconds) <= database.now()


def test_who_holds_a_run_hears_that_it_is_to_be_cancelled(runs: Rebalances, chunks: Chunks) -> None:
    run = begin(runs)
    assert runs.renew(run.rebalance_id, MINE) is False
    assert runs.request_cancel(run.rebalance_id, NOBODY, NOW) == run
    assert runs.renew(run.rebalance_id, MINE) is True
    assert append(chunks, [result(run_id=run.rebalance_id)], MINE) is True
    ended = runs.finish(replace(run, state=RebalanceState.CANCELLED, finish_time=NOW), MINE)
    assert runs.request_cancel(run.rebalance_id, NOBODY, NOW) == ended
    with pytest.raises(NotFound):
        runs.request_cancel(RUN_ID, NOBODY, NOW)


SNAPSHOT = MarketSnapshot(
    {
        security_id(1): Quote("AAA", Decimal("10.10"), NOW.date()),
        security_id(2): missing("pricing", "price", security_id(2), "BBB"),
        security_id(3): BadData("bad", violations=[Violation("price", "is none", "BAD")]),
        security_id(4): MissingData("none", resource=Resource("Security", "x")),
    },
    NOW,
)


def test_the_market_of_a_run_is_kept_once_with_its_problems(runs: Rebalances) -> None:
    run = begin(runs)
    assert runs.kept_snapshot(run.rebalance_id) is None
    runs.keep_snapshot(run.rebalance_id, SNAPSHOT)
    runs.keep_snapshot(run.rebalance_id, MarketSnapshot({}, LATER))
    assert runs.kept_snapshot(run.rebalance_id) == SNAPSHOT


def test_the_market_of_a_run_without_a_list_is_kept_with_all_prices(runs: Rebalances) -> None:
    """By ticker, which may have points; each price or its problem."""
    prices: dict[str, Price | DataProblem] = {
        "BRK.B": Price(Decimal("411.10")),
        "CCC": Price(Decimal("1.10"), NOW.date()),
        "$X": BadData("bad", violations=[Violation("$X", "is 0", "BAD")]),
    }
    snapshot = replace(SNAPSHOT, prices=prices)
    run = begin(runs)
    runs.keep_snapshot(run.rebalance_id, snapshot)
    kept = runs.kept_snapshot(run.rebalance_id)
    assert kept == snapshot
    assert kept is not None
    assert repr(kept.prices) == repr(prices)


def test_a_market_above_what_a_document_has_room_for_is_kept_in_parts(
    runs: Rebalances, database: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kept_markets, "PART_BYTES", 50)
    run = begin(runs)
    runs.keep_snapshot(run.rebalance_id, SNAPSHOT)
    assert stored(database, "rebalance_markets") > 3
    assert runs.kept_snapshot(run.rebalance_id) == SNAPSHOT
    runs.keep_snapshot(run.rebalance_id, MarketSnapshot({}, LATER))
    runs.finish(replace(run, state=RebalanceState.COMPLETED, finish_time=NOW), MINE)
    assert stored(database, "rebalance_markets") > 3
    runs.delete(run.rebalance_id, 2)
    assert stored(database, "rebalance_markets") == 0


def test_the_market_of_a_run_that_an_earlier_release_began_is_the_one_that_it_kept(
    runs: Rebalances, database: Database
) -> None:
    run = begin(runs)
    kept = {
        "quotes": {security_id(1): {"ticker": "AAA", "price": Decimal("10.10")}},
        "problems": {security_id(2): to_document({"it": BadData("bad")})["it"]},
        "time": NOW,
        "prices": [
            {"ticker": "BRK.B", "price": Decimal("411.10"), "problem": None},
            {"ticker": "$X", "price": None, "problem": to_document({"it": BadData("worse")})["it"]},
        ],
    }
    document = {"rebalance_id": run.rebalance_id, "number": -1, "create_time": NOW, **kept}
    database.collection("rebalance_work").insert_one(document)
    assert runs.kept_snapshot(run.rebalance_id) == MarketSnapshot(
        {security_id(1): Quote("AAA", Decimal("10.10")), security_id(2): BadData("bad")},
        NOW,
        {"BRK.B": Price(Decimal("411.10")), "$X": BadData("worse")},
    )


def test_of_two_that_keep_a_market_at_once_one_stays(runs: Rebalances) -> None:
    run = begin(runs)
    with ThreadPoolExecutor(4) as threads:
        for n in range(4):
            threads.submit(
                runs.keep_snapshot, run.rebalance_id, replace(SNAPSHOT, time=NOW + n * (LATER - NOW))
            )
    kept = runs.kept_snapshot(run.rebalance_id)
    assert kept is not None
    assert kept.quotes == SNAPSHOT.quotes


def test_a_server_that_was_slow_leaves_no_market_behind(runs: Rebalances, database: Database) -> None:
    """It reads the market while others end the run, and delete it."""
    run = begin(runs)
    runs.finish(replace(run, state=RebalanceState.FAILED, finish_time=NOW), MINE)
    runs.keep_snapshot(run.rebalance_id, SNAPSHOT)
    runs.delete(run.rebalance_id, 2)
    runs.keep_snapshot(run.rebalance_id, SNAPSHOT)
    assert stored(database, "rebalance_markets") == 0


def test_the_market_of_a_run_goes_with_its_end(runs: Rebalances, database: Database) -> None:
    run = begin(runs)
    runs.keep_snapshot(run.rebalance_id, SNAPSHOT)
    runs.finish(replace(run, state=RebalanceState.COMPLETED, finish_time=NOW), MINE)
    assert database.collection("rebalance_work").count_documents({"number": {"$lt": 0}}) == 0
    header = database.collection("rebalances").find_one({})
    assert header is not None
    assert {"lease", "active_model_id", "positions", "deadline_time"} & header.keys() == set()
    assert begin(runs).rebalance_id != run.rebalance_id  # the model may run again


def test_a_run_is_deleted_once_it_has_ended_by_who_knows_its_version(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    run = begin(runs)
    append(chunks, [result(run_id=run.rebalance_id)], MINE)
    with pytest.raises(PreconditionFailed) as raised:
        runs.delete(run.rebalance_id, 1)
    assert raised.value.violations[0].kind == "RUNNING"
    runs.finish(replace(run, state=RebalanceState.COMPLETED, finish_time=NOW), MINE)
    with pytest.raises(VersionMismatch) as mismatch:
        runs.delete(run.rebalance_id, 1)
    assert mismatch.value.metadata["current_version"] == "2"
    runs.delete(run.rebalance_id, 2)
    assert (stored(database), stored(database, "rebalances"), stored(database, "rebalance_work")) == (0, 0, 0)
    with pytest.raises(NotFound):
        runs.delete(run.rebalance_id, 2)


def test_a_stopped_run_keeps_the_error_of_its_sibling(runs: Rebalances) -> None:
    run = begin(runs)
    down = SiblingUnavailable("down", metadata={"service": "pricing"}, retry_after_seconds=1.5)
    ended = replace(run, state=RebalanceState.FAILED, error=down, finish_time=NOW)
    assert runs.finish(ended, MINE).error == down
