"""An order service that survives being killed: what it has committed is there when it is started again.

`python -m tests.faults.durable_orders PORT FILE PORTFOLIOS POSITIONS SECURITIES`: the simulated order service
on a port that stays, with a file that has each order before it is answered for. Each takes a moment, so that
what kills it finds it amid a list.
"""

import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import datetime
from decimal import Decimal
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import IO
from urllib.parse import parse_qsl, urlsplit

import msgspec

from ordergen_server.sandbox.market.market import Market
from ordergen_server.sandbox.market.orders import Order, OrderBook
from ordergen_server.sandbox.market.portfolios import Portfolios
from ordergen_server.sandbox.services.http_orders import HttpOrders
from ordergen_server.sandbox.services.order_desk import OrderDesk
from tests.limits import PATIENCE
from tests.ports import free_port

#: Of one order, as of a database; a list of 50 takes a quarter of a second.
COMMIT_SECONDS = 0.005
_encode = msgspec.json.Encoder(decimal_format="string").encode


class Row(msgspec.Struct):
    """An order, as a line of the file."""

    blotter_id: int | None
    status_id: int | None
    portfolio_id: str | None
    order_type_id: int | None
    security_id: str | None
    quantity: Decimal | None
    limit_price: Decimal | None
    trade_order_id: int | None
    order_timestamp: datetime | None
    version: int | None
    order_id: int


class DurableBook(OrderBook):
    """Orders that stand in a file before anybody hears of them."""

    def __init__(self, file: IO[bytes], orders: list[Order]) -> None:
        super().__init__()
        self._file = file
        for order in orders:
            assert next(self._numbers) == order.order_id
            self._orders[order.order_id] = order

    def _insert(self, order: Order) -> Order:
        time.sleep(COMMIT_SECONDS)
        taken = super()._insert(order)
        self._file.write(_encode(Row(**asdict(taken))) + b"\n")
        self._file.flush()  # the process may die, the machine does not
        return taken


def read(path: Path) -> list[Order]:
    """The orders of a file; the last may be cut off."""
    if not path.exists():
        return []
    lines = path.read_bytes().split(b"\n")[:-1]
    rows = [msgspec.json.decode(line, type=Row) for line in lines]
    return [Order(**msgspec.structs.asdict(one)) for one in rows]


@dataclass
class DurableOrders:
    """The service as a process, to be killed and started again."""

    path: Path
    shape: tuple[int, int, int]
    port: int = field(default_factory=free_port)
    kills: int = 0

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def start(self) -> None:
        self._process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                "tests.faults.durable_orders",
                *map(str, (self.port, self.path, *self.shape)),
            ],
            stdout=subprocess.PIPE,
        )
        assert self._process.stdout
        assert self._process.stdout.readline() == b"ready\n"

    def kill(self) -> None:
        """Kill it, and start it again on what it has committed."""
        self.stop()
        self.kills += 1
        data = self.path.read_bytes() if self.path.exists() else b""
        self.path.write_bytes(data[: data.rfind(b"\n") + 1])
        self.start()

    def stop(self) -> None:
        self._process.kill()
        self._process.communicate(timeout=PATIENCE)

    @property
    def orders(self) -> list[Order]:
        return read(self.path)

    @property
    def keys(self) -> Counter[tuple[str, str, str, Decimal]]:
        """How often there is which order, by portfolio, security, side and quantity."""
        sides = {1: "BUY", 2: "SELL"}
        return Counter(
            (
                one.portfolio_id or "",
                one.security_id or "",
                sides[one.order_type_id or 0],
                one.quantity or Decimal(0),
            )
            for one in self.orders
        )


@contextmanager
def durable_orders(folder: Path, portfolios: int, positions: int, securities: int) -> Iterator[DurableOrders]:
    service = DurableOrders(folder / "orders.jsonl", (portfolios, positions, securities))
    service.start()
    try:
        yield service
    finally:
        service.stop()


def main(port: str, path: str, portfolios: str, positions: str, securities: str) -> None:
    known = read(Path(path))
    market = Market.synthetic(seed=1, securities=int(securities))
    data = Portfolios(market, int(portfolios), int(positions))
    with Path(path).open("ab") as file:
        book = DurableBook(file, known)
        orders = HttpOrders(book, OrderDesk(book), data)

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self) -> None:
                self._answer(*orders.post(self.rfile.read(int(self.headers["Content-Length"]))))

            def do_GET(self) -> None:
                self._answer(*orders.find(parse_qsl(urlsplit(self.path).query)))

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - as its base has it
                del format, args

            def _answer(self, status: int, body: bytes) -> None:
                self.send_response(status)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

        class Server(ThreadingHTTPServer):
            def handle_error(self, request: object, client_address: object) -> None:
                """Nothing: who asked is gone."""

        with Server(("127.0.0.1", int(port)), Handler) as server:
            sys.stdout.write("ready\n")
            sys.stdout.flush()
            server.serve_forever()


if __name__ == "__main__":
    main(*sys.argv[1:])
