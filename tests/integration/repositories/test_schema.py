"""The database refuses what the domain refuses, and nothing else."""

import uuid
from collections.abc import Callable
from copy import deepcopy
from dataclasses import replace
from decimal import Decimal
from typing import cast

import pytest
from bson import ObjectId
from bson.decimal128 import Decimal128
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pymongo.errors import WriteError

from ordergen_server.domain.models import ModelContent, Position, check_content
from ordergen_server.domain.requests.violations import Violations
from ordergen_server.repositories.mongodb.codec import Document
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.documents import to_document
from tests.builders import NOW, content, portfolio_id, position, security_id
from tests.integration.repositories.kept_documents import database_accepts, with_fields, without

SHARED = settings(
    max_examples=50,
    deadline=None,
    # Every example leaves the collection as it found it.
    suppress_health_check=[HealthCheck.function_scoped_fixture],
)


def document_of(given_content: ModelContent) -> Document:
    return {
        "_id": ObjectId(),
        **to_document(given_content),
        "version": 1,
        "create_time": NOW,
        "update_time": NOW,
    }


def domain_accepts(given_content: ModelContent) -> bool:
    violations = Violations()
    check_content(given_content, "model", violations)
    return not violations.found


def decimals(lowest: str, highest: str) -> st.SearchStrategy[Decimal]:
    return st.decimals(lowest, highest, allow_nan=False, places=4)


def steps(highest: int) -> st.SearchStrategy[Decimal]:
    """Multiples of the step, with digits that say nothing."""
    return st.builds(
        lambda count, zeros: (count * Decimal("0.005")).quantize(Decimal(1).scaleb(-3 - zeros)),
        st.integers(1, highest),
        st.integers(0, 25),
    )


names = (
    st.text(max_size=12)
    | st.text(st.sampled_from(" \t\n\u2003\x1f\x85a"), max_size=3)
    | st.text(st.characters(codec="utf-8"), min_size=250, max_size=260)
)
entity_ids = st.from_regex("[0-9A-Za-z]{24}", fullmatch=True)
good_drifts = st.tuples(decimals("0", "1"), decimals("0", "1")).map(sorted)


@st.composite
def good_contents(draw: st.DrawFn) -> ModelContent:
    securities = draw(st.lists(entity_ids, max_size=12, unique=True))
    positions = []
    for one in securities:
        low, high = draw(good_drifts)
        positions.append(Position(one, draw(steps(190 // len(securities))), low, high))
    name = draw(names.filter(lambda text: bool(text.strip()) and len(text) <= 255))
    return ModelContent(name, tuple(positions), tuple(draw(st.lists(entity_ids, max_size=5, unique=True))))


@st.composite
def any_contents(draw: st.DrawFn) -> ModelContent:
    """Good ones, and ones that break some rules."""
    ids = st.sampled_from([security_id(1), security_id(2)]) | entity_ids | st.text(min_size=23, max_size=25)
    targets = steps(80) | st.sampled_from([Decimal(text) for text in ("0.001", "-0.005", "0.955", "0.9500")])
    low_drifts = decimals("-0.1", "0.5")
    high_drifts = decimals("0", "1.1")
    positions = draw(st.lists(st.builds(Position, ids, targets, low_drifts, high_drifts), max_size=3))
    portfolios = draw(st.lists(st.sampled_from([portfolio_id(1), portfolio_id(2), "x"]), max_size=2))
    return ModelContent(draw(names), tuple(positions), tuple(portfolios))


@SHARED
@given(good_contents())
@example(content("x" * 255, tuple(position(n, "0.005") for n in range(100))))
@example(content("\U0001f4c8" * 255, (position(1, "0.95", "0", "1"),)))
@example(content("\x00", (), ()))
def test_the_database_accepts_what_the_domain_accepts(migrated: Database, good: ModelContent) -> None:
    assert domain_accepts(good)
    assert database_accepts(migrated, "models", document_of(good))


@SHARED
@given(any_contents())
@example(content("\u2003\x1f"))
@example(content("x" * 256))
def test_domain_and_database_agree(migrated: Database, some: ModelContent) -> None:
    saved = some.without_zero_targets()
    assert database_accepts(migrated, "models", document_of(saved)) == domain_accepts(saved)


def with_position(**changes: object) -> Callable[[Document], None]:
    def breaking(document: Document) -> None:
        cast("list[Document]", document["positions"])[1].update(changes)

    return breaking


def without_in_position(name: str) -> Callable[[Document], None]:
    def breaking(document: Document) -> None:
        del cast("list[Document]", document["positions"])[1][name]

    return breaking


BROKEN: list[Callable[[Document], None]] = [
    with_fields(name=""),
    with_fields(name=" \t"),
    with_fields(name="x" * 256),
    with_fields(name=1),
    with_fields(version=0),
    with_fields(version="1"),
    with_fields(create_time="now"),
    with_fields(update_time=None),
    with_fields(portfolio_ids=["short"]),
    with_fields(portfolio_ids=["P" * 24, "P" * 24]),
    with_fields(portfolio_ids=None),
    with_fields(portfolio_ids=list(map(portfolio_id, range(100_001)))),
    with_fields(positions="none"),
    with_fields(positions=[to_document(position(number, "0.005", "0", "0")) for number in range(101)]),
    with_position(security_id="x"),
    with_position(security_id=security_id(1)),
    with_position(target=Decimal(0)),
    with_position(target=Decimal("-0.005")),
    with_position(target=Decimal("0.0051")),
    with_position(target=Decimal("0.86")),  # 0.96 together
    with_position(target=Decimal("0.955")),
    with_position(target=0.25),
    with_position(target="0.25"),
    with_position(target=Decimal128("NaN")),
    with_position(low_drift=Decimal("-0.01")),
    with_position(low_drift=Decimal("0.06")),
    with_position(high_drift=Decimal("1.01")),
    with_position(high_drift=Decimal("0.04")),
    with_position(high_drift=Decimal128("Infinity")),
    with_position(low_drift=None),
    *map(without, ("name", "positions", "portfolio_ids", "version", "create_time", "update_time")),
    *map(without_in_position, ("security_id", "target", "low_drift", "high_drift")),
]


@pytest.mark.parametrize("breaking", BROKEN)
def test_each_broken_rule_is_refused_in_a_new_document_and_in_a_change(
    migrated: Database, breaking: Callable[[Document], None]
) -> None:
    good = document_of(replace(content(), name=uuid.uuid4().hex))
    broken = deepcopy(good)
    broken["_id"] = ObjectId()
    breaking(broken)
    assert not database_accepts(migrated, "models", broken)
    collection = migrated.collection("models")
    collection.insert_one(good)
    stored = collection.find_one({"_id": good["_id"]})
    with pytest.raises(WriteError):
        collection.replace_one({"_id": good["_id"]}, {k: v for k, v in broken.items() if k != "_id"})
    assert collection.find_one({"_id": good["_id"]}) == stored
