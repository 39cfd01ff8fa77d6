"""Reports whose file has no room, or that nobody reads: their place is given back."""

import asyncio
from collections.abc import MutableMapping
from contextlib import ExitStack
from tempfile import TemporaryFile
from typing import Any, NoReturn

import pytest
from globeco.ordergen.v1 import rebalance_pb2

from ordergen_client.errors import Unavailable
from ordergen_server.rest.answering.places import Places
from ordergen_server.rest.answering.statuses import status_of
from ordergen_server.rest.v1 import report
from tests.limits import PATIENCE

NOBODY: Any = None  # nothing is asked before there is a file


async def never(*_: object) -> NoReturn:
    await asyncio.Event().wait()
    raise AssertionError


def test_places_are_so_many_and_given_back() -> None:
    places, endings = Places(2), [ExitStack() for _ in range(3)]
    assert [places.enter(one) for one in endings] == [True, True, False]
    for one in endings:
        one.close()
    assert (places.taken, places.enter(ExitStack())) == (0, True)


def test_a_front_without_room_for_a_file_says_so(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def full() -> NoReturn:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(report, "TemporaryFile", full)
    with pytest.raises(Unavailable) as raised, ExitStack() as ending:
        asyncio.run(report.written(NOBODY, rebalance_pb2.Rebalance(), NOBODY, ending))
    assert (status_of(raised.value), raised.value.message) == (
        503,
        "the REST front has no room for the file of a report: tell its operators",
    )
    assert "a report cannot be written" in caplog.text


def test_a_page_is_sent_from_its_beginning_with_its_length() -> None:
    sent: list[MutableMapping[str, Any]] = []

    async def send(message: MutableMapping[str, Any]) -> None:
        sent.append(message)

    ending = ExitStack()
    page = ending.enter_context(TemporaryFile())  # noqa: SIM115 - the stack closes it
    page.write(b"<p>" * 200_000)
    response = report.PageResponse(page, "0" * 24, ending)
    asyncio.run(response({"type": "http"}, never, send))
    assert response.headers["content-length"] == "600000"
    assert b"".join(one.get("body", b"") for one in sent) == b"<p>" * 200_000
    assert page.closed


def test_a_page_that_nobody_reads_breaks_off_and_gives_its_place_back(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(report, "SEND_SECONDS", 0.05)
    places, ending = Places(1), ExitStack()
    assert places.enter(ending)
    page = ending.enter_context(TemporaryFile())  # noqa: SIM115 - the stack closes it
    response = report.PageResponse(page, "0" * 24, ending)
    with pytest.raises(TimeoutError):
        asyncio.run(asyncio.wait_for(response({"type": "http"}, never, never), PATIENCE))
    assert (places.taken, page.closed) == (0, True)
