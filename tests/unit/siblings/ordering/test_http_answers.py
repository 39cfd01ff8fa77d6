"""What answers to sent orders mean: what they say for certain, and nothing else."""

import json
from collections.abc import Mapping
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.domain.orders.order_service import InDoubt, OutgoingOrder, Refused, Taken
from ordergen_server.domain.rebalances import Side
from ordergen_server.siblings.ordering.http_answers import FAILED, read_outcomes
from ordergen_server.siblings.ordering.outcomes import Answer, Outcome, outcomes

SENT = [OutgoingOrder(f"{number:024}", "s" * 24, Side.BUY, 5) for number in range(3)]
DOUBT = "doubt"


def taken(place: int, order_id: int | None, **others: object) -> dict[str, Any]:
    return {"status": "SUCCESS", "message": "", "orderId": order_id, "requestIndex": place, **others}


def failed(place: int, message: str = "No", **others: object) -> dict[str, Any]:
    return {"status": "FAILURE", "message": message, "requestIndex": place, **others}


def reply(*orders: Mapping[str, Any], **others: object) -> dict[str, Any]:
    successful = sum(each["status"] == "SUCCESS" for each in orders)
    status = "PARTIAL" if 0 < successful < len(orders) else "SUCCESS" if successful else "FAILURE"
    counts = {"totalReceived": len(orders), "successful": successful, "failed": len(orders) - successful}
    return {"status": status, "message": "All of it", **counts, "orders": list(orders), **others}


def read(status: int, body: object) -> list[object]:
    """The outcomes, in short: an id, a message, or DOUBT."""
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    return [short(outcome) for outcome in read_outcomes(status, text, SENT)]


def short(outcome: Outcome) -> object:
    match outcome:
        case Taken(order_id):
            return order_id
        case Refused(message):
            return message
        case InDoubt(cause):
            assert "whether it has the order must be looked up" in cause.message
            return DOUBT


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (200, reply(taken(0, 7), taken(1, 8), taken(2, 9)), [7, 8, 9]),
        (200, reply(taken(2, 9), taken(0, 7), taken(1, 8)), [7, 8, 9]),
        (207, reply(taken(0, 7), failed(1), taken(2, 9)), [7, "No", 9]),
        (207, reply(failed(0), failed(1), failed(2)), ["No", "No", "No"]),
        (207, reply(taken(0, 7), failed(-1), taken(2, 9)), [7, DOUBT, 9]),
        (207, reply(failed(-1), failed(-1), failed(-1)), [DOUBT, DOUBT, DOUBT]),
        (207, reply(taken(0, 7), failed(2)), [7, DOUBT, "No"]),
        (200, reply(taken(0, 7), taken(1, 8), taken(1, 9)), [7, DOUBT, DOUBT]),
        (207, reply(taken(0, 7), failed(0), taken(2, 9)), [DOUBT, DOUBT, 9]),
        (200, reply(taken(1, 7), taken(2, 8), taken(3, 9)), [DOUBT, DOUBT, DOUBT]),
        (207, reply(taken(0, 7), taken(1, 8), failed(-2)), [DOUBT, DOUBT, DOUBT]),
        (200, reply(taken(0, 7), taken(1, 7), taken(2, 9)), [DOUBT, DOUBT, 9]),
        (200, reply(taken(0, None), taken(1, 0), taken(2, 2**63)), [DOUBT, DOUBT, DOUBT]),
        (207, reply(taken(0, 7), failed(1, orderId=8), taken(2, 9)), [7, DOUBT, 9]),
        (200, reply(taken(0, 7), taken(1, 8), taken(2, 9), totalReceived=2), [DOUBT, DOUBT, DOUBT]),
        (200, reply(taken(0, 7), taken(1, 8), taken(2, 9), successful=2), [DOUBT, DOUBT, DOUBT]),
        (200, reply(taken(0, 7), taken(1, 8), taken(2, 9), status="PARTIAL"), [DOUBT, DOUBT, DOUBT]),
        (200, reply({**taken(0, 7), "status": "DONE"}, taken(1, 8)), [DOUBT, DOUBT, DOUBT]),
        (200, reply(), [DOUBT, DOUBT, DOUBT]),
        (200, b"[]", [DOUBT, DOUBT, DOUBT]),
        (200, b"<html>", [DOUBT, DOUBT, DOUBT]),
        (201, reply(taken(0, 7), taken(1, 8), taken(2, 9)), [DOUBT, DOUBT, DOUBT]),
        (400, reply(), ["All of it"] * 3),
        (413, reply(), ["All of it"] * 3),
        (400, reply(failed(0), failed(1), failed(2)), [DOUBT, DOUBT, DOUBT]),
        (400, {"error": "Bad Request"}, [DOUBT, DOUBT, DOUBT]),
        (413, b"<html>too large</html>", [DOUBT, DOUBT, DOUBT]),
        (404, {"error": "Not Found"}, [DOUBT, DOUBT, DOUBT]),
        (403, reply(), [DOUBT, DOUBT, DOUBT]),
    ],
)
def test_what_an_answer_says(status: int, body: object, expected: list[object]) -> None:
    assert read(status, body) == expected


@pytest.mark.parametrize("words", FAILED)
def test_a_failure_of_the_service_is_no_refusal_of_the_order(words: str) -> None:
    body = reply(taken(0, 7), failed(1, f"{words}: deadlock"), failed(2, "Quantity must be positive"))
    assert read(207, body) == [7, DOUBT, "Quantity must be positive"]


def test_an_order_that_is_shown_must_be_the_one_that_was_sent() -> None:
    def shown(portfolio_id: str) -> dict[str, Any]:
        return {"portfolio": {"portfolioId": portfolio_id}, "security": {"securityId": "s" * 24}}

    ours, other = shown(SENT[0].portfolio_id), shown(SENT[2].portfolio_id)
    body = reply(taken(0, 7, order=ours), taken(1, 8, order=other), taken(2, 9, order=None))
    assert read(200, body) == [7, DOUBT, 9]


def test_a_message_is_cut() -> None:
    assert read(207, reply(failed(0, "x" * 1000), failed(1), failed(2)))[0] == "x" * 197 + "..."


places = st.integers(-2, 4)
entries = st.builds(taken, places, st.none() | st.integers(-1, 4)) | st.builds(
    failed, places, st.sampled_from(["No", *FAILED])
)


@given(st.lists(entries, max_size=6), st.sampled_from([200, 207, 400, 413]), st.data())
def test_nothing_is_taken_but_by_one_clear_answer(
    orders: list[dict[str, Any]], status: int, data: st.DataObject
) -> None:
    """Whatever is answered: taken is an order alone that one answer gives an id that no other has."""
    others = data.draw(st.fixed_dictionaries({}, optional={"failed": st.integers(0, 3)}))
    got = read_outcomes(status, json.dumps(reply(*orders, **others)).encode(), SENT)
    assert len(got) == len(SENT)
    for place, outcome in enumerate(got):
        about = [each for each in orders if each["requestIndex"] == place]
        if isinstance(outcome, Taken):
            same = [each for each in orders if each.get("orderId") == outcome.external_order_id]
            assert about == same == [taken(place, outcome.external_order_id)]
        if isinstance(outcome, Refused) and orders:
            assert about == [failed(place, outcome.message)]


@given(st.binary() | st.text().map(str.encode) | st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
).map(lambda value: json.dumps(value).encode()))  # fmt: skip
def test_what_is_no_answer_leaves_all_in_doubt(body: bytes) -> None:
    assert read(200, body) == [DOUBT] * 3


@given(st.lists(st.builds(Answer, places, st.none() | st.integers(-1, 4), st.none() | st.text(max_size=3))))
def test_every_order_has_an_outcome(answers: list[Answer]) -> None:
    got = outcomes(answers, 3)
    ids = [outcome.external_order_id for outcome in got if isinstance(outcome, Taken)]
    assert len(got) == 3
    assert len(set(ids)) == len(ids)
