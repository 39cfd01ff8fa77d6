"""Answers in JSON: digits stay, and what breaks is never taken for whole."""

import asyncio
import json
from collections.abc import AsyncIterator
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.responses import Response, StreamingResponse

from ordergen_server.rest.answering.answers import BUFFERED_BYTES, answered, answered_in_parts, array, encode

decimals = st.decimals(allow_nan=False, allow_infinity=False)


async def parts(*given: bytes, breaks: bool = False) -> AsyncIterator[bytes]:
    for one in given:
        yield one
    if breaks:
        raise ConnectionAbortedError


@given(decimals)
def test_a_number_has_its_digits(number: Decimal) -> None:
    """And is a number of JSON."""
    (read,) = json.loads(encode([number]), parse_float=Decimal, parse_int=Decimal)
    assert (read, read.is_signed()) == (number, number.is_signed())
    assert read.as_tuple() == number.as_tuple()


@given(st.lists(decimals))
def test_an_array_is_one(numbers: list[Decimal]) -> None:
    async def items() -> AsyncIterator[Decimal]:
        for one in numbers:
            yield one

    async def whole() -> bytes:
        return b"".join([part async for part in array(items())])

    assert json.loads(asyncio.run(whole()), parse_float=Decimal, parse_int=Decimal) == numbers


def test_a_short_answer_has_a_length_and_a_long_one_comes_in_parts() -> None:
    async def look() -> None:
        short = await answered_in_parts(parts(b"[", b"]"))
        assert (short.body, type(short)) == (b"[]", Response)
        half = b" " * (BUFFERED_BYTES // 2 + 1)
        long = await answered_in_parts(parts(half, half, b"[]"))
        assert isinstance(long, StreamingResponse)
        sent = [part async for part in long.body_iterator]
        assert sent == [half + half, b"[]"]

    asyncio.run(look())


def test_what_breaks_before_the_answer_begins_has_a_status() -> None:
    with pytest.raises(ConnectionAbortedError):
        asyncio.run(_first(answered_in_parts(parts(b"[", breaks=True))))


async def _first(answer: object) -> object:
    return await answer  # type: ignore[misc] # a coroutine


def test_an_answer_says_what_it_is() -> None:
    answer = answered({"detail": "no"}, 404, {"retry-after": "1"})
    assert (answer.status_code, answer.body) == (404, b'{"detail":"no"}')
    assert (answer.headers["content-type"], answer.headers["retry-after"]) == ("application/json", "1")
