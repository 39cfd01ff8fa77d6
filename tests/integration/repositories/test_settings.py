"""Settings of portfolios in a real database: exact, one writer at a time, and read for whole runs at once."""

from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from random import Random
from string import ascii_letters
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from pymongo.collection import Collection
from pymongo.errors import WriteError

from ordergen_server.domain.chunks import ChunkTask, DoneChunk
from ordergen_server.domain.desk.portfolio_settings import (
    AppliedSettings,
    DoNotTrade,
    PortfolioSettings,
    SettingsContent,
    check_settings,
    take_fields,
)
from ordergen_server.domain.errors import InvalidArgument, NotFound, VersionMismatch
from ordergen_server.domain.numbers import EXACT
from ordergen_server.domain.rebalances.options import Restriction, RestrictionType
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.rebalances.weight_limits import SecurityLimit
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.domain.stores import RunOrder
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.repositories.settings_store.reading import ASKED_AT_ONCE, READ_FOR_ONE
from ordergen_server.repositories.settings_store.setting_documents import settings_document
from ordergen_server.repositories.settings_store.settings import Settings
from ordergen_server.services.members import NO_FLOWS
from tests.builders import NOW, portfolio_id, position, rebalance, result, security_id
from tests.integration.repositories.begun import MINE, lent
from tests.integration.repositories.plans import Recorder, check_plans, planned
from tests.limits import sized

LATER = NOW + timedelta(hours=1)
FLOOR = SettingsContent(minimum_cash_amount=Decimal("950.00"))
WHOLE = SettingsContent(
    DoNotTrade("Lots are moved \N{GRINNING FACE}.", date(2026, 12, 31)),
    Decimal("1000.50"),
    Decimal("0.020"),
    Decimal("1E-7"),
    (
        Restriction(security_id(2), RestrictionType.HOLD),
        Restriction(security_id(1), RestrictionType.DO_NOT_BUY),
    ),
    Decimal("0.10"),
    "a text",
    (
        SecurityLimit(security_id(2), Decimal("0.010"), Decimal("1E-1")),
        SecurityLimit(security_id(1), None, Decimal(0)),
    ),
)


def put(store: Settings, number: int, content: SettingsContent, version: int = 0) -> PortfolioSettings:
    return store.change(portfolio_id(number), version, lambda _: content, NOW)


def current_version(raised: pytest.ExceptionInfo[VersionMismatch]) -> str:
    return raised.value.metadata["current_version"]


def test_settings_come_back_digit_for_digit(portfolio_settings: Settings) -> None:
    made = portfolio_settings.change(portfolio_id(1), 0, lambda _: WHOLE, NOW, actor="ann")
    assert made == PortfolioSettings(portfolio_id(1), WHOLE, 1, NOW, NOW, "ann")
    read = portfolio_settings.get(portfolio_id(1))
    assert read == made
    assert str(read.content) == str(WHOLE)


def test_settings_of_before_have_no_limits_and_can_be_changed(
    portfolio_settings: Settings, database: Database
) -> None:
    document = settings_document(PortfolioSettings(portfolio_id(1), WHOLE, 3, NOW, NOW))
    del document["security_limits"]
    database.collection("portfolio_settings").insert_one(document)
    before = replace(WHOLE, security_limits=())
    assert portfolio_settings.get(portfolio_id(1)).content == before
    assert portfolio_settings.applied([portfolio_id(1)]) == {
        portfolio_id(1): AppliedSettings(3, replace(before, note=""))
    }
    change = take_fields(WHOLE, ["security_limits"])
    changed = portfolio_settings.change(portfolio_id(1), 3, change, LATER)
    assert (changed.content, changed.version) == (WHOLE, 4)


def test_a_change_is_one_step_on_its_version(portfolio_settings: Settings) -> None:
    put(portfolio_settings, 1, WHOLE)
    change = take_fields(SettingsContent(note="new"), ["note", "do_not_trade"])
    changed = portfolio_settings.change(portfolio_id(1), 1, change, LATER, actor="bob")
    expected = replace(WHOLE, note="new", do_not_trade=None)
    assert changed == PortfolioSettings(portfolio_id(1), expected, 2, NOW, LATER, "bob")
    assert portfolio_settings.get(portfolio_id(1)) == changed
    again = portfolio_settings.change(portfolio_id(1), 2, change, LATER + timedelta(hours=1), actor="eve")
    assert again == changed  # for it changes nothing


def test_another_version_than_the_current_one_is_refused(portfolio_settings: Settings) -> None:
    put(portfolio_settings, 1, FLOOR)
    put(portfolio_settings, 1, WHOLE, 1)
    for version in (0, 1, 3):
        with pytest.raises(VersionMismatch) as raised:
            put(portfolio_settings, 1, FLOOR, version)
        assert current_version(raised) == "2"
        with pytest.raises(VersionMismatch) as raised:
            portfolio_settings.delete(portfolio_id(1), version)
        assert current_version(raised) == "2"
    assert portfolio_settings.get(portfolio_id(1)).content == WHOLE


def test_settings_that_are_not_there_have_version_0(portfolio_settings: Settings) -> None:
    with pytest.raises(VersionMismatch) as raised:
        put(portfolio_settings, 1, FLOOR, 1)
    assert current_version(raised) == "0"
    for asked in (
        lambda: portfolio_settings.get(portfolio_id(1)),
        lambda: portfolio_settings.delete(portfolio_id(1), 1),
    ):
        with pytest.raises(NotFound):
            asked()


def test_settings_that_are_made_anew_go_on_from_the_version_of_the_deleted(
    portfolio_settings: Settings,
) -> None:
    """Who has read those before cannot change these."""
    put(portfolio_settings, 1, FLOOR)
    portfolio_settings.delete(portfolio_id(1), 1)
    with pytest.raises(NotFound):
        portfolio_settings.get(portfolio_id(1))
    with pytest.raises(NotFound):
        portfolio_settings.delete(portfolio_id(1), 2)
    assert portfolio_settings.applied([portfolio_id(1)]) == {}
    assert portfolio_settings.find(PageRequest()).items == ()
    with pytest.raises(VersionMismatch) as raised:
        put(portfolio_settings, 1, WHOLE, 1)
    assert current_version(raised) == "0"
    made = portfolio_settings.change(portfolio_id(1), 0, lambda _: WHOLE, LATER)
    assert (made.version, made.create_time) == (3, LATER)
    with pytest.raises(VersionMismatch):
        put(portfolio_settings, 1, FLOOR, 1)


@pytest.mark.parametrize("there", [False, True])
def test_of_writers_at_once_one_is_first_and_all_others_hear_of_it(
    portfolio_settings: Settings, there: bool
) -> None:
    version = put(portfolio_settings, 1, FLOOR).version if there else 0

    def write(number: int) -> PortfolioSettings | VersionMismatch:
        try:
            return put(portfolio_settings, 1, SettingsContent(note=str(number)), version)
        except VersionMismatch as error:
            return error

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(write, range(16)))
    (first,) = [one for one in found if isinstance(one, PortfolioSettings)]
    refused = [one for one in found if isinstance(one, VersionMismatch)]
    assert first.version == version + 1
    assert {one.metadata["current_version"] for one in refused} == {str(version + 1)}
    assert portfolio_settings.get(portfolio_id(1)) == first


@pytest.mark.parametrize("name", ["insert_one", "replace_one"])
def test_a_write_that_the_driver_repeats_is_known_again(
    portfolio_settings: Settings, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    made = put(portfolio_settings, 2, FLOOR)
    write = getattr(Collection, name)

    def twice(*arguments: Any, **options: Any) -> Any:  # noqa: ANN401 - whatever the driver takes
        write(*arguments, **options)
        return write(*arguments, **options)

    monkeypatch.setattr(Collection, name, twice)
    assert put(portfolio_settings, 1, FLOOR) == portfolio_settings.get(portfolio_id(1))
    assert put(portfolio_settings, 2, WHOLE, made.version).version == 2
    portfolio_settings.delete(portfolio_id(2), 2)
    with pytest.raises(NotFound):
        portfolio_settings.get(portfolio_id(2))


def test_pages_stay_stable_while_others_write(portfolio_settings: Settings) -> None:
    for number in (5, 1, 9, 3, 7):
        put(portfolio_settings, number, FLOOR)
    first = portfolio_settings.find(PageRequest(2))
    assert ([one.portfolio_id[-1] for one in first.items], first.total_size) == (["1", "3"], 5)
    put(portfolio_settings, 2, FLOOR)
    put(portfolio_settings, 8, FLOOR)
    portfolio_settings.delete(portfolio_id(3), 1)
    put(portfolio_settings, 7, WHOLE, 1)
    second = portfolio_settings.find(PageRequest(3, first.next_token))
    assert ([one.portfolio_id[-1] for one in second.items], second.total_size) == (["5", "7", "8"], 6)
    assert second.items[1].content == WHOLE
    last = portfolio_settings.find(PageRequest(3, second.next_token, 1))
    assert (last.items, last.next_token) == ((), "")
    whole = portfolio_settings.find(PageRequest())
    assert ([one.portfolio_id[-1] for one in whole.items], whole.total_size) == (
        ["1", "2", "5", "7", "8", "9"],
        6,
    )
    with pytest.raises(InvalidArgument):
        portfolio_settings.find(PageRequest(2, "x"))


def test_a_run_reads_what_it_needs_of_those_that_there_are(portfolio_settings: Settings) -> None:
    put(portfolio_settings, 1, WHOLE)
    put(portfolio_settings, 2, FLOOR)
    found = portfolio_settings.applied([portfolio_id(number) for number in (3, 1)])
    assert found == {portfolio_id(1): AppliedSettings(1, replace(WHOLE, note=""))}


def begin(runs: Rebalances, count: int, size: int, cash_flows: Mapping[str, Decimal] = NO_FLOWS) -> str:
    started = rebalance(run_id=runs.new_id(), portfolio_count=count)
    ids = [portfolio_id(number) for number in range(count)]
    order = RunOrder(started, (position(1),), 3600)
    return runs.begin(order, ids, MINE, None, size, cash_flows=cash_flows).rebalance_id


def test_a_chunk_keeps_the_settings_its_run_began_with(
    portfolio_settings: Settings, runs: Rebalances, chunks: Chunks
) -> None:
    put(portfolio_settings, 1, WHOLE)
    put(portfolio_settings, 4, FLOOR)
    rebalance_id = begin(runs, 6, 3)
    put(portfolio_settings, 0, FLOOR)
    put(portfolio_settings, 1, FLOOR, 1)
    portfolio_settings.delete(portfolio_id(4), 1)
    first = lent(chunks, rebalance_id)
    assert first.settings == {portfolio_id(1): AppliedSettings(1, replace(WHOLE, note=""))}
    task = ChunkTask(rebalance_id, "token")
    assert chunks.storing(task, first, [result(0, run_id=rebalance_id)])()
    # Another worker gets the rest of it, from whichever server.
    rest = lent(chunks, rebalance_id, token="another")  # noqa: S106 - of an attempt
    assert (rest.portfolio_ids, rest.settings) == (first.portfolio_ids[1:], first.settings)
    second = lent(chunks, rebalance_id, 1, "third")
    assert second.settings == {portfolio_id(4): AppliedSettings(1, FLOOR)}


def test_a_chunk_keeps_cash_flows_and_settings_side_by_side(
    portfolio_settings: Settings, runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    """Each portfolio its own, in the rest of a chunk, too; and nothing of them stays once it is done."""
    put(portfolio_settings, 1, FLOOR)
    flows = {portfolio_id(1): Decimal("-250.50"), portfolio_id(2): Decimal(1000)}
    rebalance_id = begin(runs, 3, 3, flows)
    first = lent(chunks, rebalance_id)
    kept = {portfolio_id(1): AppliedSettings(1, FLOOR)}
    assert (first.cash_flows, first.settings) == (flows, kept)
    task = ChunkTask(rebalance_id, "token")
    assert chunks.storing(task, first, [result(2, run_id=rebalance_id)])()
    rest = lent(chunks, rebalance_id, token="another")  # noqa: S106 - of an attempt
    assert rest == first.rest({portfolio_id(2)})
    assert (rest.cash_flows, rest.settings) == ({portfolio_id(1): Decimal("-250.50")}, kept)
    left = [result(number, run_id=rebalance_id) for number in (0, 1)]
    assert chunks.storing(ChunkTask(rebalance_id, "another"), rest, left)()
    stored = list(database.collection("rebalance_work").find())
    assert [one.keys() & {"cash_flows", "settings"} for one in stored] == [set(), set()]


def test_the_largest_settings_stand_in_chunks_that_have_room_for_them(
    portfolio_settings: Settings, runs: Rebalances, chunks: Chunks
) -> None:
    """Of 250 portfolios they are more than a document may have: fewer stand together, each with its own."""
    chosen = Random(5)  # noqa: S311 - the same for every test
    most = replace(WHOLE, note="", security_limits=tuple(digits(chosen, one) for one in range(1000)))
    count = sized(20, 250)
    for number in range(count):
        put(portfolio_settings, number, most)
    rebalance_id = begin(runs, 250, 250)
    left = chunks.progress(rebalance_id, MINE).undone
    assert sum(one.count for one in left) == 250
    assert (len(left) > 1) == (count == 250)
    first = lent(chunks, rebalance_id)
    assert first.settings == dict.fromkeys(first.portfolio_ids[:count], AppliedSettings(1, most))


def digits(chosen: Random, number: int) -> SecurityLimit:
    """A limit of as many digits as it can have."""
    weights = sorted(Decimal(chosen.randrange(10**33, 10**34)).scaleb(-34, EXACT) for _ in range(2))
    letters = "".join(chosen.choices(ascii_letters, k=20))
    return SecurityLimit(f"{letters}{number:04}", *weights)


def test_those_that_are_not_to_be_traded_are_counted_by_themselves(
    runs: Rebalances, chunks: Chunks, database: Database
) -> None:
    closed = AppliedSettings(1, SettingsContent(DoNotTrade("Closed.")))
    why = closed.not_to_be_traded(portfolio_id(1), NOW.date())
    rebalance_id = begin(runs, 4, 2)
    for place, token in ((0, "one"), (0, "two")):
        claimed = lent(chunks, rebalance_id, place, token)
        results = [
            replace(
                result(int(one[-1]), run_id=rebalance_id, state=PortfolioState.SKIPPED),
                error=why if one[-1] in "12" else None,
            )
            for one in claimed.portfolio_ids
        ]
        assert chunks.storing(ChunkTask(rebalance_id, token), claimed, results)()
        (done,) = chunks.ready(rebalance_id)
        counts = {PortfolioState.SKIPPED: 2}
        assert done == DoneChunk(claimed.number, counts, summary=RebalanceSummary(), not_traded=1)
        chunks.publish(rebalance_id, done, 1 + 2 * claimed.number, MINE)
    assert runs.get(rebalance_id).not_traded == 2
    assert all("settings" not in one for one in database.collection("rebalance_work").find())
    assert runs.get_portfolio(rebalance_id, portfolio_id(1)).error == why


def queries(recording: Recorder) -> list[dict[str, Any]]:
    """Those that were sent since this was asked last."""
    found = [one for one in recording.sent if one.get("find") == "portfolio_settings"]
    recording.sent.clear()
    return found


def fill(database: Database, count: int) -> list[str]:
    """Settings of so many portfolios, and the ids."""
    ids = [portfolio_id(number) for number in range(count)]
    kept = [PortfolioSettings(one, FLOOR, 1, NOW, NOW) for one in ids]
    for start in range(0, count, 10_000):
        documents = map(settings_document, kept[start : start + 10_000])
        database.collection("portfolio_settings").insert_many(documents)
    return ids


def test_settings_of_very_many_portfolios_are_read_in_one_pass(
    recorder: tuple[Recorder, Database],
) -> None:
    """100,000 in the long form; for a run, too."""
    recording, database = recorder
    migrate(database)
    tokens = PageTokens(b"key of the tests")
    runs, store = Rebalances(database, tokens), Settings(database, tokens)
    count = sized(5_000, 100_000)
    ids = fill(database, count)
    queries(recording)
    assert store.applied(ids) == dict.fromkeys(ids, AppliedSettings(1, FLOOR))
    assert [one["filter"] for one in queries(recording)] == [{}]
    rebalance_id = begin(runs, count, 250)
    assert [one["filter"] for one in queries(recording)] == [{}]
    stored = Chunks(database)
    assert len(stored.progress(rebalance_id, MINE).undone) == count / 250
    assert len(lent(stored, rebalance_id).settings) == 250


def test_settings_of_few_among_very_many_are_asked_for_by_id(recorder: tuple[Recorder, Database]) -> None:
    recording, database = recorder
    migrate(database)
    store = Settings(database, PageTokens(b"key of the tests"))
    ids = fill(database, READ_FOR_ONE * (ASKED_AT_ONCE + 1) + 1)
    for count, expected in ((1, 1), (ASKED_AT_ONCE, 1), (ASKED_AT_ONCE + 1, 2), (ASKED_AT_ONCE + 2, 1)):
        queries(recording)
        assert list(store.applied(ids[-count:])) == ids[-count:]
        sent = [one["filter"] for one in queries(recording)]
        assert len(sent) == expected
        assert ({} in sent) == (count == ASKED_AT_ONCE + 2)


def test_no_query_of_settings_walks_through_a_collection(
    mongodb_uri: str, database_name: str, recorder: tuple[Recorder, Database]
) -> None:
    recording, database = recorder
    migrate(database)
    store = Settings(database, PageTokens(b"key of the tests"))
    for number in range(4):
        put(store, number, FLOOR)
    recording.sent.clear()
    put(store, 0, WHOLE, 1)
    store.delete(portfolio_id(0), 2)
    store.applied([portfolio_id(1)])
    page = store.find(PageRequest(1))
    store.find(PageRequest(1, page.next_token, 1))
    queries = [query for one in recording.sent for query in planned(one)]
    assert check_plans(mongodb_uri, database_name, queries)


def database_accepts(database: Database, document: Document) -> bool:
    """Whether it can be stored; it is not kept."""
    collection = database.collection("portfolio_settings")
    try:
        collection.insert_one(document)
    except WriteError:
        return False
    collection.delete_one({"_id": document["_id"]})
    return True


@pytest.fixture
def checked(database: Database) -> Database:
    migrate(database)
    return database


numbers = st.none() | st.sampled_from([Decimal(text) for text in ("0", "-0.01", "0.5", "1.000", "1.01")])
texts = st.sampled_from(["", " \t", "Closed.", "x" * 1024, "x" * 1025, "é" * 512, "é" * 513])
restrictions = st.builds(
    Restriction, st.sampled_from([security_id(1), security_id(2), "x"]), st.sampled_from(RestrictionType)
)
contents = st.builds(
    SettingsContent,
    st.none() | st.builds(DoNotTrade, texts, st.none() | st.just(date(2026, 2, 28))),
    numbers,
    numbers,
    numbers,
    st.lists(restrictions, max_size=3).map(tuple),
    numbers,
    texts,
    st.lists(
        st.builds(
            SecurityLimit,
            st.sampled_from([security_id(1), security_id(2), "x"]),
            numbers.filter(bool),
            numbers,
        ),
        max_size=2,
    ).map(tuple),
)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(contents)
def test_domain_and_database_agree(checked: Database, content: SettingsContent) -> None:
    violations = Violations()
    check_settings(content, "settings", violations)
    document = settings_document(PortfolioSettings(portfolio_id(1), content, 1, NOW, NOW))
    assert database_accepts(checked, document) == (not violations.found)


def changed(**changes: object) -> Callable[[Document], None]:
    return lambda document: document.update(changes)


def without(name: str) -> Callable[[Document], None]:
    def breaking(document: Document) -> None:
        del document[name]

    return breaking


BROKEN: list[Callable[[Document], None]] = [
    changed(_id="short"),
    changed(version=0),
    changed(version="1"),
    changed(do_not_trade={"until": "2026-01-01"}),
    changed(do_not_trade={"reason": "Closed.", "until": "tomorrow"}),
    changed(minimum_cash_amount="5"),
    changed(minimum_cash_weight=0.5),
    changed(restrictions=None),
    changed(restrictions=[{"security_id": security_id(1), "type": "SELL"}]),
    changed(
        restrictions=[to_document(Restriction(security_id(n), RestrictionType.HOLD)) for n in range(251)]
    ),
    changed(security_limits=None),
    changed(
        security_limits=[{"security_id": security_id(1), "minimum_weight": None, "maximum_weight": None}]
    ),
    changed(security_limits=[{"security_id": security_id(1), "minimum_weight": Decimal("0.1")}]),
    changed(
        security_limits=[to_document(SecurityLimit(security_id(n), Decimal(0), None)) for n in range(1001)]
    ),
    changed(note=None),
    changed(create_time="now"),
    changed(delete_time=1),
    *map(without, ("restrictions", "note", "version", "create_time", "update_time", "actor")),
]


def test_each_broken_rule_is_refused(checked: Database) -> None:
    good = settings_document(PortfolioSettings(portfolio_id(1), WHOLE, 1, NOW, NOW))
    assert database_accepts(checked, good)
    for number, breaking in enumerate(BROKEN):
        broken = deepcopy(good)
        breaking(broken)
        assert not database_accepts(checked, broken), number
