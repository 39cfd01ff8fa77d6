"""Lists of more than fits into a message: any client can read them, page after page."""

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

import grpc
import pymongo
import pytest
from bson import ObjectId
from globeco.ordergen.v1 import model_service_pb2, rebalance_service_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from globeco.ordergen.v1.rebalance_service_pb2_grpc import RebalanceServiceStub

from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.options import RebalanceOptions, Restriction, RestrictionType
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.documents import to_document
from ordergen_server.repositories.run_store.market.markets import RunTable
from ordergen_server.repositories.run_store.result_documents import result_document
from ordergen_server.repositories.run_store.runs import header_of
from tests.builders import (
    NOW,
    RUN_ID,
    content,
    holdings,
    portfolio_id,
    position,
    rebalance,
    rebalanced,
    result,
    security_id,
    snapshot,
)
from tests.databases import temporary_database
from tests.integration.api.model_calls import channel_to
from tests.limits import sized

#: Models, and runs: in the short form little more than fits into a page.
COUNT = sized(260, 500)
RESULTS = sized(750, 1500)
LINES = 100
#: What a client refuses by default.
MAXIMUM_MESSAGE_BYTES = 4 * 1024 * 1024


@pytest.fixture(scope="module")
def channel(mongodb_uri: str) -> Iterator[grpc.Channel]:
    """A server with as much as one page may be asked for."""
    with temporary_database(mongodb_uri) as name, channel_to(mongodb_uri, name) as channel:
        with pymongo.MongoClient[dict[str, Any]](mongodb_uri) as client:
            database = client.get_database(name, codec_options=CODEC_OPTIONS)
            database.models.insert_many(models(), bypass_document_validation=True)
            database.rebalances.insert_many(runs())
            database.portfolio_rebalances.insert_many(results())
        yield channel


def models() -> Iterator[Document]:
    """Models whose names have another order than their ids."""
    drift = Decimal("0.0123456789012345678901234567890123")
    lines = tuple(Position(security_id(n), Decimal("0.005"), drift, drift) for n in range(LINES))
    for number in range(COUNT):
        name = f"Model {7 * number % COUNT:03d}"
        document = to_document(content(name, lines))
        yield {"_id": ObjectId(), **document, "version": 1, "create_time": NOW, "update_time": NOW}


def runs() -> Iterator[Document]:
    """Runs with as many restrictions as make them as long as a model; the first has the results."""
    held = tuple(Restriction(security_id(n), RestrictionType.HOLD) for n in range(2 * LINES))
    for number in range(COUNT):
        run_id = RUN_ID if not number else str(ObjectId())
        one = rebalance(run_id=run_id, portfolio_count=RESULTS)
        yield header_of(replace(one, options=RebalanceOptions(restrictions=held)), None)


def results() -> Iterator[Document]:
    """What became of portfolios that all traded in every security."""
    positions = [position(n, "0.005", "0.001", "0.001") for n in range(LINES)]
    market = snapshot(dict.fromkeys(range(LINES), "10"))
    one = rebalanced(result(), holdings("1000000"), positions, market)
    assert len(one.transactions) == LINES
    table = RunTable()
    for number in range(RESULTS):
        yield result_document(replace(one, portfolio_id=portfolio_id(number), sequence=number + 2), table)


def pages(call: Callable[[Any], Any], request: Any) -> Iterator[Any]:  # noqa: ANN401 - of any list
    """Every page, none of which a client refuses by its size."""
    while True:
        page = call(request)
        assert page.ByteSize() < MAXIMUM_MESSAGE_BYTES
        yield page
        if not page.next_page_token:
            return
        request.page_token = page.next_page_token


@pytest.mark.parametrize("order_by", ["", "-name"])
def test_every_model_is_on_a_page_that_a_client_takes(channel: grpc.Channel, order_by: str) -> None:
    request = model_service_pb2.ListModelsRequest(page_size=COUNT, order_by=order_by)
    found = list(pages(ModelServiceStub(channel).ListModels, request))
    assert len(found) > 1
    assert {page.total_size for page in found} == {COUNT}
    names = [one.name for page in found for one in page.models]
    assert len(names) == len(set(names)) == COUNT
    if order_by:
        assert names == sorted(names, reverse=True)


def test_every_result_of_a_run_is_on_a_page_that_a_client_takes(channel: grpc.Channel) -> None:
    request = rebalance_service_pb2.ListPortfolioRebalancesRequest(rebalance_id=RUN_ID, page_size=RESULTS)
    found = list(pages(RebalanceServiceStub(channel).ListPortfolioRebalances, request))
    assert len(found) > 1
    ids = [one.portfolio_id for page in found for one in page.portfolio_rebalances]
    assert ids == [portfolio_id(number) for number in range(RESULTS)]


def test_every_run_is_on_a_page_that_a_client_takes(channel: grpc.Channel) -> None:
    request = rebalance_service_pb2.ListRebalancesRequest(page_size=COUNT)
    found = list(pages(RebalanceServiceStub(channel).ListRebalances, request))
    assert len(found) > 1
    ids = [one.rebalance_id for page in found for one in page.rebalances]
    assert len(ids) == len(set(ids)) == COUNT
    assert ids == sorted(ids, reverse=True)
