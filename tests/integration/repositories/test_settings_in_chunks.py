"""Settings in chunks of runs, in a real database: those that a run began with, as many as have room."""

from dataclasses import replace
from decimal import Decimal
from random import Random
from string import ascii_letters

from ordergen_server.domain.chunks import ChunkTask, DoneChunk
from ordergen_server.domain.desk.portfolio_settings import AppliedSettings, DoNotTrade, SettingsContent
from ordergen_server.domain.numbers import EXACT
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.rebalances.weight_limits import SecurityLimit
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.repositories.settings_store.settings import Settings
from tests.builders import NOW, portfolio_id, result
from tests.integration.repositories.begun import MINE, begin, lent
from tests.integration.repositories.kept_settings import FLOOR, WHOLE, put
from tests.limits import sized


def test_a_chunk_keeps_the_settings_its_run_began_with(
    portfolio_settings: Settings, runs: Rebalances, chunks: Chunks
) -> None:
    put(portfolio_settings, 1, WHOLE)
    put(portfolio_settings, 4, FLOOR)
    rebalance_id = begin(runs)
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
    rebalance_id = begin(runs, 3, cash_flows=flows)
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
    rebalance_id = begin(runs, 250, size=250)
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
    rebalance_id = begin(runs, 4, size=2)
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
