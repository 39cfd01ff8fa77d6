"""Settings are read for whole runs at once, and every query of them is served by an index."""

from typing import Any

from ordergen_server.domain.desk.portfolio_settings import AppliedSettings, PortfolioSettings
from ordergen_server.domain.requests.pages import PageRequest
from ordergen_server.repositories.migrations import migrate
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.repositories.settings_store.reading import ASKED_AT_ONCE, READ_FOR_ONE
from ordergen_server.repositories.settings_store.setting_documents import settings_document
from ordergen_server.repositories.settings_store.settings import Settings
from tests.builders import NOW, portfolio_id
from tests.integration.repositories.begun import MINE, begin, lent
from tests.integration.repositories.kept_settings import FLOOR, WHOLE, put
from tests.integration.repositories.plans import Recorder, check_plans, planned
from tests.limits import sized


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
    rebalance_id = begin(runs, count, size=250)
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
