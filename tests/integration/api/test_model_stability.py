"""Pages stay stable while models are created, renamed, deleted and rebalanced."""

import random
import uuid
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from threading import Event, Thread

import pytest
from globeco.ordergen.v1 import model_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from google.protobuf import field_mask_pb2

from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from tests.builders import NOW
from tests.databases import temporary_database
from tests.integration.api.model_calls import attempt, create, model, pb, server
from tests.limits import DATABASE_SECONDS, PATIENCE
from tests.waiting import eventually

LASTING = 150
"""More than the driver reads at once, so that it asks again in the middle of an index."""
ORDERS = [
    "",
    "model_id desc",
    "name",
    "name desc",
    "last_rebalance_time",
    "last_rebalance_time desc",
    "last_rebalance_time,name",
    "last_rebalance_time,name desc",
    "last_rebalance_time desc,model_id",
]


class Restless:
    """Changes models all the time, in a way of its own."""

    def __init__(self, service: ModelServiceStub, models: Models, lasting: list[str]) -> None:
        self._service = service
        self._models = models
        self._lasting = lasting
        self._stop = Event()
        self.rounds = 0

    @contextmanager
    def at_work(self) -> Iterator[None]:
        thread = Thread(target=self._work)
        thread.start()
        try:
            yield
        finally:
            self._stop.set()
            thread.join(PATIENCE)

    def _work(self) -> None:
        dice = random.Random(1)  # noqa: S311 - a test, not a secret
        while not self._stop.is_set():
            passing = create(self._service, model(random_name(dice), []))
            self._rename(dice.choice(self._lasting), random_name(dice))
            time = NOW + timedelta(seconds=self.rounds)
            self._models.mark_rebalanced(dice.choice(self._lasting), time)
            attempt(partial(self._service.DeleteModel, deletion_of(passing)))
            self.rounds += 1

    def _rename(self, model_id: str, name: str) -> None:
        version = self._service.GetModel(pb.GetModelRequest(model_id=model_id)).version
        self._service.UpdateModel(
            pb.UpdateModelRequest(
                model=model_pb2.Model(model_id=model_id, name=name, version=version),
                update_mask=field_mask_pb2.FieldMask(paths=["name"]),
            )
        )


def deletion_of(one: model_pb2.Model) -> pb.DeleteModelRequest:
    return pb.DeleteModelRequest(model_id=one.model_id, version=one.version)


def random_name(dice: random.Random) -> str:
    """Anywhere in the order of names."""
    return f"{dice.random()} {uuid.uuid4().hex}"


@pytest.fixture(scope="module")
def restless(mongodb_uri: str) -> Iterator[tuple[ModelServiceStub, list[str], Restless]]:
    """A server whose models change while its tests run."""
    dice = random.Random(2)  # noqa: S311 - a test, not a secret
    with temporary_database(mongodb_uri) as name, server(mongodb_uri, name) as stub:
        lasting = [create(stub, model(random_name(dice), [])).model_id for _ in range(LASTING)]
        database = Database(mongodb_uri, name, pool_size=4, timeout_seconds=DATABASE_SECONDS)
        changer = Restless(stub, Models(database, PageTokens.of(database)), lasting)
        with changer.at_work():
            yield stub, lasting, changer
        database.close()


@pytest.mark.parametrize("order_by", ORDERS)
def test_no_model_comes_twice_and_none_that_lasted_is_skipped(
    restless: tuple[ModelServiceStub, list[str], Restless], order_by: str
) -> None:
    service, lasting, changer = restless
    before = changer.rounds
    request = pb.ListModelsRequest(order_by=order_by, page_size=9)
    found: list[str] = []
    while True:
        page = service.ListModels(request)
        assert LASTING <= page.total_size <= LASTING + 1
        found += [one.model_id for one in page.models]
        eventually(lambda: changer.rounds > before)  # while there are pages left to read
        request.page_token = page.next_page_token
        if not page.next_page_token:
            break
    assert len(found) == len(set(found))
    assert set(lasting) - set(found) == set()
