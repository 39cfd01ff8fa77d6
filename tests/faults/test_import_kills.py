"""An import that is killed again and again takes everything once in the end."""

import os
import signal
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pymongo
import pytest

from tests.databases import temporary_database
from tests.e2e.programs import ran
from tests.legacy_documents import RAN, legacy_id, model_document, portfolio_document, rebalance_document
from tests.limits import PATIENCE, sized

MODELS, RUNS = sized(20, 200), sized(120, 2000)
#: So many runs are there when it is ended, and how.
ENDED_AT = ((RUNS // 20, signal.SIGKILL), (RUNS // 5, signal.SIGINT), (RUNS // 3, signal.SIGKILL))
POLL_SECONDS = 0.002


@dataclass(frozen=True)
class Import:
    """From one database to another, which can be looked into."""

    settings: dict[str, str]
    new: Any

    def run(self) -> "subprocess.CompletedProcess[str]":
        return ran("ordergen_server.legacy", "--json", **self.settings)

    def end_at(self, runs: int, how: signal.Signals) -> tuple[int, str]:
        """Start it, and end it once there are so many runs; its exit code, and what it said."""
        with subprocess.Popen(
            [sys.executable, "-m", "ordergen_server.legacy", "--json"],
            env={**os.environ, **self.settings},
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            end = time.monotonic() + PATIENCE
            while self.new.rebalances.count_documents({}) < runs and process.poll() is None:
                assert time.monotonic() < end
                time.sleep(POLL_SECONDS)
            process.send_signal(how)
            _, told = process.communicate(timeout=PATIENCE)
        return process.returncode, told


@contextmanager
def filled(mongodb_uri: str) -> Iterator[Import]:
    with (
        temporary_database(mongodb_uri) as old,
        temporary_database(mongodb_uri) as new,
        pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client,
    ):
        done = [portfolio_document(number) for number in (10, 11, 12)]
        client[old].models.insert_many([model_document(one) for one in range(1, MODELS + 1)])
        client[old].rebalances.insert_many([rebalance_document(one, done) for one in range(1, RUNS + 1)])
        settings = {
            "ORDERGEN_LEGACY_MONGODB_URI": mongodb_uri,
            "ORDERGEN_LEGACY_MONGODB_DATABASE": old,
            "ORDERGEN_MONGODB_URI": mongodb_uri,
            "ORDERGEN_MONGODB_DATABASE": new,
            "ORDERGEN_MONGODB_TIMEOUT_SECONDS": str(PATIENCE),
        }
        yield Import(settings, client[new])


@pytest.fixture
def moving(mongodb_uri: str) -> Iterator[Import]:
    with filled(mongodb_uri) as running:
        yield running


def test_killed_and_interrupted_anywhere_it_goes_on_and_doubles_nothing(moving: Import) -> None:
    for runs, how in ENDED_AT:
        code, told = moving.end_at(runs, how)
        assert code == (130 if how is signal.SIGINT else -how)
        assert runs <= moving.new.rebalances.count_documents({}) < RUNS
        if how is signal.SIGINT:
            assert "documents: start it again, and it goes on." in told
    assert moving.run().returncode == 0
    stored = _stored(moving)
    again = moving.run()
    assert again.returncode == 0
    for name, count in (("models", MODELS), ("rebalances", RUNS)):
        assert f'"{name}": {{"taken": 0, "there": {count}, "changed_here": 0' in again.stdout
    assert _stored(moving) == stored


def _stored(moving: Import) -> tuple[object, ...]:
    """All that there is, each thing once."""
    new = moving.new
    assert new.models.count_documents({}) == MODELS
    assert new.imports.count_documents({"done": True}) == MODELS + RUNS
    results = Counter(one["rebalance_id"] for one in new.portfolio_rebalances.find({}, {"rebalance_id": 1}))
    assert results == {str(legacy_id(one, RAN)): 3 for one in range(1, RUNS + 1)}
    return tuple(list(new[name].find().sort("_id", 1)) for name in ("models", "rebalances", "model_activity"))
