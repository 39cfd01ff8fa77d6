"""Log lines: ours and those of libraries through one renderer, each with the ids of the call it is about.

Everything logs with the standard library's `logging`. A line is rendered in the thread that logs it, which
knows what it works for, and written by a thread of its own: who reads the log slowly, or not at all, stops no
call. structlog's own context variables are not used: it merges them by walking through the whole context, and
what crosses our threads is chosen (`domain.origin`).
"""

import logging
import re
import select
import threading
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Literal, TextIO

import msgspec
import structlog
from structlog.typing import EventDict

from ordergen_server.domain import origin

Format = Literal["json", "console"]

#: Lines that wait to be written, at most; more are dropped, and their number is told.
WAITING_LINES = 10_000
_CLOSE_SECONDS = 2.0
#: From a line to its writing, at most, together with those that come meanwhile.
_GATHERING_SECONDS = 0.05
#: Of one value: a traceback is the longest.
_LONGEST_VALUE = 16_384
#: User and password of an address, and bearer tokens: none should come here, and none gets further.
_SECRETS = re.compile(r"(?i)(://)[^\s/@\"']+@|(\bbearer\s+)[\w.~+/=-]+|(\beyJ)[\w-]+\.[\w-]+\.[\w-]*")


@contextmanager
def logging_to(stream: TextIO, level: str, form: Format) -> Iterator[None]:
    """A block in which everything that is logged from `level` on is written to `stream`.

    Args:
        stream: where to; its lines are what collectors of logs read.
        level: DEBUG, INFO, WARNING or ERROR.
        form: one JSON object a line, or lines for eyes.
    """
    writer = LineWriter(stream)
    writer.addFilter(_no_headers)
    writer.setFormatter(LineFormatter(form, colors=stream.isatty()))
    root = logging.getLogger()
    before = root.level
    root.addHandler(writer)
    root.setLevel(level)
    logging.captureWarnings(True)
    try:
        yield
    finally:
        logging.captureWarnings(False)
        root.setLevel(before)
        root.removeHandler(writer)
        writer.close()


def _no_headers(record: logging.LogRecord) -> bool:
    """Not what gRPC logs of each header that is no text: it may be a token, and comes from anybody."""
    return not (record.name.startswith("grpc.") and str(record.msg).startswith("Invalid encoding"))


class LineWriter(logging.Handler):
    """Writes lines to a stream from a thread of its own, as long as no more than so many wait.

    It waits a moment before it writes: to wake a thread for each line would cost more than the line.
    """

    def __init__(self, stream: TextIO, waiting_lines: int = WAITING_LINES) -> None:
        super().__init__()
        self._stream = stream
        self._most = waiting_lines
        self._lines: deque[str] = deque()
        self._dropped = 0
        self._counting = threading.Lock()
        self._called = threading.Event()
        self._closing = threading.Event()
        self._writer = threading.Thread(target=self._keep_writing, name="log", daemon=True)
        self._writer.start()

    def handle(self, record: logging.LogRecord) -> bool:
        """Without the handler's lock: a thread that renders a line would keep all others from theirs."""
        if not self.filter(record):
            return False
        self.emit(record)
        return True

    def emit(self, record: logging.LogRecord) -> None:
        """Render a line and let it be written."""
        if len(self._lines) >= self._most:
            with self._counting:
                self._dropped += 1
            return
        try:
            self._lines.append(self.format(record))
        except Exception:  # noqa: BLE001 - as every handler: whoever logs must not fail by it
            self.handleError(record)
        if not self._called.is_set():
            self._called.set()

    def close(self) -> None:
        """Write what waits, for a moment at most: it may be that nobody reads."""
        self._closing.set()
        self._called.set()
        self._writer.join(_CLOSE_SECONDS)
        super().close()

    def _keep_writing(self) -> None:
        while not self._closing.is_set():
            self._called.wait()
            self._closing.wait(_GATHERING_SECONDS)
            self._called.clear()
            try:
                self._write_waiting()
            except (OSError, ValueError):  # the stream is closed: there is nowhere to say so
                self._lines.clear()

    def _write_waiting(self) -> None:
        while self._lines:
            self._stream.write(self._next_lines())
        with self._counting:
            dropped, self._dropped = self._dropped, 0
        if dropped:
            text = f"{dropped} lines were not written: they came faster than they were read"
            self._stream.write(self.format(logging.makeLogRecord({"msg": text, **_WARNING})) + "\n")
        self._stream.flush()

    def _next_lines(self) -> str:
        """The next of those that wait: as many as no other process's lines can come between."""
        text = ""
        while self._lines and (not text or _size(text) + _size(self._lines[0]) < select.PIPE_BUF):
            text += f"{self._lines.popleft()}\n"
        return text


def _size(text: str) -> int:
    return len(text) if text.isascii() else len(text.encode(errors="replace"))


_WARNING = {"levelno": logging.WARNING, "levelname": "WARNING", "name": __name__}


class LineFormatter(logging.Formatter):
    """Renders records of `logging`: as JSON, or as structlog shows them to eyes.

    structlog's own formatter does the same on a copy of each record, and three times as long.
    """

    def __init__(self, form: Format, *, colors: bool = False) -> None:
        super().__init__()
        self._render = _json if form == "json" else _for_eyes(colors=colors)

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record: what it says itself, then what the thread works for."""
        event: EventDict = {
            "level": record.levelname.lower(),
            "logger": record.name,
            "event": record.getMessage(),
            "time": datetime.fromtimestamp(record.created, UTC),
        }
        for name, value in record.__dict__.items():
            if name not in _OF_EVERY_RECORD:
                event[name] = value
        for name, value in origin.current().fields.items():
            event.setdefault(name, value)
        if record.threadName != "MainThread":
            event["thread"] = record.threadName
        if record.exc_info:
            event["exc_info"] = record.exc_info
        return _without_secrets(self._render(event))


#: `message` and `asctime` are left there by formatters of other handlers.
_OF_EVERY_RECORD = frozenset({*vars(logging.makeLogRecord({})), "message", "asctime"})


def _json(event: EventDict) -> str:
    if "exc_info" in event:
        event = structlog.processors.format_exc_info(None, "", event)
    line = msgspec.json.encode(event, enc_hook=str)
    if len(line) > _LONGEST_VALUE:
        line = msgspec.json.encode({name: _bounded(value) for name, value in event.items()}, enc_hook=str)
    return line.decode()


def _bounded(value: object) -> object:
    return f"{value[:_LONGEST_VALUE]}..." if isinstance(value, str) and len(value) > _LONGEST_VALUE else value


def _for_eyes(*, colors: bool) -> Callable[[EventDict], str]:
    plain = structlog.dev.plain_traceback
    show = structlog.dev.ConsoleRenderer(colors=colors, exception_formatter=plain, timestamp_key="time")

    def render(event: EventDict) -> str:
        event["time"] = str(event["time"])
        return str(show(None, event["level"], event))

    return render


def _without_secrets(text: str) -> str:
    if "@" in text or "earer" in text or "EARER" in text or "eyJ" in text:
        text = _SECRETS.sub(
            lambda found: f"{found[1] or found[2] or found[3]}***{'@' if found[1] else ''}", text
        )
    return text
