"""Lists of more than the API puts on a page: they are never answered short."""

from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import pymongo
import pytest
from bson import ObjectId
from globeco.ordergen.v1 import model_service_pb2, rebalance_service_pb2

from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.options import LotSize, RebalanceOptions, Restriction, RestrictionType
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.repositories.run_store.runs import header_of
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import NOW, content, rebalance, security_id
from tests.databases import temporary_database
from tests.e2e.api import Api, served
from tests.e2e.rest.conftest import Rebalanced
from tests.e2e.rest.forms import check_run
from tests.e2e.runs import watched
from tests.fronts import Front, front_process
from tests.limits import PATIENCE

#: Models of a hundred positions, and runs with as many restrictions as there may be: more than a page each.
MODELS, RUNS, LIMIT = 270, 101, 100
Both = tuple[Front, Api]


@pytest.fixture(scope="module")
def long(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Both]:
    with (
        temporary_database(mongodb_uri) as name,
        served(mongodb_uri, name, clean_siblings) as api,
        front_process(f"127.0.0.1:{api.port}") as front,
    ):
        with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
            database = client.get_database(name, codec_options=CODEC_OPTIONS)
            database.models.insert_many(models(), bypass_document_validation=True)
            database.rebalances.insert_many(runs())
        yield front, api


def models() -> Iterator[Document]:
    """Their names have another order than their ids."""
    drift = Decimal("0.0123456789012345678901234567890123")
    document = to_document(
        content("", tuple(Position(security_id(n), Decimal("0.005"), drift, drift) for n in range(100)))
    )
    for number in range(MODELS):
        name = f"Model {7 * number % MODELS:03d}"
        yield {
            **document,
            "_id": ObjectId(),
            "name": name,
            "version": 1,
            "create_time": NOW,
            "update_time": NOW,
        }


def runs() -> Iterator[Document]:
    options = RebalanceOptions(
        restrictions=tuple(Restriction(security_id(n), RestrictionType.HOLD) for n in range(1000)),
        lot_sizes=tuple(LotSize(security_id(n), 100) for n in range(100)),
    )
    for _ in range(RUNS):
        yield header_of(replace(rebalance(run_id=str(ObjectId())), options=options), None)


def listed(front: Front, path: str, key: str) -> list[str]:
    answer = front.ask("GET", path)
    assert answer.status == 200, answer.body
    return [one[key] for one in answer.json]


def test_models_of_several_pages_are_one_list(long: Both) -> None:
    front, api = long
    page = api.models.ListModels(model_service_pb2.ListModelsRequest(page_size=1000), timeout=PATIENCE)
    assert len(page.models) < MODELS == page.total_size  # it takes several, indeed
    names = [f"Model {number:03d}" for number in range(MODELS)]
    assert listed(front, "/api/v1/models?sort_by=name", "name") == names
    assert (
        listed(front, f"/api/v1/models?sort_by=-name&offset=1&limit={MODELS - 2}", "name") == names[-2:0:-1]
    )


def test_runs_of_several_pages_are_one_list(long: Both) -> None:
    front, api = long
    first = api.rebalances.ListRebalances(
        rebalance_service_pb2.ListRebalancesRequest(page_size=LIMIT), timeout=PATIENCE
    )
    assert len(first.rebalances) < LIMIT
    ids = listed(front, f"/api/v1/rebalances?limit={LIMIT}", "rebalance_id")
    assert (len(ids), ids) == (LIMIT, sorted(set(ids), reverse=True))


def test_a_list_of_long_runs_comes_in_parts(front: Front, rest_api: Api, rebalanced: Rebalanced) -> None:
    """It is longer than what is read before it begins, and whole nevertheless."""
    model_id, portfolio_id = rebalanced.model["model_id"], rebalanced.model["portfolios"][0]
    for _ in range(2):
        assert front.ask("POST", f"/api/v1/model/{model_id}/rebalance").status == 200
    answer = front.ask("POST", "/api/v1/rebalances/portfolios", {"portfolios": [portfolio_id]})
    assert answer.headers["transfer-encoding"] == "chunked"
    assert len(answer.json) == 3
    for given in answer.json:
        told = watched(rest_api, given["rebalance_id"])
        check_run(told[-1].finished, [one.portfolio for one in told[1:-1]], given)
