"""Log lines: one renderer, the ids of what a thread works for, no secret, and nobody waits for a reader."""

import io
import json
import logging
import select
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
import structlog

from ordergen_server.api.telemetry.logs import Format, LineFormatter, LineWriter, logging_to
from ordergen_server.domain.origin import Origin, carried, working_for
from tests.limits import PATIENCE
from tests.waiting import eventually

OURS = logging.getLogger("ordergen_server.somewhere")
THEIRS = logging.getLogger("library.of.others")
CALL = Origin({"correlation_id": "c-1", "method": "ModelService/GetModel", "subject": "desk"})
SECRET = "hunter2"  # noqa: S105 - of nobody


def raised(error: Exception) -> Exception:
    try:
        raise error
    except type(error):
        return error


class Lines:
    """What was logged in a block, once it is over."""

    def __init__(self) -> None:
        self.stream = io.StringIO()

    @property
    def all(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]

    @property
    def only(self) -> dict[str, Any]:
        (line,) = self.all
        return line


@pytest.fixture
def lines() -> Lines:
    return Lines()


def test_a_line_says_when_where_and_of_which_call(lines: Lines) -> None:
    with logging_to(lines.stream, "INFO", "json"), working_for(CALL):
        OURS.warning("no prices for %g s", 1.5, extra={"service": "pricing"})
    time = lines.only.pop("time")
    assert time.endswith("Z")
    assert lines.only | {"time": ""} == {
        "event": "no prices for 1.5 s",
        "level": "warning",
        "logger": "ordergen_server.somewhere",
        "service": "pricing",
        "correlation_id": "c-1",
        "method": "ModelService/GetModel",
        "subject": "desk",
        "time": "",
    }


def test_lines_of_libraries_have_the_same_form(lines: Lines) -> None:
    with logging_to(lines.stream, "INFO", "json"), working_for(CALL):
        THEIRS.error("their own")
    assert (lines.only["logger"], lines.only["correlation_id"]) == ("library.of.others", "c-1")


def test_levels_below_are_left_out_and_the_level_before_comes_back(lines: Lines) -> None:
    before = logging.getLogger().level
    with logging_to(lines.stream, "WARNING", "json"):
        OURS.info("not this")
        OURS.warning("this")
    assert lines.only["event"] == "this"
    assert logging.getLogger().level == before


def test_each_of_many_threads_says_its_own_ids(lines: Lines) -> None:
    """Workers are shared by calls, and no line ever has the ids of another call."""

    def work(name: str) -> None:
        OURS.info("by %s", name)

    with logging_to(lines.stream, "INFO", "json"), ThreadPoolExecutor(4) as pool:
        for number in range(200):
            with working_for(Origin({"correlation_id": f"c-{number}"})):
                pool.submit(carried(work), f"c-{number}")
        pool.submit(work, "nobody")
    said = [(one["event"], one.get("correlation_id")) for one in lines.all]
    expected = [(f"by c-{number}", f"c-{number}") for number in range(200)]
    assert sorted(said, key=str) == sorted([*expected, ("by nobody", None)], key=str)


def test_structlog_itself_keeps_its_context_to_the_thread() -> None:
    """Why ours is used: what structlog binds is not there in a worker, and `carried` does not bring it."""
    with structlog.contextvars.bound_contextvars(correlation_id="c"), ThreadPoolExecutor(1) as pool:
        assert pool.submit(carried(structlog.contextvars.get_contextvars)).result() == {}


def test_an_error_has_its_traceback_in_one_line(lines: Lines) -> None:
    with logging_to(lines.stream, "INFO", "json"):
        OURS.error("internal error", exc_info=raised(ValueError("of three\nlines\nhere")))
    assert lines.only["exception"].startswith("Traceback")
    assert lines.only["exception"].endswith("ValueError: of three\nlines\nhere")


@pytest.mark.parametrize(
    "text",
    [
        f"mongodb://ordergen:{SECRET}@db:27017/?replicaSet=rs",
        f"mongodb+srv://ordergen:{SECRET}@db.example",
        f"GET https://user:{SECRET}@pricing/api",
        f"authorization: Bearer {SECRET}.{SECRET}-{SECRET}",
        f"BEARER {SECRET}",
        f"token eyJhbGciOi.{SECRET}.{SECRET}",
    ],
)
@pytest.mark.parametrize("form", ["json", "console"])
def test_secrets_that_libraries_log_do_not_get_out(text: str, form: Format, lines: Lines) -> None:
    with logging_to(lines.stream, "DEBUG", form):
        THEIRS.debug("connecting: %s", text)
        THEIRS.info("connecting", extra={"address": text})
        THEIRS.error("failed", exc_info=raised(RuntimeError(text)))
    assert lines.stream.getvalue().count("***") >= 3
    assert SECRET not in lines.stream.getvalue()


def test_an_address_of_mail_is_no_secret(lines: Lines) -> None:
    with logging_to(lines.stream, "INFO", "json"):
        OURS.info("ask desk@example.com")
    assert lines.only["event"] == "ask desk@example.com"


def test_what_is_no_json_is_told_as_text(lines: Lines) -> None:
    with logging_to(lines.stream, "INFO", "json"):
        OURS.info("x", extra={"kind": ValueError, "bytes": b"\xff", "number": 10**30})
    assert lines.only["kind"] == "<class 'ValueError'>"


def test_a_value_of_megabytes_is_cut(lines: Lines) -> None:
    with logging_to(lines.stream, "INFO", "json"):
        OURS.info("y" * 100_000)
    assert len(lines.only["event"]) < 20_000
    assert lines.only["event"].endswith("y...")


def test_lines_for_eyes(lines: Lines) -> None:
    with logging_to(lines.stream, "INFO", "console"), working_for(CALL):
        OURS.info("read all of pricing")
    line = lines.stream.getvalue()
    assert "read all of pricing" in line
    assert "correlation_id=c-1" in line
    assert "\x1b" not in line


class StuckStream(io.StringIO):
    """A pipe that nobody reads for a while."""

    def __init__(self) -> None:
        super().__init__()
        self.reads_again = threading.Event()
        self.is_stuck = threading.Event()
        self.pieces: list[str] = []

    def write(self, text: str) -> int:
        self.is_stuck.set()
        assert self.reads_again.wait(PATIENCE)
        self.pieces.append(text)
        return super().write(text)


def test_who_logs_does_not_wait_for_who_reads_and_hears_what_was_lost() -> None:
    stream = StuckStream()
    writer = LineWriter(stream, waiting_lines=5)
    writer.setFormatter(LineFormatter("json"))
    record = logging.makeLogRecord({"msg": "line", "levelname": "INFO"})
    writer.handle(record)
    assert stream.is_stuck.wait(PATIENCE)
    for _ in range(100):
        writer.handle(record)
    stream.reads_again.set()
    eventually(lambda: "were not written" in stream.getvalue())
    events = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert events.count("line") == 6
    assert events[-1] == "95 lines were not written: they came faster than they were read"
    writer.close()


def test_a_stream_that_is_closed_stops_nobody() -> None:
    stream = io.StringIO()
    with logging_to(stream, "INFO", "json"):
        stream.close()
        OURS.info("into nothing")


def test_headers_that_are_no_text_are_not_logged(lines: Lines) -> None:
    with logging_to(lines.stream, "DEBUG", "json"):
        logging.getLogger("grpc._cython.cygrpc").error("Invalid encoding on %s", SECRET)
        logging.getLogger("grpc._cython.cygrpc").error("Something else")
    assert lines.only["event"] == "Something else"


@pytest.mark.parametrize(("text", "is_written_together"), [("short", True), ("ä" * 1500, False)])
def test_lines_are_written_together_as_long_as_no_other_process_can_come_between(
    text: str, is_written_together: bool
) -> None:
    """Processes share the log: a pipe keeps together what is no longer than PIPE_BUF."""
    stream = StuckStream()
    writer = LineWriter(stream)
    writer.setFormatter(LineFormatter("json"))
    writer.handle(logging.makeLogRecord({"msg": text}))
    assert stream.is_stuck.wait(PATIENCE)
    for _ in range(100):
        writer.handle(logging.makeLogRecord({"msg": text}))
    stream.reads_again.set()
    eventually(lambda: stream.getvalue().count("\n") == 101)
    writer.close()
    said = [json.loads(line)["event"] for line in stream.getvalue().splitlines()]
    assert said == [text] * 101
    assert all(piece.endswith("\n") for piece in stream.pieces)
    together = [piece for piece in stream.pieces if piece.count("\n") > 1]
    assert bool(together) == is_written_together
    assert all(len(piece.encode()) <= select.PIPE_BUF for piece in together)
