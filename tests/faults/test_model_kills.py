"""Models survive a database that is killed again and again, between and during writes."""

import os
import random
import signal
import time
from collections.abc import Iterator
from functools import partial

import pytest

from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from tests.faults.model_writers import (
    Service,
    check_everything,
    have_done,
    insist_on_model,
    is_unknown,
    repeatable,
    service_on,
    steps_of,
    writing,
)
from tests.integration.api.model_calls import attempt, get, line, pb
from tests.limits import sized
from tests.waiting import eventually

KILLS = sized(3, 12)
STEPS_BETWEEN = 20


@pytest.fixture
def service(embedded: EmbeddedDatabase) -> Iterator[Service]:
    with service_on(embedded.uri) as running:
        yield running


def kill(embedded: EmbeddedDatabase) -> None:
    """SIGKILL the database's process; its supervisor brings it back."""
    pid = embedded.pid
    assert pid is not None
    os.kill(pid, signal.SIGKILL)
    eventually(lambda: embedded.pid != pid)


def test_nothing_acknowledged_is_lost_and_nothing_is_half_there(
    embedded: EmbeddedDatabase, service: Service
) -> None:
    dice = random.Random(1)  # noqa: S311 - a test, not a secret
    with writing(service) as writers:
        for _ in range(KILLS):
            eventually(partial(have_done, writers, steps_of(writers) + STEPS_BETWEEN))
            time.sleep(dice.random() / 50)
            kill(embedded)
            eventually(service.serves)
    check_everything(service, embedded.uri, writers)


def test_a_database_that_is_down_is_unavailable_and_served_again_when_it_is_back(
    embedded: EmbeddedDatabase, service: Service
) -> None:
    created = insist_on_model(partial(service.models.CreateModel, repeatable()))
    embedded.stop()
    eventually(lambda: not service.ready())
    change = pb.AddPositionRequest(model_id=created.model_id, position=line(3))
    assert is_unknown(attempt(partial(get, service.models, created.model_id)))
    assert is_unknown(attempt(partial(service.models.AddPosition, change)))
    embedded.start()
    eventually(service.serves)
    assert insist_on_model(partial(get, service.models, created.model_id)) == created
