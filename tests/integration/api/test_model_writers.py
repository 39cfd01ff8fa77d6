"""Many writers at once: what they leave is what some order of their successful calls makes."""

import random
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from itertools import product, starmap
from threading import Barrier

import grpc
import pytest
from globeco.ordergen.v1 import model_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from google.protobuf import field_mask_pb2

from ordergen_server.domain import changes
from ordergen_server.domain.changes import Change, PositionMatch
from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.models import ModelContent, Position
from tests.builders import security_id
from tests.integration.api.model_calls import (
    Failure,
    attempt,
    create,
    get,
    line,
    model,
    new_portfolios,
    outdated,
    pb,
    server,
    taken,
)
from tests.limits import PATIENCE, sized

WRITERS = 16
STEPS = sized(5, 20)
ROUNDS = sized(4, 20)
SHARED = 6
"""Securities that all writers add, replace and remove."""


@pytest.fixture(params=[1, 2], ids=["one server", "two servers"])
def services(
    request: pytest.FixtureRequest, mongodb_uri: str, database_name: str
) -> Iterator[list[ModelServiceStub]]:
    """Servers on one database."""
    with ExitStack() as stack:
        yield [stack.enter_context(server(mongodb_uri, database_name)) for _ in range(request.param)]


@dataclass(frozen=True)
class Call:
    """One call: what it means for the content, the version it named, and what came of it."""

    change: Change
    version: int
    answer: model_pb2.Model | Failure


Send = Callable[[ModelServiceStub, str, int], model_pb2.Model]


def content_of(message: model_pb2.Model) -> ModelContent:
    positions = tuple(map(position_of, message.positions))
    return ModelContent(message.name, positions, tuple(message.portfolio_ids))


def position_of(message: model_pb2.Position) -> Position:
    target, low, high = (
        Decimal(one.value) for one in (message.target, message.low_drift, message.high_drift)
    )
    return Position(message.security_id, target, low, high)


def own_portfolio(writer: int, step: int) -> str:
    """One that is linked at first, and that no other call of any writer unlinks."""
    return f"W{writer:011d}S{step:011d}"


def random_call(dice: random.Random, writer: int, step: int) -> tuple[Change, Send]:
    """A change that, where it succeeds, changes something: its drifts, names and ids are its own."""
    gone = [own_portfolio(writer, step)]
    one = line(dice.randrange(SHARED), dice.choice(["0.1", "0.2"]), f"0.{writer:02d}{step:02d}1", "1")
    own = new_portfolios(1)
    name = f"Writer {writer} step {step}"
    mask = field_mask_pb2.FieldMask(paths=["name"])
    return dice.choice(
        [
            (
                changes.add_position(position_of(one)),
                lambda stub, id_, version: stub.AddPosition(
                    pb.AddPositionRequest(model_id=id_, position=one, version=version)
                ),
            ),
            (
                changes.update_position(position_of(one)),
                lambda stub, id_, version: stub.UpdatePosition(
                    pb.UpdatePositionRequest(model_id=id_, position=one, version=version)
                ),
            ),
            (
                changes.remove_position(PositionMatch(one.security_id, None, None, None)),
                lambda stub, id_, version: stub.RemovePosition(
                    pb.RemovePositionRequest(
                        model_id=id_, position=line(one.security_id, "", "", ""), version=version
                    )
                ),
            ),
            (
                changes.add_portfolios(own),
                lambda stub, id_, version: stub.AddPortfolios(
                    pb.AddPortfoliosRequest(model_id=id_, portfolio_ids=own, version=version)
                ),
            ),
            (
                changes.remove_portfolios(gone),
                lambda stub, id_, version: stub.RemovePortfolios(
                    pb.RemovePortfoliosRequest(model_id=id_, portfolio_ids=gone, version=version)
                ),
            ),
            (
                changes.take_fields(ModelContent(name, (), ()), ["name"]),
                lambda stub, id_, version: stub.UpdateModel(
                    pb.UpdateModelRequest(
                        model=model_pb2.Model(
                            model_id=id_, version=version or get(stub, id_).version, name=name
                        ),
                        update_mask=mask,
                    )
                ),
            ),
        ]
    )


def write(stub: ModelServiceStub, model_id: str, writer: int, *, guarded: bool) -> list[Call]:
    """Make the calls of one writer; a guarded one names the version that it saw last."""
    dice = random.Random(writer)  # noqa: S311 - a test, not a secret
    calls, seen = [], 1
    for step in range(STEPS):
        change, send = random_call(dice, writer, step)
        version = seen if guarded else 0
        answer = attempt(partial(send, stub, model_id, version))
        if isinstance(answer, model_pb2.Model):
            seen = answer.version
        elif "current_version" in answer.metadata:
            seen = int(answer.metadata["current_version"])
        calls.append(Call(change, version, answer))
    return calls


def history_of(first: model_pb2.Model, calls: Sequence[Call]) -> list[ModelContent]:
    """The content at each version, from the successful calls in the order of their versions."""
    done = sorted(
        ((call.answer.version, call) for call in calls if isinstance(call.answer, model_pb2.Model)),
        key=lambda pair: pair[0],
    )
    assert [version for version, _ in done] == list(range(2, len(done) + 2))
    history = [content_of(first)]
    for _, call in done:
        history.append(call.change(history[-1]))
        assert isinstance(call.answer, model_pb2.Model)
        assert content_of(call.answer) == history[-1]
    return history


def fails(change: Change, content: ModelContent) -> bool:
    try:
        change(content)
    except OrderGenerationError:
        return True
    return False


def test_mixed_writers_lose_nothing(services: list[ModelServiceStub]) -> None:
    portfolios = list(starmap(own_portfolio, product(range(WRITERS), range(STEPS))))
    first = create(services[0], model(positions=[line(0), line(1)], portfolios=portfolios))
    with ThreadPoolExecutor(WRITERS) as threads:
        running = [
            threads.submit(write, services[n % len(services)], first.model_id, n, guarded=n % 2 == 1)
            for n in range(WRITERS)
        ]
        calls = [call for one in running for call in one.result()]
    history = history_of(first, calls)
    last = get(services[-1], first.model_id)
    assert content_of(last) == history[-1]
    assert last.version == len(history) > WRITERS
    for call in calls:
        if isinstance(call.answer, model_pb2.Model):
            assert call.version in {0, call.answer.version - 1}
        elif call.answer.code is grpc.StatusCode.ABORTED:
            current = int(call.answer.metadata["current_version"])
            assert call.answer == outdated(first.model_id, current)
            assert 0 <= call.version < current <= last.version
        else:  # the state did not allow it, and there was such a state
            assert any(fails(call.change, content) for content in history)
            assert call.answer.code in {
                grpc.StatusCode.NOT_FOUND,
                grpc.StatusCode.ALREADY_EXISTS,
                grpc.StatusCode.INVALID_ARGUMENT,
            }


def at_once(sends: Sequence[Callable[[], model_pb2.Model]]) -> list[model_pb2.Model | Failure]:
    """Make all calls at the same moment."""
    barrier = Barrier(len(sends))

    def send(one: Callable[[], model_pb2.Model]) -> model_pb2.Model | Failure:
        barrier.wait(PATIENCE)
        return attempt(one)

    with ThreadPoolExecutor(len(sends)) as threads:
        return list(threads.map(send, sends))


def test_of_the_writers_of_one_version_one_wins(services: list[ModelServiceStub]) -> None:
    current = create(services[0])
    for round_ in range(ROUNDS):
        requests = [
            pb.AddPositionRequest(
                model_id=current.model_id,
                position=line(100 + WRITERS * round_ + writer, "0.005"),
                version=current.version,
            )
            for writer in range(WRITERS)
        ]
        answers = at_once(
            [partial(services[n % len(services)].AddPosition, request) for n, request in enumerate(requests)]
        )
        (winner,) = [n for n, one in enumerate(answers) if isinstance(one, model_pb2.Model)]
        lost = outdated(current.model_id, current.version + 1)
        assert [one for n, one in enumerate(answers) if n != winner and one != lost] == []
        after = get(services[-1], current.model_id)
        assert after == answers[winner]
        assert after.positions[-1] == requests[winner].position
        current = after
    assert (current.version, len(current.positions)) == (1 + ROUNDS, 2 + ROUNDS)


def test_writers_who_name_no_version_all_win(services: list[ModelServiceStub]) -> None:
    current = create(services[0], model(positions=[]))
    answers = at_once(
        [
            partial(
                services[n % len(services)].AddPosition,
                pb.AddPositionRequest(model_id=current.model_id, position=line(n, "0.005")),
            )
            for n in range(WRITERS)
        ]
    )
    versions = sorted(one.version for one in answers if isinstance(one, model_pb2.Model))
    assert versions == list(range(2, WRITERS + 2))
    after = get(services[0], current.model_id)
    assert sorted(one.security_id for one in after.positions) == [security_id(n) for n in range(WRITERS)]


def test_of_the_models_racing_for_a_portfolio_one_wins(services: list[ModelServiceStub]) -> None:
    models = [create(services[0]) for _ in range(2)]
    for _ in range(ROUNDS):
        (portfolio,) = new_portfolios(1)
        answers = at_once(
            [
                partial(
                    services[n % len(services)].AddPortfolios,
                    pb.AddPortfoliosRequest(
                        model_id=one.model_id, portfolio_ids=[*new_portfolios(1), portfolio]
                    ),
                )
                for n, one in enumerate(models)
            ]
        )
        (winner,) = [n for n, one in enumerate(answers) if isinstance(one, model_pb2.Model)]
        assert answers[1 - winner] == taken("Portfolio", portfolio, models[winner].model_id)
        owners = [one.model_id for one in models if portfolio in get(services[0], one.model_id).portfolio_ids]
        assert owners == [models[winner].model_id]


def test_of_the_creations_of_one_name_one_wins(services: list[ModelServiceStub]) -> None:
    for _ in range(ROUNDS):
        wanted = model()
        answers = at_once(
            [
                partial(services[n % len(services)].CreateModel, pb.CreateModelRequest(model=wanted))
                for n in range(8)
            ]
        )
        (winner,) = [one for one in answers if isinstance(one, model_pb2.Model)]
        assert answers.count(taken("Model", wanted.name, winner.model_id)) == 7
