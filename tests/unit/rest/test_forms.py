"""Bodies: any decimal arrives as the same digits, or is refused."""

import asyncio
import json
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from pydantic import ValidationError

from ordergen_server.rest.v1.exact import _ExactRequest
from ordergen_server.rest.v1.forms import ChangedModel, NewModel, PositionForm
from ordergen_server.rest.v1.models import _position
from tests.builders import security_id

decimals = st.decimals(allow_nan=False, allow_infinity=False)
#: What JSON may have in the place of a number.
values = st.one_of(
    st.none(),
    st.booleans(),
    st.lists(st.none(), max_size=1),
    st.dictionaries(st.text(), st.none(), max_size=1),
)


def parsed(raw: bytes) -> Any:  # noqa: ANN401 - JSON
    """A body as a route reads it."""

    async def receive() -> dict[str, object]:
        return {"type": "http.request", "body": raw, "more_body": False}

    request = _ExactRequest({"type": "http", "headers": [], "state": {}}, receive)
    return asyncio.run(request.json())


@given(decimals, st.booleans())
@example(Decimal("0.095"), True)
@example(Decimal("1E+3"), True)
@example(Decimal("0.09500000000000000000000000000000001"), False)
def test_any_decimal_arrives_as_the_same_digits(number: Decimal, is_literal: bool) -> None:
    """Whether it is a number of JSON or a string."""
    literal = str(number) if is_literal else f'"{number}"'
    raw = f'{{"security_id":"{security_id(1)}","target":{literal},"high_drift":1,"low_drift":"0"}}'
    message = _position(PositionForm.model_validate(parsed(raw.encode())))
    assert Decimal(message.target.value).as_tuple() == number.as_tuple()
    assert (message.high_drift.value, message.low_drift.value) == ("1", "0")


@given(values)
def test_what_is_no_number_is_refused(value: object) -> None:
    body = {"security_id": security_id(1), "target": value, "high_drift": 0, "low_drift": 0}
    with pytest.raises(ValidationError):
        PositionForm.model_validate(parsed(json.dumps(body).encode()))


@pytest.mark.parametrize("text", ["NaN", "Infinity", "-Infinity"])
def test_constants_that_are_no_numbers_are_no_json(text: str) -> None:
    with pytest.raises(json.JSONDecodeError):
        parsed(f'{{"target":{text}}}'.encode())
    with pytest.raises(ValidationError):
        PositionForm.model_validate(
            {"security_id": security_id(1), "target": text, "high_drift": 0, "low_drift": 0}
        )


@given(st.text())
def test_any_text_is_a_name(name: str) -> None:
    assert NewModel.model_validate({"name": name, "portfolios": []}).name == name


@pytest.mark.parametrize("name", ["\ud800", "a\udfffb"])
def test_half_of_a_character_is_none(name: str) -> None:
    with pytest.raises(ValidationError):
        NewModel.model_validate({"name": name, "portfolios": []})


def test_what_is_not_known_is_passed_over() -> None:
    """A model goes back as it came, with its id and its time."""
    body = {"name": "A", "portfolios": [], "version": 1, "model_id": "x", "last_rebalance_date": None}
    assert ChangedModel.model_validate(body).version == 1


def test_an_exponent_that_no_decimal_has_is_no_json() -> None:
    """Decimal raises what is no ValueError, which would be told as nothing in particular."""
    with pytest.raises(json.JSONDecodeError):
        parsed(b'{"target": 1E-99999999999999999999}')
