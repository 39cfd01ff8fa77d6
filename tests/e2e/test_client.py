"""Both clients against a server: the same runs, errors and iterators, blocking and awaited."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from typing import Any, TypeVar

import grpc
import grpc.aio
import pytest

from ordergen_client import (
    AsyncClient,
    Client,
    Model,
    NotFound,
    PortfolioState,
    Position,
    RebalanceState,
    SiblingUnavailable,
    Unavailable,
)
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e.api import Api, message_of, served
from tests.limits import PATIENCE
from tests.ports import free_port

Answer = TypeVar("Answer")
PORTFOLIOS = 4


@pytest.fixture(scope="module")
def api(mongodb_uri: str, faulty_siblings: SimulatedSiblings) -> Iterator[Api]:
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, faulty_siblings) as running:
        yield running


@pytest.fixture(scope="module")
def target(api: Api) -> str:
    return f"127.0.0.1:{api.port}"


@pytest.fixture(scope="module")
def client(target: str) -> Iterator[Client]:
    with Client(target, timeout_seconds=PATIENCE) as client:
        yield client


@pytest.fixture(scope="module")
def model(client: Client, faulty_siblings: SimulatedSiblings) -> Model:
    suggested = faulty_siblings.model
    positions = [
        Position(one.security_id, one.target, one.low_drift, one.high_drift) for one in suggested.positions
    ]
    return client.models.create("Of both", positions, suggested.portfolio_ids[:PORTFOLIOS])


def awaited(target: str, call: Callable[[AsyncClient], Awaitable[Answer]], **given: Any) -> Answer:  # noqa: ANN401 - whatever a client takes
    """What a coroutine answers that has a client."""

    async def run() -> Answer:
        async with AsyncClient(target, timeout_seconds=PATIENCE, **given) as client:
            return await call(client)

    return asyncio.run(run())


def test_a_run_and_its_handle(client: Client, model: Model) -> None:
    run = client.runs.start(model.model_id)
    told = [one.portfolio_id for one in run]
    ended = run.wait()
    assert sorted(told) == sorted(model.portfolio_ids)
    assert (ended.state, ended.portfolio_count) == (RebalanceState.COMPLETED, PORTFOLIOS)
    assert ended == run.read() == run.cancel() == client.runs.get(run.rebalance_id)
    again = client.runs.attach(run.rebalance_id)
    assert (again.started, again.wait(), repr(again)) == (None, ended, f"Run('{run.rebalance_id}')")
    assert [one.sequence for one in again.events(PORTFOLIOS)] == [PORTFOLIOS + 1, PORTFOLIOS + 2]
    assert list(again.events(PORTFOLIOS + 2)) == []


def test_a_run_and_its_handle_awaited(client: Client, target: str, model: Model) -> None:
    async def follow(other: AsyncClient) -> str:
        run = await other.runs.start(model.model_id)
        told = [one async for one in run]
        ended = await run.wait()
        assert ended == await run.read() == await run.cancel() == client.runs.get(run.rebalance_id)
        assert told == list(client.runs.attach(run.rebalance_id))
        again = other.runs.attach(run.rebalance_id)
        assert (again.started, await again.wait()) == (None, ended)
        assert repr(again) == f"AsyncRun('{run.rebalance_id}')"
        assert [one async for one in again.events(PORTFOLIOS + 2)] == []
        return run.rebalance_id

    rebalance_id = awaited(target, follow)
    assert client.runs.get(rebalance_id).state is RebalanceState.COMPLETED


def test_what_one_client_reads_the_other_reads(client: Client, target: str, model: Model) -> None:
    portfolio_id = model.portfolio_ids[0]

    async def read(other: AsyncClient) -> int:
        rebalance_id = (await other.portfolios.rebalance(portfolio_id)).rebalance_id
        assert [one async for one in other.models.list(page_size=1)] == list(client.models.list())
        assert [one async for one in other.runs.list(page_size=1)] == list(client.runs.list())
        done = PortfolioState.REBALANCED
        assert [one async for one in other.runs.portfolios(rebalance_id, state=done)] == list(
            client.runs.portfolios(rebalance_id, state=done)
        )
        assert [one async for one in other.runs.watch(rebalance_id)] == list(client.runs.watch(rebalance_id))
        messages = [one async for one in other.runs.watch_messages(rebalance_id)]
        assert messages == list(client.runs.watch_messages(rebalance_id))
        one = await other.runs.portfolio(rebalance_id, portfolio_id, view="BASIC")
        assert one == client.runs.portfolio(rebalance_id, portfolio_id, view="BASIC")
        await other.runs.delete(rebalance_id, client.runs.get(rebalance_id).version)
        with pytest.raises(NotFound):
            await other.runs.get(rebalance_id)
        return len(messages)

    assert awaited(target, read) == 3


def test_a_model_from_its_creation_to_its_end_awaited(target: str) -> None:
    half = Position("A" * 24, "0.500")

    async def live(client: AsyncClient) -> None:
        models = client.models
        model = await models.create("Awaited")
        assert (await models.add_position(model.model_id, half)).positions == (half,)
        assert (await models.update(model.model_id, 2, name="Renamed")).name == "Renamed"
        assert (await models.remove_position(model.model_id, half)).positions == ()
        await models.delete(model.model_id, 4)

    awaited(target, live)


def test_a_preview_is_a_stream_that_stores_nothing(client: Client, target: str, model: Model) -> None:
    before = len(list(client.runs.list()))
    told = list(client.runs.stream(model.model_id, validate_only=True, view="BASIC"))

    async def preview(other: AsyncClient) -> list[int]:
        stream = other.runs.stream(model.model_id, validate_only=True, view="BASIC")
        return [event.sequence async for event in stream]

    assert [one.sequence for one in told] == awaited(target, preview) == list(range(1, PORTFOLIOS + 3))
    assert len(list(client.runs.list())) == before


def test_a_run_that_fails_raises_its_error(
    mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> None:
    """On a server that has no prices yet."""
    siblings.set_faults("pricing", [Fault(kind="status", status=503)])
    with served(mongodb_uri, database_name, siblings) as api:
        created = api.create(message_of(siblings.model, portfolios=PORTFOLIOS))
        with Client(channel=api.channel, timeout_seconds=PATIENCE) as client:
            check_failed(client, f"127.0.0.1:{api.port}", created.model_id)


def check_failed(client: Client, target: str, model_id: str) -> None:
    run = client.runs.start(model_id)
    with pytest.raises(SiblingUnavailable) as told:
        list(run)
    assert told.value.metadata["service"] == "pricing"
    with pytest.raises(SiblingUnavailable):
        run.wait()
    (*_, last) = run.events()
    assert last.finished
    assert (last.finished.state, type(last.finished.error)) == (RebalanceState.FAILED, SiblingUnavailable)

    async def fail(other: AsyncClient) -> None:
        failed = other.runs.attach(run.rebalance_id)
        with pytest.raises(SiblingUnavailable):
            await failed.wait()
        with pytest.raises(SiblingUnavailable):
            assert not [one async for one in failed if one.state == "REBALANCED"]

    awaited(target, fail)


@pytest.mark.parametrize("asked", [False, True])
def test_what_grpc_raised_is_told_when_asked(target: str, *, asked: bool) -> None:
    async def fail(client: AsyncClient) -> BaseException | None:
        with pytest.raises(NotFound) as told:
            await client.runs.get("a" * 24)
        return told.value.__cause__

    with Client(target, timeout_seconds=PATIENCE, grpc_causes=asked) as client:
        with pytest.raises(NotFound) as one:
            client.runs.get("a" * 24)
        with pytest.raises(NotFound) as streamed:
            list(client.runs.watch("a" * 24))
    causes = [one.value.__cause__, streamed.value.__cause__, awaited(target, fail, grpc_causes=asked)]
    assert [isinstance(cause, grpc.RpcError) for cause in causes] == [asked] * 3
    assert one.value.__suppress_context__


class Counting(grpc.UnaryUnaryClientInterceptor, grpc.UnaryStreamClientInterceptor):
    """Keeps the methods of calls that block."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:  # noqa: ANN401 - of gRPC
        return self._seen(continuation, details, request)

    def intercept_unary_stream(self, continuation: Any, details: Any, request: Any) -> Any:  # noqa: ANN401 - of gRPC
        return self._seen(continuation, details, request)

    def _seen(self, continuation: Any, details: Any, request: Any) -> Any:  # noqa: ANN401 - of gRPC
        self.seen.append(details.method.rpartition("/")[2])
        return continuation(details, request)


class AsyncCounting(grpc.aio.UnaryUnaryClientInterceptor):
    """Keeps the methods of calls that are awaited."""

    def __init__(self) -> None:
        self.seen: list[str] = []

    async def intercept_unary_unary(self, continuation: Any, details: Any, request: Any) -> Any:  # noqa: ANN401 - of gRPC
        method = details.method
        self.seen.append((method.decode() if isinstance(method, bytes) else method).rpartition("/")[2])
        return await continuation(details, request)


def test_interceptors_see_every_call(target: str, model: Model) -> None:
    counting, also = Counting(), AsyncCounting()
    with Client(target, timeout_seconds=PATIENCE, interceptors=[counting]) as client:
        list(client.runs.start(model.model_id))
    assert counting.seen == ["StartRebalance", "WatchRebalance"]

    async def call(other: AsyncClient) -> str:
        return (await other.models.get(model.model_id)).name

    assert awaited(target, call, interceptors=[also]) == model.name
    assert also.seen == ["GetModel"]


def test_a_channel_that_is_given_is_neither_intercepted_nor_closed(api: Api, model: Model) -> None:
    with pytest.raises(ValueError, match="interceptors belong to a channel that the client opens"):
        Client(channel=api.channel, interceptors=[Counting()])
    for _ in range(2):
        with Client(channel=api.channel, timeout_seconds=PATIENCE) as client:
            assert client.models.get(model.model_id).name == model.name


def test_an_iterator_that_is_closed_leaves_the_run_alone(client: Client, target: str, model: Model) -> None:
    run = client.runs.start(model.model_id)
    events = run.events()
    assert next(events).sequence == 1
    events.close()

    async def leave(other: AsyncClient) -> None:
        following = other.runs.attach(run.rebalance_id).events()
        assert (await anext(following)).sequence == 1
        await following.aclose()

    awaited(target, leave)
    assert run.wait().state is RebalanceState.COMPLETED


def test_a_server_that_is_not_there_is_told_soon() -> None:
    """A stream of which nothing was heard is tried as often as another read, and not for a minute."""
    with Client(f"127.0.0.1:{free_port()}", reconnect_seconds=PATIENCE) as client, pytest.raises(Unavailable):
        list(client.runs.watch("a" * 24))
