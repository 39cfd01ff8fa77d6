"""Values of the domain as documents; the orders and tokens of listings."""

from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import msgspec
import pytest
from bson import Decimal128
from bson.decimal128 import create_decimal128_context
from hypothesis import example, given
from hypothesis import strategies as st

from ordergen_server.domain.errors import (
    InvalidArgument,
    OrderGenerationError,
    Resource,
    Violation,
    error_types,
)
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, SolutionQuality
from ordergen_server.domain.rebalances.runs import Rebalance
from ordergen_server.repositories.model_store.model_pages import total_order
from ordergen_server.repositories.mongodb.codec import DecimalCodec
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import from_document, to_document
from ordergen_server.repositories.mongodb.tokens import PageTokens
from tests.builders import RUN_ID, rebalance, result


@pytest.mark.parametrize("kind", error_types().values(), ids=error_types())
def test_an_error_comes_back_as_the_same_error(kind: type[OrderGenerationError]) -> None:
    error = kind(
        "message",
        metadata={"name": "value"},
        violations=[Violation("subject", "rule", "KIND")],
        resource=Resource("Model", "name", "owner"),
        retry_after_seconds=0.5,
    )
    for one in (error, kind("bare")):
        run = replace(rebalance(), error=one)
        assert from_document(to_document(run), Rebalance) == run


def test_a_result_comes_back_as_it_was() -> None:
    one = replace(
        result(sequence=7),
        solution=SolutionQuality(
            proven_optimal=True,
            objective=Decimal("1.50"),
            lower_bound=Decimal("1.50"),
            solve_duration=timedelta(microseconds=1234),
            tie_broken=True,
        ),
    )
    assert from_document(to_document(one), PortfolioRebalance) == one


def test_counts_come_back_by_state() -> None:
    run = replace(rebalance(), counts={PortfolioState.REBALANCED: 3})
    assert to_document(run)["counts"] == {"REBALANCED": 3}
    assert from_document(to_document(run), Rebalance) == run


def test_fields_of_a_newer_server_are_ignored() -> None:
    document = {**to_document(rebalance()), "_id": "x", "novelty": 1}
    assert from_document(document, Rebalance) == rebalance()


def test_what_has_no_form_in_a_document_is_refused() -> None:
    with pytest.raises(TypeError, match="object has no form"):
        to_document(object())
    with pytest.raises(msgspec.ValidationError, match="complex has no form"):
        from_document({"real": 1}, complex)


@pytest.mark.parametrize(
    "text", ["0", "1.10", "-7E+5", "9" * 34, "-0." + "9" * 33, "1E-6176", "0.000", "-0.00"]
)
def test_numbers_that_decimal128_holds(text: str) -> None:
    stored = DecimalCodec().transform_python(Decimal(text))
    assert isinstance(stored, Decimal128)
    assert DecimalCodec().transform_bson(stored).as_tuple() == Decimal(text).as_tuple()


@pytest.mark.parametrize(
    "text", ["1" * 35, "1" + "0" * 34, "-0." + "1" * 35, "1E-6177", "1E+6144", "1E+6145"]
)
def test_longer_numbers_are_stored_as_text_not_rounded(text: str) -> None:
    assert DecimalCodec().transform_python(Decimal(text)) == str(Decimal(text))


@given(st.decimals(allow_nan=False, allow_infinity=False))
def test_numbers_are_stored_as_the_driver_stores_them(number: Decimal) -> None:
    rounded = create_decimal128_context().create_decimal(number)
    fits = rounded.as_tuple() == number.as_tuple()
    assert DecimalCodec().transform_python(number) == (Decimal128(number) if fits else str(number))


@given(st.binary(min_size=16, max_size=16))
@example(bytes(14) + b"\x40\x30")
@example(b"\xff" * 14 + b"\x40\x30")
@example(b"\xff" * 14 + b"\xff\x5f")
@example(b"\xff" * 14 + b"\x00\x60")
@example(bytes(15) + b"\x78")
@example(bytes(15) + b"\x7c")
@example(bytes(15) + b"\xfc")
def test_numbers_are_read_as_the_driver_reads_them(bits: bytes) -> None:
    stored = Decimal128.from_bid(bits)
    assert DecimalCodec().transform_bson(stored).as_tuple() == stored.to_decimal().as_tuple()


@pytest.mark.parametrize(
    "uri", ["mongodb://", "http://host", "mongodb://user:pass/word@host", "mongodb://host:70000"]
)
def test_what_is_no_address_is_not_repeated(uri: str) -> None:
    """It may hold a password."""
    with pytest.raises(ValueError, match=r"^mongodb_uri is not the address of a MongoDB$") as raised:
        Database(uri, "name", pool_size=1, timeout_seconds=1)
    assert raised.value.__cause__ is None


@pytest.mark.parametrize(
    ("order_by", "expected"),
    [
        ("", [("_id", 1)]),
        (" , ", [("_id", 1)]),
        ("name", [("name", 1)]),
        ("name desc", [("name", -1)]),
        ("name  desc , model_id desc", [("name", -1)]),
        ("-last_rebalance_time,+name", [("last_rebalance_time", -1), ("name", 1)]),
        ("last_rebalance_time desc", [("last_rebalance_time", -1), ("_id", -1)]),
        ("model_id desc,name", [("_id", -1)]),
    ],
)
def test_orders(order_by: str, expected: list[tuple[str, int]]) -> None:
    assert total_order(order_by) == expected


@pytest.mark.parametrize(
    "order_by", ["nonsense", "name asc", "name desc desc", "name,name", "name,-name", "-", "_id", "Name"]
)
def test_orders_that_are_none(order_by: str) -> None:
    with pytest.raises(InvalidArgument, match=r"^order_by: must name") as raised:
        total_order(order_by)
    assert [one.subject for one in raised.value.violations] == ["order_by"]


def test_a_token_leads_back_to_its_place() -> None:
    tokens = PageTokens(b"key")
    assert tokens.read(tokens.make(["place", 5], ("a", 1)), ("a", 1)) == ["place", 5]
    assert tokens.read("", ("a", 1)) is None


@pytest.mark.parametrize(
    "forge", [lambda token: token + "x", lambda token: token[:-1], lambda _: "x.y", str.upper]
)
def test_a_token_cannot_be_forged(forge: object) -> None:
    tokens = PageTokens(b"key")
    forged = forge(tokens.make(RUN_ID, "arguments"))  # type: ignore[operator]
    with pytest.raises(InvalidArgument, match=r"^page_token: must be the next_page_token") as raised:
        tokens.read(forged, "arguments")
    assert [one.subject for one in raised.value.violations] == ["page_token"]


def test_a_token_belongs_to_its_arguments_and_its_key() -> None:
    token = PageTokens(b"key").make(RUN_ID, "arguments")
    for key, arguments in ((b"key", "others"), (b"other", "arguments")):
        with pytest.raises(InvalidArgument):
            PageTokens(key).read(token, arguments)
