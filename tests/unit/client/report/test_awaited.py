"""The page of events that are awaited: the same page, whatever happens meanwhile."""

import asyncio
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from threading import Event

import pytest

from ordergen_client.records.values import PortfolioRebalance, Rebalance, RebalanceEvent
from ordergen_client.report import awaited
from ordergen_client.report.awaited import BATCH, write_awaited_report
from ordergen_client.report.write import write_report
from ordergen_client.whole_file import FileNotWrittenError
from tests.limits import PATIENCE
from tests.made_runs import answered, events, run
from tests.waiting import eventually


def made(count: int) -> list[PortfolioRebalance]:
    return [answered(number, 3) for number in range(count)]


async def each(told: Iterable[RebalanceEvent]) -> AsyncIterator[RebalanceEvent]:
    for one in told:
        await asyncio.sleep(0)
        yield one


def written(told: Iterable[RebalanceEvent], path: Path, *, force: bool = False) -> Rebalance:
    return asyncio.run(write_awaited_report(each(told), path, force=force))


@pytest.mark.parametrize("count", [0, 1, BATCH - 2, BATCH - 1, 3 * BATCH])
def test_it_is_the_page_that_those_who_block_get(tmp_path: Path, count: int) -> None:
    portfolios, whole = made(count), run(count)
    assert written(events(portfolios, whole), tmp_path / "awaited.html") == whole
    write_report(events(portfolios, whole), tmp_path / "blocking.html", force=False)
    assert (tmp_path / "awaited.html").read_bytes() == (tmp_path / "blocking.html").read_bytes()
    assert len(list(tmp_path.iterdir())) == 2


def test_nothing_is_overwritten_but_by_force(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    path.write_text("mine")
    with pytest.raises(FileNotWrittenError, match="is there already"):
        written(events([], run(0)), path)
    assert path.read_text() == "mine"
    written(events([], run(0)), path, force=True)
    assert path.read_text() != "mine"


@pytest.mark.parametrize("count", [1, 2 * BATCH])
def test_a_run_that_is_cut_off_leaves_nothing(tmp_path: Path, count: int) -> None:
    *told, _ = events(made(count), run(count))
    with pytest.raises(FileNotWrittenError, match="ended before the run did"):
        written(told, tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []


def test_one_who_is_cancelled_while_they_wait_leaves_nothing(tmp_path: Path) -> None:
    async def endless() -> AsyncIterator[RebalanceEvent]:
        for one in list(events(made(3), run(3)))[:-1]:
            yield one
        await asyncio.Event().wait()

    async def cancelled() -> None:
        writing = asyncio.create_task(write_awaited_report(endless(), tmp_path / "page.html", force=False))
        await asyncio.sleep(0.01)
        writing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await writing

    asyncio.run(cancelled())
    assert list(tmp_path.iterdir()) == []


def test_one_who_is_cancelled_while_a_thread_works_waits_for_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Or it would write to files that are closed."""
    working, let_go, over = Event(), Event(), Event()

    def slow(*_: object) -> None:
        working.set()
        assert let_go.wait(PATIENCE)
        over.set()

    async def cancelled() -> None:
        told = each(events([], run(0)))
        writing = asyncio.create_task(write_awaited_report(told, tmp_path / "page.html", force=False))
        await asyncio.to_thread(eventually, working.is_set)
        for _ in range(2):
            writing.cancel()
            await asyncio.sleep(0.01)
        assert not writing.done()
        let_go.set()
        with pytest.raises(asyncio.CancelledError):
            await writing

    monkeypatch.setattr(awaited, "_add", slow)
    asyncio.run(cancelled())
    assert over.is_set()
    assert list(tmp_path.iterdir()) == []


def test_what_fails_in_a_thread_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def failing(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(awaited, "_add", failing)
    with pytest.raises(FileNotWrittenError, match="cannot be written: No space left on device"):
        written(events([], run(0)), tmp_path / "page.html")
    assert list(tmp_path.iterdir()) == []
