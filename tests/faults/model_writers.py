"""Writers of models who keep account of what must be there, whatever happens to the database meanwhile."""

import uuid
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import partial
from itertools import count
from threading import Event
from typing import Any, TypeVar

import grpc
import pymongo
from globeco.ordergen.v1 import model_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from grpc_health.v1 import health_pb2, health_pb2_grpc

from ordergen_server.bootstrap import serving
from ordergen_server.configuration.settings import Settings
from tests.integration.api.model_calls import Failure, attempt, get, line, lines, model, no_model, pb
from tests.limits import PATIENCE
from tests.waiting import eventually

#: Of one operation of the database, so short that calls give up on one that is away.
GIVING_UP_SECONDS = 3.0
DATABASE = "faulty"
WRITERS = 4
Answer = TypeVar("Answer")


@dataclass
class Service:
    """A service, and whether it is ready."""

    models: ModelServiceStub
    health: health_pb2_grpc.HealthStub

    def serves(self) -> bool:
        """Whether it says that it is ready, and is."""
        answer = attempt(partial(self.models.ListModels, pb.ListModelsRequest(page_size=1), timeout=PATIENCE))
        return self.ready() and not isinstance(answer, Failure)

    def ready(self) -> bool:
        """Whether it says that it is ready."""
        answer = self.health.Check(health_pb2.HealthCheckRequest(), timeout=PATIENCE)  # type: ignore[attr-defined]
        return bool(answer.status == health_pb2.HealthCheckResponse.SERVING)


@contextmanager
def service_on(
    mongodb_uri: str,
    *,
    health_interval_seconds: float = 0.2,
) -> Iterator[Service]:
    """A service on a database."""
    settings = Settings(
        compute_processes=0,
        host="127.0.0.1",
        port=0,
        health_port=0,
        metrics_port=0,
        message_seconds=PATIENCE,
        mongodb_database=DATABASE,
        mongodb_timeout_seconds=GIVING_UP_SECONDS,
        maximum_call_seconds=PATIENCE,
        health_interval_seconds=health_interval_seconds,
        drain_seconds=1,
    )
    with (
        serving(settings, mongodb_uri) as running,
        grpc.insecure_channel(f"127.0.0.1:{running.port}") as api,
        grpc.insecure_channel(f"127.0.0.1:{running.health_port}") as probe,
    ):
        yield Service(ModelServiceStub(api), health_pb2_grpc.HealthStub(probe))


def is_unknown(answer: object) -> bool:
    """Whether the call failed without saying what became of it; that is UNAVAILABLE with a time to wait."""
    if not isinstance(answer, Failure) or answer.code is not grpc.StatusCode.UNAVAILABLE:
        return False
    assert answer.reason == "DATABASE_UNAVAILABLE"
    assert answer.metadata == {"service": "database"}
    assert answer.retry_seconds is not None
    return True


def insist(call: Callable[[], Answer]) -> Answer | Failure:
    """Make a call that may be repeated until its outcome is known."""

    answers: list[Answer | Failure] = []

    def known() -> bool:
        answers[:] = [attempt(call)]
        return not is_unknown(answers[0])

    eventually(known)
    return answers[0]


def insist_on_model(call: Callable[[], model_pb2.Model]) -> model_pb2.Model:
    answer = insist(call)
    assert isinstance(answer, model_pb2.Model), answer
    return answer


def repeatable(*positions: model_pb2.Position) -> pb.CreateModelRequest:
    """What may be sent again when its outcome is not known."""
    return pb.CreateModelRequest(model=model(positions=positions or None), request_id=str(uuid.uuid4()))


@dataclass
class Writer:
    """Writes until told to stop, and keeps what must be there."""

    service: ModelServiceStub
    kept: dict[str, model_pb2.Model] = field(default_factory=dict)
    perhaps: set[str] = field(default_factory=set)
    gone: set[str] = field(default_factory=set)
    steps: int = 0

    def write(self, stop: Event) -> None:
        for number in count():
            if stop.is_set():
                return
            one = self._create_repeatably()
            for security in range(1, 4):
                one = self._add_position(one, security)
            self.kept[one.model_id] = one
            self._create_once()
            if number % 2:
                self._delete(one)

    def _try(self, call: Callable[[], Answer]) -> Answer | Failure:
        """Make a call once."""
        answer = attempt(call)
        self.steps += 1
        return answer

    def _create_repeatably(self) -> model_pb2.Model:
        request = repeatable(line(0, "0.005"))
        created = insist_on_model(partial(self.service.CreateModel, request, timeout=PATIENCE))
        self.steps += 1
        assert (created.name, created.version) == (request.model.name, 1)
        return created

    def _create_once(self) -> None:
        request = pb.CreateModelRequest(model=model())
        answer = self._try(partial(self.service.CreateModel, request, timeout=PATIENCE))
        if isinstance(answer, model_pb2.Model):
            self.kept[answer.model_id] = answer
        else:
            assert is_unknown(answer), answer
            self.perhaps.add(request.model.name)

    def _add_position(self, before: model_pb2.Model, security: int) -> model_pb2.Model:
        added = line(security, "0.005")
        request = pb.AddPositionRequest(model_id=before.model_id, position=added)
        answer = self._try(partial(self.service.AddPosition, request, timeout=PATIENCE))
        if isinstance(answer, Failure):
            assert is_unknown(answer), answer
            # What was given up may be done later: only a repetition, which can succeed once, settles it.
            again = insist(partial(self.service.AddPosition, request, timeout=PATIENCE))
            assert isinstance(again, model_pb2.Model) or again.code is grpc.StatusCode.ALREADY_EXISTS, again
            answer = insist_on_model(partial(get, self.service, before.model_id))
        assert answer.version == before.version + 1
        assert lines(answer) == [*lines(before), *lines(model_pb2.Model(positions=[added]))]
        return answer

    def _delete(self, one: model_pb2.Model) -> None:
        request = pb.DeleteModelRequest(model_id=one.model_id, version=one.version)
        answer = self._try(partial(self.service.DeleteModel, request, timeout=PATIENCE))
        if is_unknown(answer):
            answer = insist(partial(self.service.DeleteModel, request, timeout=PATIENCE))
        if isinstance(answer, Failure):  # repeated, by us or by the driver, and done by the first
            assert answer == no_model(one.model_id)
        del self.kept[one.model_id]
        self.gone.add(one.model_id)


@contextmanager
def writing(service: Service) -> Iterator[list[Writer]]:
    """Some writers at work for the time of the block."""
    writers = [Writer(service.models) for _ in range(WRITERS)]
    stop = Event()
    with ThreadPoolExecutor(WRITERS) as threads:
        running = [threads.submit(one.write, stop) for one in writers]
        try:
            yield writers
            eventually(lambda: any(one.gone for one in writers))  # for what is checked afterwards
        finally:
            stop.set()
        for one in running:
            one.result(PATIENCE)


def steps_of(writers: list[Writer]) -> int:
    return sum(one.steps for one in writers)


def have_done(writers: list[Writer], steps: int) -> bool:
    return steps_of(writers) >= steps


def check_everything(service: Service, mongodb_uri: str, writers: list[Writer]) -> None:
    """What is there is what was acknowledged, and what was not is there whole or not at all."""
    kept = {model_id: one for writer in writers for model_id, one in writer.kept.items()}
    gone = {model_id for writer in writers for model_id in writer.gone}
    assert len(kept) > len(gone) > 0
    for model_id, one in kept.items():
        assert insist(partial(get, service.models, model_id)) == one
    for model_id in gone:
        assert insist(partial(get, service.models, model_id)) == no_model(model_id)
    with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
        stored = {str(one["_id"]): one["name"] for one in client[DATABASE].models.find()}
        perhaps = {name for writer in writers for name in writer.perhaps}
        others = {name for model_id, name in stored.items() if model_id not in kept}
        assert others - perhaps == set()
        # A model that was created with a request id came with its request, and the other way round.
        requests = {str(one["model"]["_id"]) for one in client[DATABASE].requests.find()}
        repeatable = {one.model_id for one in kept.values() if len(one.positions) != 2}
        assert repeatable - requests == set()
        assert requests - repeatable - gone - set(kept) == set()
    for name in others:
        request = pb.ListModelsRequest(page_size=1000, order_by="name")
        listed = insist(partial(service.models.ListModels, request, timeout=PATIENCE))
        assert isinstance(listed, pb.ListModelsResponse)
        (found,) = [one for one in listed.models if one.name == name]
        assert (found.version, len(found.positions)) == (1, 2)
