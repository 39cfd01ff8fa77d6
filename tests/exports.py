"""Exported runs for tests: real answers of the use cases, as messages and as the lines of a file."""

import json
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal
from hashlib import sha256
from pathlib import Path
from random import Random
from types import MappingProxyType
from typing import Any

from globeco.ordergen.v1 import rebalance_service_pb2

from ordergen_client.export import write_export
from ordergen_server.api.messages import encoding
from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.desk.portfolio_settings import AppliedSettings
from ordergen_server.domain.errors import Cancelled, MissingData, NotToBeTraded
from ordergen_server.domain.market import Holdings, Quoted
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, summary_of
from ordergen_server.domain.rebalances.runs import RebalanceState, RunEvent, RunFinished, RunStarted
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.services.portfolios.portfolio import NO_SETTINGS, rebalance_portfolios
from ordergen_server.services.portfolios.securities import Securities
from tests.builders import NOW, RUN_ID, TODAY, holdings, position, rebalance, result, security_id, snapshot
from tests.limits import PATIENCE

Object = dict[str, Any]
Message = rebalance_service_pb2.RebalanceModelResponse
#: A place in a message: names and indices.
Place = tuple[str | int, ...]

LISTED = 8
MODEL = [position(number, f"0.{95 + 5 * number:03}", "0.02", "0.03") for number in range(LISTED)]
PRICES = {number: f"{number * 7919 % 83 + 3}.{number * 104729 % 100:02}" for number in range(LISTED + 2)}
DEFAULT = RebalanceOptions(solver_timeout_seconds=5.0)


def _holdings(count: int, *, fractions: bool) -> Iterator[Holdings]:
    """Some hold fractions and what the model does not list; the last two are new, and have only debts."""
    chosen = Random(7)  # noqa: S311 - the same for every test
    for number in range(count - 2):
        held = {one: str(chosen.randint(0, 900)) for one in range(LISTED + number % 3)}
        if fractions and number % 2:
            held[1] = f"{chosen.randint(0, 90)}.{chosen.randint(1, 9999):04}"
        yield holdings(f"{chosen.randint(5000, 90000)}.{chosen.randint(0, 99):02}", held, portfolio=number)
    yield holdings("0", portfolio=count - 2)
    yield holdings("-3.50", portfolio=count - 1)


def answers(
    options: RebalanceOptions = DEFAULT,
    count: int = 6,
    *,
    fractions: bool = True,
    cash_flows: Mapping[int, str] = MappingProxyType({}),
    settings: Mapping[str, AppliedSettings] = NO_SETTINGS,
    quotes: Mapping[int, Quoted] = MappingProxyType({}),
) -> list[PortfolioRebalance]:
    """What becomes of so many portfolios, with cash flows by their numbers.

    Of those with settings the result has their version; `quotes` are what is quoted otherwise than all else.
    """
    flows = {number: Decimal(amount) for number, amount in cash_flows.items()}
    found = [
        (replace(result(place, sequence=place + 2), cash_flow=flows.get(place)), held)
        for place, held in enumerate(_holdings(count, fractions=fractions))
    ]
    market = snapshot(PRICES, TODAY - timedelta(days=3))
    others = {security_id(number): one for number, one in quotes.items()}
    market = replace(market, quotes={**market.quotes, **others})
    securities = Securities.of_run(replace(rebalance(), options=options), MODEL, market)
    deadline = Deadline.after(PATIENCE)
    done = rebalance_portfolios(found, securities, options, deadline, settings=settings)
    return [
        replace(one, settings_version=settings[one.portfolio_id].version)
        if one.portfolio_id in settings
        else one
        for one in done
    ]


def skipped(number: int) -> PortfolioRebalance:
    why = Cancelled("The run was cancelled before this portfolio's turn.")
    one = result(number, sequence=number + 2, state=PortfolioState.SKIPPED)
    return replace(one, error=why, snapshot_time=None, portfolio_name="")


def not_traded(number: int) -> PortfolioRebalance:
    """One that its settings keep from being traded."""
    one = result(number, sequence=number + 2, state=PortfolioState.SKIPPED)
    why = NotToBeTraded("It is not to be traded: closed.")
    return replace(one, error=why, snapshot_time=None, portfolio_name="", settings_version=1)


def failed(number: int) -> PortfolioRebalance:
    error = MissingData("There is no price of 12.50.")
    return replace(result(number, sequence=number + 2, state=PortfolioState.FAILED), error=error)


def messages(
    results: Sequence[PortfolioRebalance],
    options: RebalanceOptions = DEFAULT,
    state: RebalanceState | None = None,
) -> list[Message]:
    """The stream of a run that had these results."""
    counts = dict(Counter(one.state for one in results))
    bad = counts.keys() & {PortfolioState.INFEASIBLE, PortfolioState.FAILED, PortfolioState.SKIPPED}
    ended = RebalanceState.COMPLETED_WITH_ERRORS if bad else RebalanceState.COMPLETED
    begun = rebalance(portfolio_count=len(results))
    run = replace(begun, options=options, actor="desk", summary=RebalanceSummary())
    sums = summary_of(results)
    end = replace(run, state=state or ended, counts=counts, finish_time=NOW, version=2, summary=sums)
    events = [
        RunEvent(1, RunStarted(run)),
        *(RunEvent(one.sequence, one) for one in results),
        RunEvent(len(results) + 2, RunFinished(end)),
    ]
    read = rebalance_service_pb2.RebalanceModelResponse.FromString
    return [read(encoding.run_event(event)) for event in events]


def exported(told: Sequence[Message], path: Path) -> list[Object]:
    """The lines of a run that was written to a file."""
    write_export(told, RUN_ID, path, force=True, progress=lambda _done, _total: None)
    return lines_of(path)


def lines_of(path: Path) -> list[Object]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def rewritten(lines: Sequence[Object], path: Path) -> None:
    """Write lines with the checksum that they have now: what a mistaken, or a cunning, program does."""
    told = [json.dumps(line).encode() + b"\n" for line in lines[1:]]
    header = {**lines[0], "sha256": sha256(b"".join(told)).hexdigest()}
    path.write_bytes(json.dumps(header).encode() + b"\n" + b"".join(told))


def at(line: object, place: Place) -> Any:  # noqa: ANN401 - whatever stands there
    found: Any = line
    for name in place:
        found = found[name]
    return found


def put(line: object, place: Place, value: object) -> None:
    at(line, place[:-1])[place[-1]] = value


def numbers_of(value: object, place: Place = ()) -> Iterator[Place]:
    """The places of all numbers of a message: digits with or without a point and a sign."""
    match value:
        case Mapping():
            for name, one in value.items():
                yield from numbers_of(one, (*place, name))
        case list():
            for index, one in enumerate(value):
                yield from numbers_of(one, (*place, index))
        case bool():
            return
        case int():
            yield place
        case str() if value.replace(".", "").removeprefix("-").isdigit():
            yield place


def changed(value: object, replace_digit: Callable[[str], str]) -> object:
    """The number with other digits, as the kind of value that it was."""
    text = replace_digit(str(value))
    return int(text) if isinstance(value, int) else text


def with_options(**given: object) -> RebalanceOptions:
    return replace(DEFAULT, **given)  # type: ignore[arg-type] # each as its field has it
