"""Models of the service before: every number as it is written, or the rule that it breaks."""

import math
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from decimal import Decimal

import pytest
from bson import Decimal128, Int64, ObjectId, decode, encode
from bson.datetime_ms import DatetimeMS
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.domain.models import Model, ModelContent, Position
from ordergen_server.legacy.fields import NUMBER_RULE, exact
from ordergen_server.legacy.flaws import Flaw, Flaws
from ordergen_server.legacy.models import model_of
from ordergen_server.legacy.source import READING
from tests.builders import portfolio_id, security_id
from tests.legacy_documents import CREATED, RAN, Document, legacy_id, model_document, position_document

WRITTEN = (
    st.decimals(allow_nan=False, allow_infinity=False, places=8, min_value=-(10**20), max_value=10**20)
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.sampled_from([Decimal("0.015"), Decimal("0.0150"), Decimal("-0.0"), Decimal("1E+3")])
)


def stored(document: Document) -> dict[str, object]:
    """As the database gives it back."""
    return decode(encode(document), READING)


def read(document: Document) -> tuple[Model, Flaws]:
    flaws = Flaws()
    return model_of(stored(document), flaws), flaws


def broken(**changed: object) -> list[Flaw]:
    return read(model_document(**changed))[1].broken


def test_a_model_is_taken_as_it_is() -> None:
    model, flaws = read(model_document())
    assert model == Model(
        model_id=str(legacy_id(1)),
        content=ModelContent(
            name="Model 1",
            positions=(
                Position(security_id(1), Decimal("0.3"), Decimal("0.01"), Decimal("0.02")),
                Position(security_id(2), Decimal("0.250"), Decimal("0.01"), Decimal("0.02")),
            ),
            portfolio_ids=(portfolio_id(10), portfolio_id(11)),
        ),
        version=4,
        create_time=CREATED,
        update_time=RAN,
        last_rebalance_time=RAN,
    )
    assert str(model.positions[1].target) == "0.250"
    assert (flaws.broken, flaws.left_out) == ([], [])


def test_what_a_document_lacks() -> None:
    """Times that are not there follow from the id; no portfolios and no positions are none."""
    document = model_document(last_rebalance_date=None)
    for name in ("created_at", "updated_at", "portfolios", "positions"):
        del document[name]
    model, flaws = read(document)
    made = CREATED.replace(microsecond=0)
    assert (model.create_time, model.update_time, model.last_rebalance_time) == (made, made, None)
    assert (model.positions, model.portfolio_ids, flaws.broken) == ((), (), [])


def test_positions_with_target_0_are_left_out_and_told() -> None:
    document = model_document(positions=[position_document(1, "0.3"), position_document(2, "0.000")])
    model, flaws = read(document)
    assert [one.security_id for one in model.positions] == [security_id(1)]
    assert flaws.broken == []
    assert flaws.left_out == [Flaw("positions[1]", "a position with target 0 is none", security_id(2))]


@pytest.mark.parametrize("written", [0.015, "0.015", Decimal128("0.015"), "1.5E-2"])
def test_numbers_that_people_wrote_are_what_they_wrote(written: object) -> None:
    line = {**position_document(1, "0.1"), "target": written}
    model, flaws = read(model_document(positions=[line], version=4.0))
    assert (flaws.broken, model.version) == ([], 4)
    assert model.positions[0].target == Decimal("0.015")


@pytest.mark.parametrize(
    ("changed", "flaw"),
    [
        ({"name": None}, Flaw("name", "must be text", "nothing")),
        ({"name": "  "}, Flaw("name", "must not be blank", "  ")),
        ({"name": "x" * 256}, Flaw("name", "must have at most 255 characters", "256")),
        ({"version": 0}, Flaw("version", "must be a whole number from 1 to 9223372036854775807", "0")),
        ({"version": 1.5}, Flaw("version", "must be a whole number from 1 to 9223372036854775807", "1.5")),
        ({"version": True}, Flaw("version", "must be a whole number from 1 to 9223372036854775807", "True")),
        ({"positions": "none"}, Flaw("positions", "must be a list", "none")),
        ({"positions": [7]}, Flaw("positions[0]", "must be a document", "7")),
        ({"portfolios": [None]}, Flaw("portfolios[0]", "must be text")),
        (
            {"portfolios": ["short"]},
            Flaw("portfolios[0]", "must be exactly 24 alphanumeric characters", "short"),
        ),
        (
            {"portfolios": [portfolio_id(1)] * 2},
            Flaw("portfolios[1]", "must be in the model only once", portfolio_id(1)),
        ),
        (
            {"positions": [position_document(1, "0.5"), position_document(2, "0.5")]},
            Flaw("positions", "must have targets that add up to at most 0.95", "1.0"),
        ),
        (
            {"positions": [position_document(1, "0.0151")]},
            Flaw("positions[0].target", "must be a multiple of 0.005", "0.0151"),
        ),
        (
            {"positions": [position_document(1, 0.1 + 0.2)]},
            Flaw("positions[0].target", "must be a multiple of 0.005", "0.30000000000000004"),
        ),
        (
            {"positions": [position_document(1, "0.3", low="0.03")]},
            Flaw("positions[0].low_drift", "must not exceed high_drift (0.02)", "0.03"),
        ),
        (
            {"positions": [position_document(1, "0.3", high="1.5")]},
            Flaw("positions[0].high_drift", "must be from 0 to 1", "1.5"),
        ),
        ({"positions": [position_document(1, "NaN")]}, Flaw("positions[0].target", NUMBER_RULE, "NaN")),
        ({"positions": [position_document(1, None)]}, Flaw("positions[0].target", NUMBER_RULE, "nothing")),
        (
            {"last_rebalance_date": "yesterday"},
            Flaw("last_rebalance_date", "must be a time of whole milliseconds", "yesterday"),
        ),
    ],
)
def test_what_breaks_a_rule_is_told_with_its_field(changed: Document, flaw: Flaw) -> None:
    assert flaw in broken(**changed)


def test_a_time_that_python_has_none_for_is_told() -> None:
    (flaw,) = broken(created_at=DatetimeMS(2**62))
    assert (flaw.field, flaw.rule) == ("created_at", "must be a time of whole milliseconds")


def test_all_that_is_wrong_is_told_at_once() -> None:
    found = broken(name="", version=0, positions=[position_document(1, "2", high="2")], portfolios=["x"])
    assert [one.field for one in found] == [
        "name",
        "positions[0].target",
        "positions[0].high_drift",
        "positions",
        "portfolios[0]",
        "version",
    ]


def test_times_as_text_are_utc_unless_they_say_otherwise() -> None:
    document = model_document(
        created_at="2025-06-03T19:48:27.005", updated_at="2025-09-17T01:59:59.123+02:00"
    )
    model, flaws = read(document)
    assert (model.create_time, model.update_time, flaws.broken) == (CREATED, RAN, [])


@given(number=WRITTEN, form=st.sampled_from([str, Decimal128, float, int, Int64, "{:f}".format]))
def test_a_number_is_exactly_what_is_written_or_none(
    number: Decimal, form: Callable[[Decimal], object]
) -> None:
    """As Decimal128, text, double or integer: what arrives is the same number, or it is refused."""
    try:
        written = form(number)
        document = stored({"_id": ObjectId(), "number": written})
    except (ArithmeticError, OverflowError):
        return  # it has no such form
    expected = Decimal(repr(written)) if isinstance(written, float) else Decimal(str(written))
    found = exact(document["number"])
    if found is None:
        _, digits, exponent = expected.as_tuple()
        beyond = not math.isfinite(expected) or expected.adjusted() >= 40
        assert beyond or len(digits) > 34 or -int(exponent) > 40 or len(str(written)) > 80
    else:
        assert (found, found.is_signed()) == (expected, expected < 0)
        if expected:
            assert found.as_tuple() == expected.as_tuple()


@pytest.mark.parametrize(
    "value",
    [None, True, "", "1_0", " 1", "NaN", "Infinity", math.nan, math.inf, "\u0661", b"1", [], {}],
)
def test_what_is_no_number(value: object) -> None:
    assert exact(value) is None


def test_a_model_under_an_id_as_text() -> None:
    as_text = model_document(_id=str(legacy_id(1)))
    expected, _ = read(model_document())
    assert read(as_text)[0] == replace(expected, model_id=str(legacy_id(1)))
    assert datetime.fromtimestamp(0, UTC) < expected.create_time
