"""Models on a primary that steps away: a call succeeds or is UNAVAILABLE; what succeeded is there, once."""

from collections import Counter
from functools import partial
from threading import Event, Lock

import pytest

from ordergen_server.sandbox.database.embedded import EmbeddedDatabase
from tests.faults.model_writers import (
    check_everything,
    insist_on_model,
    is_unknown,
    repeatable,
    service_on,
    writing,
)
from tests.faults.stepping_primary import Fate, stepping_primary
from tests.integration.api.model_calls import attempt, get
from tests.limits import PATIENCE, sized
from tests.waiting import eventually

COMMANDS = ("find", "insert", "update", "delete", "commitTransaction")
#: Of the commands of a kind, one in so many meets a fault.
EVERY = 5
#: How often commands of a kind meet each fault.
ROUNDS = sized(1, 3)


class Fates:
    """Gives the faults in turns, to each kind of command by itself."""

    def __init__(self, faults: tuple[Fate, ...]) -> None:
        self._faults = faults
        self._turns = ROUNDS * len(faults)
        self._seen: Counter[str] = Counter()
        self._lock = Lock()
        self.striking = False

    def decide(self, command: str) -> Fate:
        if command not in COMMANDS or not self.striking:
            return Fate.DONE
        with self._lock:
            turn, rest = divmod(self._seen[command], EVERY)
            self._seen[command] += 1
            if rest or turn >= self._turns:
                return Fate.DONE
            return self._faults[turn % len(self._faults)]

    def all_met(self) -> bool:
        """Whether commands of every kind have met every fault."""
        return all(self._seen[command] > EVERY * (self._turns - 1) for command in COMMANDS)


@pytest.mark.parametrize(
    "faults",
    [(Fate.REFUSED, Fate.INTERRUPTED), (Fate.CUT_OFF, Fate.LOST)],
    ids=["it says so", "the connection ends"],
)
def test_nothing_acknowledged_is_lost_or_done_twice(
    embedded: EmbeddedDatabase, faults: tuple[Fate, ...]
) -> None:
    fates = Fates(faults)
    with (
        stepping_primary(embedded.port, fates.decide) as uri,
        # The driver looks for a primary twice a second at the most.
        service_on(uri, health_interval_seconds=1) as service,
    ):
        with writing(service) as writers:
            fates.striking = True
            eventually(fates.all_met)
            fates.striking = False
        check_everything(service, embedded.uri, writers)


class Leaving:
    """A primary that goes in the middle of a transaction, once, so that nobody can tell it to abort."""

    def __init__(self, fate_of_kills: Fate) -> None:
        self.away = Event()
        self._fate_of_kills = fate_of_kills
        self.kills = 0

    def decide(self, command: str) -> Fate:
        if self.away.is_set():
            return Fate.CUT_OFF
        if command == "insert":
            self.away.set()
            return Fate.LOST
        if command == "killSessions":
            self.kills += 1
            return self._fate_of_kills
        return Fate.DONE


def test_a_transaction_that_was_left_open_stands_in_nobodys_way(embedded: EmbeddedDatabase) -> None:
    leaving, request = Leaving(Fate.DONE), repeatable()
    with (
        stepping_primary(embedded.port, leaving.decide) as uri,
        service_on(uri) as service,
        service_on(embedded.uri) as other,
    ):
        assert is_unknown(attempt(partial(service.models.CreateModel, request, timeout=PATIENCE)))
        assert is_unknown(attempt(partial(other.models.CreateModel, request, timeout=PATIENCE)))
        leaving.away.clear()
        first = insist_on_model(partial(other.models.CreateModel, request, timeout=PATIENCE))
        assert first == insist_on_model(partial(get, service.models, first.model_id))


def test_a_database_that_lets_nobody_end_sessions_is_served_all_the_same(embedded: EmbeddedDatabase) -> None:
    leaving = Leaving(Fate.FORBIDDEN)
    with stepping_primary(embedded.port, leaving.decide) as uri, service_on(uri) as service:
        assert is_unknown(attempt(partial(service.models.CreateModel, repeatable(), timeout=PATIENCE)))
        eventually(lambda: not service.ready())
        leaving.away.clear()
        eventually(service.serves)
        assert leaving.kills == 1
