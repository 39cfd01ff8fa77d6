"""Clients whose connections break: nothing is missed, nothing comes twice, nothing is done twice."""

import asyncio
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ordergen_client import (
    AsyncClient,
    Client,
    Model,
    Position,
    Rebalance,
    RebalanceEvent,
    RebalanceState,
    Unavailable,
)
from ordergen_client.connecting.channels import open_channel
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.cutting import CuttingProxy
from tests.databases import temporary_database
from tests.e2e.api import Api, served
from tests.limits import PATIENCE, sized
from tests.waiting import eventually

CUTS = sized(20, 50)
PORTFOLIOS = 120


@pytest.fixture(scope="module")
def siblings() -> Iterator[SimulatedSiblings]:
    with SimulatedSiblings(portfolios=PORTFOLIOS, positions=20) as running:
        running.set_faults("accounting", [Fault(kind="delay", delay_seconds=0.05)])
        yield running


@pytest.fixture(scope="module")
def api(mongodb_uri: str, siblings: SimulatedSiblings) -> Iterator[Api]:
    with (
        temporary_database(mongodb_uri) as name,
        served(mongodb_uri, name, siblings, portfolio_workers=4) as running,
    ):
        yield running


@pytest.fixture
def proxy(api: Api) -> Iterator[CuttingProxy]:
    with CuttingProxy(api.port) as running:
        yield running


@pytest.fixture(scope="module")
def direct(api: Api) -> Iterator[Client]:
    with Client(channel=api.channel, timeout_seconds=PATIENCE) as client:
        yield client


@pytest.fixture(scope="module")
def model(direct: Client, siblings: SimulatedSiblings) -> Model:
    suggested = siblings.model
    positions = [
        Position(one.security_id, one.target, one.low_drift, one.high_drift) for one in suggested.positions
    ]
    return direct.models.create("Cut off", positions, suggested.portfolio_ids)


def through(proxy: CuttingProxy) -> Client:
    return Client(proxy.target, timeout_seconds=PATIENCE, reconnect_seconds=PATIENCE)


def sizes(seed: int) -> list[int]:
    """Bytes of answers: a few times less than a connection begins with, mostly one or two portfolios."""
    chance = random.Random(seed)  # noqa: S311 - the same ones every time
    found = [10, 10, 300, 300, *(chance.choice([6_000, 8_000, 10_000]) for _ in range(CUTS - 4))]
    chance.shuffle(found)
    return found


def check_events(events: list[RebalanceEvent], direct: Client) -> None:
    """Fail unless they are those of the run, each once, in its order."""
    ended = events[-1].finished
    assert ended
    assert [one.sequence for one in events] == list(range(1, PORTFOLIOS + 3))
    assert events == list(direct.runs.watch(ended.rebalance_id))
    assert ended.state in {RebalanceState.COMPLETED, RebalanceState.COMPLETED_WITH_ERRORS}


def test_a_run_that_is_cut_off_often_is_told_whole(proxy: CuttingProxy, direct: Client, model: Model) -> None:
    with through(proxy) as client:
        run = client.runs.start(model.model_id)
        proxy.cut_after(sizes(1))
        check_events(list(run.events()), direct)
        assert proxy.cuts == CUTS
        proxy.cut_after([8_000] * 3)
        told = [one.portfolio_id for one in run]
        assert told == [one.portfolio.portfolio_id for one in run.events(view="BASIC") if one.portfolio]
        assert sorted(told) == sorted(model.portfolio_ids)
        proxy.cut_after([0])
        assert run.wait().portfolio_count == PORTFOLIOS
    assert proxy.cuts == CUTS + 4


def test_a_run_that_is_cut_off_often_is_told_whole_to_coroutines(
    proxy: CuttingProxy, direct: Client, model: Model
) -> None:
    async def follow() -> list[RebalanceEvent]:
        async with AsyncClient(proxy.target, timeout_seconds=PATIENCE, reconnect_seconds=PATIENCE) as client:
            run = await client.runs.start(model.model_id)
            proxy.cut_after(sizes(2))
            events = [event async for event in run.events()]
            assert proxy.cuts == CUTS
            proxy.cut_after([8_000] * 3)
            told = [one.portfolio_id async for one in run]
            assert told == [one.portfolio.portfolio_id for one in events if one.portfolio]
            proxy.cut_after([0])
            assert (await run.wait()).portfolio_count == PORTFOLIOS
        return events

    check_events(asyncio.run(follow()), direct)
    assert proxy.cuts == CUTS + 4


#: A call of either client, which coroutines await.
Write = Callable[[Any], Any]
#: Makes a client for a target, and a call of it.
Caller = Any


def blocking(target: str, write: Write) -> Any:  # noqa: ANN401 - what the call answers
    with Client(target, timeout_seconds=PATIENCE) as client:
        list(client.models.list())  # so that there is a connection
        return write(client)


def awaited(target: str, write: Write) -> Any:  # noqa: ANN401 - what the call answers
    async def call() -> Any:  # noqa: ANN401 - what the call answers
        async with AsyncClient(target, timeout_seconds=PATIENCE) as client:
            assert [one async for one in client.models.list()]
            return await write(client)

    return asyncio.run(call())


def refused_once(target: str, write: Write) -> Any:  # noqa: ANN401 - what the call answers
    """A caller whose writes may have no request id, and so are tried once."""
    with open_channel(target, None) as channel, Client(channel=channel, timeout_seconds=PATIENCE) as client:
        list(client.models.list())
        return write(client)


def lost(proxy: CuttingProxy, caller: Caller, write: Write, done: Callable[[], object]) -> Any:  # noqa: ANN401 - what the call answers
    """What a call answers of which the service did what was asked, and whose first answer was lost."""

    def muted(client: Any) -> Any:  # noqa: ANN401 - see above
        proxy.mute()
        return write(client)

    with ThreadPoolExecutor(1) as pool:
        answer = pool.submit(caller, proxy.target, muted)
        eventually(done)
        proxy.cut()
        return answer.result(PATIENCE)


BOTH = pytest.mark.parametrize("caller", [blocking, awaited])


@BOTH
def test_a_model_is_created_once(proxy: CuttingProxy, direct: Client, model: Model, caller: Caller) -> None:
    name = f"Made once, {caller.__name__}"

    def made() -> list[Model]:
        return [one for one in direct.models.list() if one.name == name]

    created = lost(proxy, caller, lambda client: client.models.create(name), made)
    assert made() == [created]
    assert (proxy.cuts, model.version) == (1, 1)


@BOTH
def test_a_run_is_started_once(proxy: CuttingProxy, direct: Client, model: Model, caller: Caller) -> None:
    before = list(direct.runs.list(model_id=model.model_id))

    def begun() -> list[Rebalance]:
        return list(direct.runs.list(model_id=model.model_id))[: -len(before) or None]

    run = lost(proxy, caller, lambda client: client.runs.start(model.model_id), begun)
    assert [one.rebalance_id for one in begun()] == [run.rebalance_id]
    assert direct.runs.attach(run.rebalance_id).wait().portfolio_count == PORTFOLIOS


@BOTH
def test_a_portfolio_is_rebalanced_once(
    proxy: CuttingProxy, direct: Client, model: Model, caller: Caller
) -> None:
    portfolio_id = model.portfolio_ids[0]
    before = list(direct.runs.list(portfolio_ids=[portfolio_id]))

    def stored() -> list[Rebalance]:
        return list(direct.runs.list(portfolio_ids=[portfolio_id]))[: -len(before) or None]

    answer = lost(proxy, caller, lambda client: client.portfolios.rebalance(portfolio_id), stored)
    assert [one.rebalance_id for one in stored()] == [answer.rebalance_id]
    assert answer == direct.runs.portfolio(answer.rebalance_id, portfolio_id)


def test_a_write_without_a_request_id_is_not_tried_again(proxy: CuttingProxy, direct: Client) -> None:
    """It may have been done, as here: only who asked can know whether to ask again."""
    created = direct.models.create("Changed once")

    def changed() -> bool:
        return direct.models.get(created.model_id).version > 1

    def change(client: Client) -> Model:
        return client.models.update(created.model_id, 1, name="Changed")

    with pytest.raises(Unavailable):
        lost(proxy, blocking, change, changed)
    assert direct.models.get(created.model_id).version == 2


def test_a_channel_on_which_writes_may_have_no_request_id_tries_none_again(
    proxy: CuttingProxy, direct: Client
) -> None:
    def made() -> list[Model]:
        return [one for one in direct.models.list() if one.name == "Refused once"]

    with pytest.raises(Unavailable):
        lost(proxy, refused_once, lambda client: client.models.create("Refused once"), made)
    assert len(made()) == 1
