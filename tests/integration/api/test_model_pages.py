"""ListModels over the wire: orders, pages, filters, tokens."""

from collections.abc import Iterator
from functools import partial

import pymongo
import pytest
from bson import ObjectId
from globeco.ordergen.v1 import model_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub

from tests.builders import NOW, portfolio_id
from tests.databases import temporary_database
from tests.integration.api.model_calls import (
    create,
    failure,
    line,
    model,
    pb,
    refused,
    server,
)

COUNT = 60
NAMES = [f"Model {7 * number % COUNT:02d}" for number in range(COUNT)]
FOREIGN = "must be the next_page_token of a call with the same arguments"


@pytest.fixture(scope="module")
def stocked(mongodb_uri: str) -> Iterator[ModelServiceStub]:
    """Models whose names have another order than their ids; each third was never rebalanced."""
    with temporary_database(mongodb_uri) as name, server(mongodb_uri, name) as stub:
        ids = [create(stub, model(text, [line(1)], [number])).model_id for number, text in enumerate(NAMES)]
        with pymongo.MongoClient[dict[str, object]](mongodb_uri) as client:
            for number, model_id in enumerate(ids):
                if number % 3:
                    time = NOW.replace(year=2000 + number % 5)
                    client[name].model_activity.insert_one(
                        {"_id": ObjectId(model_id), "last_rebalance_time": time}
                    )
        yield stub


def everything(service: ModelServiceStub, order_by: str, page_size: int = 7) -> list[model_pb2.Model]:
    found: list[model_pb2.Model] = []
    request = pb.ListModelsRequest(order_by=order_by, page_size=page_size)
    while True:
        page = service.ListModels(request)
        assert page.total_size == COUNT
        assert len(page.models) == min(page_size, COUNT - len(found))
        found += page.models
        if not page.next_page_token:
            return found
        request.page_token = page.next_page_token


def rebalanced(one: model_pb2.Model) -> int:
    """The time of the last rebalance; never is before all others."""
    return one.last_rebalance_time.ToNanoseconds()


@pytest.mark.parametrize(
    ("order_by", "keys"),
    [
        ("", "i"),
        ("model_id", "i"),
        ("model_id desc", "-i"),
        ("-model_id", "-i"),
        ("name", "n"),
        (" name  desc ", "-n"),
        ("+name", "n"),
        ("-name", "-n"),
        ("name,,", "n"),
        ("last_rebalance_time", "t"),
        ("last_rebalance_time desc", "-t"),
        ("last_rebalance_time,name", "t n"),
        ("last_rebalance_time,-name", "t -n"),
        ("last_rebalance_time desc, name", "-t n"),
        ("-last_rebalance_time,-name", "-t -n"),
        ("last_rebalance_time, model_id desc", "t -i"),
        ("-last_rebalance_time,+model_id,name", "-t i"),
        ("last_rebalance_time,name desc,model_id", "t -n"),
        ("name desc,last_rebalance_time", "-n"),
        ("model_id,name", "i"),
    ],
)
def test_every_order_over_pages(stocked: ModelServiceStub, order_by: str, keys: str) -> None:
    found = everything(stocked, order_by)
    expected = sorted(found, key=lambda one: one.model_id)
    for key in reversed(keys.split()):  # Python's sort is stable
        values = {"i": lambda one: one.model_id, "n": lambda one: one.name, "t": rebalanced}
        expected.sort(key=values[key[-1]], reverse=key.startswith("-"))
    assert sorted(one.name for one in found) == sorted(NAMES)
    if keys in {"t", "-t"}:
        assert list(map(rebalanced, found)) == list(map(rebalanced, expected))
    else:
        assert [one.model_id for one in found] == [one.model_id for one in expected]


@pytest.mark.parametrize(
    ("order_by", "terms"),
    [
        ("nme", ["nme"]),
        ("name asc", ["name asc"]),
        ("name, name desc", ["name desc"]),
        ("version,-target, name", ["version", "-target"]),
        ("name DESC", ["name DESC"]),
        ("--name", ["--name"]),
        ("-name desc", ["-name desc"]),
    ],
)
def test_an_order_that_there_is_none_of_is_refused(
    stocked: ModelServiceStub, order_by: str, terms: list[str]
) -> None:
    rule = "must name model_id, name, last_rebalance_time, each at most once, optionally with ` desc`"
    told = failure(lambda: stocked.ListModels(pb.ListModelsRequest(order_by=order_by)))
    assert told == refused([("order_by", f"{rule}, not {term!r}") for term in terms])


def test_all_broken_rules_are_told_at_once(stocked: ModelServiceStub) -> None:
    request = pb.ListModelsRequest(page_size=-1, skip=-2, portfolio_id="x", order_by="y")
    told = failure(lambda: stocked.ListModels(request))
    assert told.paths == ["page_size", "skip", "portfolio_id", "order_by"]
    assert told.violations[:2] == [
        ("page_size", "must not be negative, not -1"),
        ("skip", "must not be negative, not -2"),
    ]


@pytest.mark.parametrize("order_by", ["", "-name", "last_rebalance_time"])
def test_page_sizes(stocked: ModelServiceStub, order_by: str) -> None:
    for size, count in ((0, 50), (1, 1), (COUNT, COUNT), (1000, COUNT), (2**31 - 1, COUNT)):
        page = stocked.ListModels(pb.ListModelsRequest(page_size=size, order_by=order_by))
        assert (len(page.models), bool(page.next_page_token)) == (count, count < COUNT)
        assert page.total_size == COUNT


@pytest.mark.parametrize("order_by", ["", "-model_id", "name", "-last_rebalance_time"])
def test_skip_passes_over_models(stocked: ModelServiceStub, order_by: str) -> None:
    whole = everything(stocked, order_by)
    first = stocked.ListModels(pb.ListModelsRequest(page_size=5, skip=10, order_by=order_by))
    assert list(first.models) == whole[10:15]
    token = first.next_page_token
    request = pb.ListModelsRequest(page_size=5, skip=20, order_by=order_by, page_token=token)
    assert list(stocked.ListModels(request).models) == whole[35:40]
    for skip in (COUNT, 2**31 - 1):
        beyond = stocked.ListModels(pb.ListModelsRequest(skip=skip, order_by=order_by))
        assert (len(beyond.models), beyond.next_page_token, beyond.total_size) == (0, "", COUNT)


@pytest.mark.parametrize("order_by", ["", "name desc", "last_rebalance_time"])
def test_only_the_model_of_a_portfolio(stocked: ModelServiceStub, order_by: str) -> None:
    page = stocked.ListModels(pb.ListModelsRequest(portfolio_id=portfolio_id(31), order_by=order_by))
    assert [one.name for one in page.models] == [NAMES[31]]
    assert (page.total_size, page.next_page_token) == (1, "")
    nothing = stocked.ListModels(pb.ListModelsRequest(portfolio_id=portfolio_id(COUNT)))
    assert nothing == pb.ListModelsResponse()


def test_no_models_are_one_empty_page(empty_service: ModelServiceStub) -> None:
    for order_by in ("", "name", "last_rebalance_time desc"):
        assert empty_service.ListModels(pb.ListModelsRequest(order_by=order_by)) == pb.ListModelsResponse()


def altered(token: str) -> str:
    """With another character in its signature; the last one has bits that mean nothing."""
    return token[:-2] + ("A" if token[-2] != "A" else "B") + token[-1]


@pytest.mark.parametrize("order_by", ["", "name"])
def test_a_token_belongs_to_its_arguments(stocked: ModelServiceStub, order_by: str) -> None:
    token = stocked.ListModels(pb.ListModelsRequest(page_size=3, order_by=order_by)).next_page_token
    foreign = [
        pb.ListModelsRequest(page_token=token, order_by="name desc"),
        pb.ListModelsRequest(page_token=token, order_by=order_by, portfolio_id=portfolio_id(1)),
        pb.ListModelsRequest(page_token=altered(token), order_by=order_by),
        pb.ListModelsRequest(page_token=f"x{token}", order_by=order_by),
        pb.ListModelsRequest(page_token=token[::-1], order_by=order_by),
    ]
    for request in foreign:
        told = failure(partial(stocked.ListModels, request))
        assert told == refused([("page_token", FOREIGN)])
    # The size of a page is no part of what is listed.
    longer = pb.ListModelsRequest(page_token=token, order_by=order_by, page_size=1000)
    assert len(stocked.ListModels(longer).models) == COUNT - 3


def test_the_same_order_in_other_words_goes_on(stocked: ModelServiceStub) -> None:
    token = stocked.ListModels(pb.ListModelsRequest(page_size=3, order_by="-name")).next_page_token
    page = stocked.ListModels(pb.ListModelsRequest(page_token=token, order_by="name desc"))
    assert page.models[0].name == sorted(NAMES)[-4]


def test_a_token_of_another_database_is_refused(
    stocked: ModelServiceStub, empty_service: ModelServiceStub
) -> None:
    token = stocked.ListModels(pb.ListModelsRequest(page_size=3)).next_page_token
    told = failure(lambda: empty_service.ListModels(pb.ListModelsRequest(page_token=token)))
    assert told == refused([("page_token", FOREIGN)])
