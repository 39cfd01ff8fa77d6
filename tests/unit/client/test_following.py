"""The progress of a run, as people see it while it goes on."""

import signal
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, date, datetime
from io import StringIO
from threading import Event

import pytest
from rich.console import Console

from ordergen_client import (
    OrderGenerationError,
    PortfolioRebalance,
    PortfolioState,
    Rebalance,
    RebalanceEvent,
    RebalanceState,
)
from ordergen_client.telling.following import until_interrupted, with_progress
from tests.waiting import eventually

DAY = date(2026, 1, 2)
NOW = datetime(2026, 1, 2, tzinfo=UTC)
STARTED = Rebalance("a" * 24, "b" * 24, "Growth", 1, RebalanceState.RUNNING, NOW, None, DAY, 2)
ENDED = replace(STARTED, state=RebalanceState.COMPLETED, finish_time=NOW)


def portfolio(portfolio_id: str) -> PortfolioRebalance:
    return PortfolioRebalance(
        rebalance_id=STARTED.rebalance_id,
        portfolio_id=portfolio_id,
        portfolio_name="",
        state=PortfolioState.NO_ACTION,
        error=None,
        market_value=None,
        cash_before=None,
        cash_after=None,
        drift_before=None,
        drift_after=None,
        transactions=(),
        positions=(),
        solution=None,
        snapshot_time=None,
    )


def wait_until_shown(text: str, screen: StringIO) -> None:
    """Fail unless it comes on the screen."""
    eventually(lambda: text in screen.getvalue())


def test_progress_is_shown_while_the_run_goes_on() -> None:
    """Each step is on the screen before the next event comes."""
    screen = StringIO()

    def events() -> Iterator[RebalanceEvent]:
        yield RebalanceEvent(1, started=STARTED)
        wait_until_shown("0/2", screen)
        yield RebalanceEvent(2, portfolio=portfolio("Q" * 24))
        wait_until_shown("1/2", screen)
        yield RebalanceEvent(3, portfolio=portfolio("P" * 24))
        wait_until_shown("2/2", screen)
        yield RebalanceEvent(4, finished=ENDED)

    told = list(with_progress(events(), Console(file=screen, force_terminal=True, width=80)))
    assert [one.sequence for one in told] == [1, 2, 3, 4]


def test_a_failure_is_told_as_it_comes() -> None:
    screen = StringIO()
    error = OrderGenerationError("FAILED_PRECONDITION", "no price")
    failed = replace(portfolio("Q" * 24), state=PortfolioState.FAILED, error=error)

    def events() -> Iterator[RebalanceEvent]:
        yield RebalanceEvent(1, started=STARTED)
        yield RebalanceEvent(2, portfolio=failed)
        wait_until_shown(f"{'Q' * 24} FAILED: no price", screen)

    assert len(list(with_progress(events(), Console(file=screen, force_terminal=True, width=80)))) == 2


def test_an_interrupt_ends_the_wait_for_an_event_that_does_not_come() -> None:
    seen = Event()

    def events() -> Iterator[RebalanceEvent]:
        yield RebalanceEvent(1, started=STARTED)
        seen.wait()
        signal.raise_signal(signal.SIGINT)
        Event().wait()

    told = until_interrupted(events())
    assert next(told).sequence == 1

    def wait_on() -> object:
        seen.set()
        return next(told)

    with pytest.raises(KeyboardInterrupt):
        wait_on()


@pytest.mark.parametrize("error", [OrderGenerationError("UNAVAILABLE", "down"), KeyError("a bug")])
def test_what_ends_the_events_is_told(error: Exception) -> None:
    def events() -> Iterator[RebalanceEvent]:
        yield RebalanceEvent(1, started=STARTED)
        raise error

    told = until_interrupted(events())
    assert next(told).sequence == 1
    with pytest.raises(type(error)):
        next(told)


def test_events_that_end_end() -> None:
    ended = RebalanceEvent(1, finished=ENDED)
    assert list(until_interrupted([ended])) == [ended]
