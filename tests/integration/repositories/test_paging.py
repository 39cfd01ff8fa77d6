"""Long lists, page by page, while others write."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from bson import ObjectId

from ordergen_server.domain.errors import InvalidArgument
from ordergen_server.domain.models import Model
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.repositories.model_store.models import Models
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from tests.builders import NOW, content, portfolio_id

STARTING = 8
NAMES = ["Delta", "Alpha", "Echo", "Bravo", "Charlie"]


@pytest.fixture
def five(models: Models) -> list[Model]:
    """Five models; the first three were rebalanced, the first of them last."""
    created = [
        models.create(content(name, portfolio_ids=(portfolio_id(number),)), NOW)
        for number, name in enumerate(NAMES)
    ]
    for hours, model in zip((3, 1, 2), created[:3], strict=True):
        models.mark_rebalanced(model.model_id, NOW + timedelta(hours=hours))
    return created


def pages(
    models: Models, order_by: str, size: int, between: Callable[[int], object] = lambda _: None
) -> Iterator[list[str]]:
    """The names on each page; `between` is called after each, with how many there were."""
    token, count = "", 0
    while True:
        page = models.find(PageRequest(size, token), order_by, "")
        yield [model.name for model in page.items]
        count += 1
        if not page.next_token:
            return
        token = page.next_token
        between(count)


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize("size", [1, 2, 3, 5, 6])
@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        ("", NAMES),
        ("model_id desc", NAMES[::-1]),
        ("name", sorted(NAMES)),
        ("name desc", sorted(NAMES)[::-1]),
        ("last_rebalance_time", ["Bravo", "Charlie", "Alpha", "Echo", "Delta"]),
        ("last_rebalance_time desc, model_id desc", ["Delta", "Echo", "Alpha", "Charlie", "Bravo"]),
        ("-last_rebalance_time, name desc", ["Delta", "Echo", "Alpha", "Charlie", "Bravo"]),
    ],
)
def test_every_model_is_on_one_page(models: Models, order_by: str, expected: list[str], size: int) -> None:
    """Models that were never rebalanced come first, as nulls do."""
    found = list(pages(models, order_by, size))
    assert [name for page in found for name in page] == expected
    assert all(len(page) == size for page in found[:-1])
    assert found[-1]


@pytest.mark.usefixtures("five")
def test_how_many_there_are_over_all_pages(models: Models) -> None:
    first = models.find(PageRequest(2), "name", "")
    second = models.find(PageRequest(2, first.next_token), "name", "")
    assert (first.total_size, second.total_size) == (5, 5)
    assert models.find(PageRequest(), "", "") == Page(
        models.find(PageRequest(5), "", "").items, next_token="", total_size=5
    )


@pytest.mark.usefixtures("five")
def test_passing_over_some(models: Models) -> None:
    """Counted from the token where there is one."""
    for order_by, names in (("", NAMES), ("name", sorted(NAMES))):
        first = models.find(PageRequest(1, "", 1), order_by, "")
        second = models.find(PageRequest(1, first.next_token, 1), order_by, "")
        beyond = models.find(PageRequest(1, first.next_token, 100), order_by, "")
        assert [model.name for page in (first, second) for model in page.items] == [names[1], names[3]]
        assert (beyond.items, beyond.next_token) == ((), "")


def test_only_the_model_of_a_portfolio(models: Models, five: list[Model]) -> None:
    page = models.find(PageRequest(), "name", portfolio_id(3))
    assert (page.items, page.total_size) == ((five[3],), 1)
    assert models.find(PageRequest(), "", portfolio_id(77)) == Page(())


@pytest.mark.parametrize("order_by", ["", "model_id desc", "name", "name desc", "last_rebalance_time desc"])
def test_no_model_is_told_twice_or_left_out_while_others_write(
    models: Models, database: Database, five: list[Model], order_by: str
) -> None:
    """Between the pages one is deleted, one created, one renamed, one rebalanced."""
    gone = five[2]

    def write(count: int) -> None:
        if count == 1:
            database.collection("models").delete_one({"_id": ObjectId(gone.model_id)})
            models.create(content("Aardvark"), NOW)
            models.create(content("Zulu"), NOW)
            for model, name in ((five[0], "Azure"), (five[1], "Zebra")):
                database.collection("models").update_one(
                    {"_id": ObjectId(model.model_id)}, {"$set": {"name": name}}
                )
                models.mark_rebalanced(model.model_id, NOW + timedelta(days=1))

    found = [name for page in pages(models, order_by, 2, write) for name in page]
    renamed = {"Azure": "Delta", "Zebra": "Alpha"}
    originals = [renamed.get(name, name) for name in found]
    assert len(originals) == len(set(originals))
    assert {"Delta", "Alpha", "Bravo", "Charlie"} <= set(originals)


@pytest.mark.usefixtures("five")
@pytest.mark.parametrize(
    ("order_by", "portfolio"), [("name desc", ""), ("", ""), ("name", portfolio_id(1)), ("model_id,name", "")]
)
def test_a_token_belongs_to_its_arguments(models: Models, order_by: str, portfolio: str) -> None:
    token = models.find(PageRequest(2), "name", "").next_token
    with pytest.raises(InvalidArgument, match="page_token"):
        models.find(PageRequest(2, token), order_by, portfolio)


@pytest.mark.usefixtures("five")
def test_a_token_may_be_used_with_another_size(models: Models) -> None:
    token = models.find(PageRequest(2), "name", "").next_token
    assert [one.name for one in models.find(PageRequest(10, token), "+name", "").items] == sorted(NAMES)[2:]


@pytest.mark.parametrize("token", ["x", "WyJ4Iiwx.Xg", "\N{GRINNING FACE}", "." * 1000])
def test_a_forged_token(models: Models, token: str) -> None:
    with pytest.raises(InvalidArgument, match="page_token"):
        models.find(PageRequest(2, token), "name", "")


@pytest.mark.usefixtures("five")
def test_a_listing_that_has_expired(models: Models, database: Database) -> None:
    token = models.find(PageRequest(2), "name", "").next_token
    database.collection("model_listings").delete_many({})
    with pytest.raises(InvalidArgument, match="page_token: must be used within 3600 seconds"):
        models.find(PageRequest(2, token), "name", "")


def test_an_unknown_order(models: Models) -> None:
    with pytest.raises(InvalidArgument, match="order_by"):
        models.find(PageRequest(), "version", "")


def test_servers_of_one_database_read_each_others_tokens(database: Database) -> None:
    first, second = PageTokens.of(database), PageTokens.of(database)
    assert second.read(first.make("place", "arguments"), "arguments") == "place"


def test_servers_that_start_together_share_one_key(database: Database) -> None:
    """Whoever makes it: a token of one is read by all others."""
    together = Barrier(STARTING)

    def start(_: int) -> PageTokens:
        together.wait()
        return PageTokens.of(database)

    with ThreadPoolExecutor(STARTING) as pool:
        started = list(pool.map(start, range(STARTING)))
    token = started[0].make(["place"], "arguments")
    assert [one.read(token, "arguments") for one in started] == [["place"]] * STARTING
