"""The report of a run over REST: the page that the client writes, whole or not at all."""

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from threading import Event

import grpc
import pytest
from globeco.ordergen.v1 import rebalance_pb2, rebalance_service_pb2
from globeco.ordergen.v1.rebalance_service_pb2_grpc import (
    RebalanceServiceServicer,
    add_RebalanceServiceServicer_to_server,
)
from playwright.sync_api import Browser

from ordergen_client import Client
from ordergen_client.report.write import policy
from tests.browsers import launched, needs_chromium
from tests.builders import RUN_ID, portfolio_id, security_id
from tests.e2e.api import Api
from tests.e2e.rest.conftest import FOLLOWED, Rebalanced
from tests.fronts import Front, front_process
from tests.limits import PATIENCE, sized
from tests.report_pages import read_page
from tests.waiting import eventually

pb, calls = rebalance_pb2, rebalance_service_pb2
Context = grpc.ServicerContext
#: So many of a hundred lines; what the front may grow by meanwhile, in kilobytes.
MANY, GROWTH = sized(400, 10_000), 150_000
PATH = f"/api/v1/rebalance/{RUN_ID}/report"


def test_it_is_the_page_that_the_client_writes(
    front: Front, rest_api: Api, rebalanced: Rebalanced, tmp_path: Path
) -> None:
    answer = front.ask("GET", f"{rebalanced.path}/report")
    assert answer.status == 200, answer.body
    with Client(f"127.0.0.1:{rest_api.port}", timeout_seconds=PATIENCE) as client:
        client.runs.attach(rebalanced.run.rebalance_id).report(tmp_path / "page.html")
    assert answer.body == (tmp_path / "page.html").read_bytes()
    assert len(read_page(tmp_path / "page.html").column("id")) == FOLLOWED
    upper = f"/api/v1/rebalance/{rebalanced.run.rebalance_id.upper()}/report"
    assert front.ask("GET", upper).body == answer.body


def test_it_says_what_was_approved_and_by_whom(
    front: Front, rest_api: Api, rebalanced: Rebalanced, tmp_path: Path
) -> None:
    target = f"127.0.0.1:{rest_api.port}"
    with Client(target, timeout_seconds=PATIENCE, actor="Ann Meyer") as client:
        run = client.runs.attach(rebalanced.run.rebalance_id)
        run.approve(rebalanced.trading, comment="as agreed")
        run.report(tmp_path / "page.html")
    answer = front.ask("GET", f"{rebalanced.path}/report")
    assert answer.body == (tmp_path / "page.html").read_bytes()
    page = read_page(tmp_path / "page.html")
    assert "as agreed" in page.text
    told = [one for one in page.column("review") if "Ann Meyer" in one]
    assert len(told) == len(rebalanced.trading)
    assert all(one.startswith("Approved by ") for one in told)


def test_nobody_keeps_it_and_it_may_do_nothing_in_our_name(front: Front, rebalanced: Rebalanced) -> None:
    headers = front.ask("GET", f"{rebalanced.path}/report").headers
    assert headers["content-type"] == "text/html; charset=utf-8"
    assert headers["content-disposition"] == f'inline; filename="{rebalanced.run.rebalance_id}.html"'
    assert headers["cache-control"] == "no-store"
    assert headers["content-security-policy"] == (
        f"{policy()}; frame-ancestors 'none'; sandbox allow-scripts"
    )
    assert (headers["x-content-type-options"], headers["x-frame-options"]) == ("nosniff", "DENY")


@pytest.mark.parametrize(("rebalance_id", "status"), [("0" * 24, 404), ("x", 400), ("0" * 23, 400)])
def test_a_run_that_is_not_there_is_told_as_everywhere(front: Front, rebalance_id: str, status: int) -> None:
    answer = front.ask("GET", f"/api/v1/rebalance/{rebalance_id}/report")
    assert (answer.status, type(answer.json["detail"])) == (status, str)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with launched() as one:
        yield one


@needs_chromium
def test_a_browser_shows_it_by_its_policy(front: Front, rebalanced: Rebalanced, browser: Browser) -> None:
    page = browser.new_page()
    page.set_default_timeout(PATIENCE * 1000)
    problems: list[str] = []
    page.on("console", lambda said: problems.append(said.text) if said.type == "error" else None)
    page.on("pageerror", lambda error: problems.append(str(error)))
    page.goto(f"{front.url}{rebalanced.path}/report")
    portfolio = rebalanced.portfolios[0].portfolio_id
    page.goto(f"{front.url}{rebalanced.path}/report#portfolio-{portfolio}")
    page.wait_for_selector("#portfolios table tbody tr")
    assert page.evaluate("self.origin") == "null"  # nobody's, so that it can ask nothing of us
    page.close()
    assert problems == []


class MadeApi(RebalanceServiceServicer):
    """One run, as large as a test says, told as fast as it lets it."""

    def __init__(self) -> None:
        self.state = pb.REBALANCE_STATE_COMPLETED
        self.count = 3
        self.go_on = Event()
        self.go_on.set()
        self.watchers = 0

    @property
    def run(self) -> pb.Rebalance:
        run = pb.Rebalance(rebalance_id=RUN_ID, state=self.state, portfolio_count=self.count)
        run.create_time.seconds = run.finish_time.seconds = 1_772_461_815
        run.rebalance_date.year, run.rebalance_date.month, run.rebalance_date.day = 2026, 3, 2
        return run

    def GetRebalance(self, request: object, context: Context) -> pb.Rebalance:  # noqa: N802 - the contract's name
        del request, context
        return self.run

    def WatchRebalance(self, request: object, context: Context) -> Iterator[calls.RebalanceModelResponse]:  # noqa: N802 - the contract's name
        del request
        self.watchers += 1
        context.add_callback(self._left)
        yield calls.RebalanceModelResponse(sequence=1, started=self.run)
        for number in range(self.count):
            while not self.go_on.wait(0.05) and context.is_active():
                yield calls.RebalanceModelResponse(sequence=1)  # of no event, so that the front looks up
            one = _portfolio(number)
            yield calls.RebalanceModelResponse(sequence=number + 2, portfolio=one)
        yield calls.RebalanceModelResponse(sequence=self.count + 2, finished=self.run)

    def _left(self) -> None:
        self.watchers -= 1


def _portfolio(number: int) -> pb.PortfolioRebalance:
    one = pb.PortfolioRebalance(
        portfolio_id=portfolio_id(number),
        portfolio_name=f"Portfolio {number}",
        state=pb.PORTFOLIO_REBALANCE_STATE_REBALANCED,
    )
    for name in ("market_value", "cash_before", "cash_after", "drift_before", "drift_after"):
        getattr(one, name).value = f"{1000 + number}.25"
    for line in range(100):
        position = one.positions.add(
            security_id=security_id(line),
            ticker=f"T{line}",
            transaction_type=pb.TRANSACTION_TYPE_BUY,
            trade_quantity=line + number % 7 + 1,
            reason=pb.POSITION_REASON_TRADED_TO_TARGET,
        )
        for name, text in (
            ("price", "12.5"), ("original_quantity", "1"), ("adjusted_quantity", str(line + number % 7 + 2)),
            ("original_market_value", "12.5"), ("adjusted_market_value", "25"), ("target", "0.005"),
            ("actual", "0.005"),
        ):  # fmt: skip
            getattr(position, name).value = text
    return one


@contextmanager
def made_api() -> Iterator[tuple[MadeApi, str]]:
    """It, and where it is."""
    api, server = MadeApi(), grpc.server(ThreadPoolExecutor(8))
    add_RebalanceServiceServicer_to_server(api, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    try:
        yield api, f"127.0.0.1:{port}"
    finally:
        api.go_on.set()
        server.stop(None).wait(PATIENCE)


@pytest.fixture(scope="module")
def made() -> Iterator[tuple[MadeApi, Front]]:
    """A front that writes one report at a time."""
    with made_api() as (api, target), front_process(target, ORDERGEN_REST_MAXIMUM_REPORTS="1") as front:
        yield api, front


def test_a_run_that_goes_on_is_refused(made: tuple[MadeApi, Front]) -> None:
    api, front = made
    api.state = pb.REBALANCE_STATE_RUNNING
    answer = front.ask("GET", PATH)
    api.state = pb.REBALANCE_STATE_COMPLETED
    assert (answer.status, answer.json) == (
        409,
        {
            "rebalance_id": RUN_ID,
            "detail": f"rebalance {RUN_ID} goes on: ask for its report once it has ended",
        },
    )


def test_reports_have_their_number_and_one_that_nobody_waits_for_makes_room(
    made: tuple[MadeApi, Front],
) -> None:
    api, front = made
    api.go_on.clear()
    with socket.create_connection(("127.0.0.1", front.port), PATIENCE) as leaving:
        leaving.sendall(f"GET {PATH} HTTP/1.1\r\nhost: x\r\n\r\n".encode())
        eventually(lambda: api.watchers == 1)
        refused = front.ask("GET", PATH)
        assert (refused.status, refused.headers["retry-after"]) == (429, "1")
        assert refused.json == {"detail": "1 reports are written: try again later"}
    eventually(lambda: api.watchers == 0)
    api.go_on.set()
    assert eventually(lambda: front.ask("GET", PATH).status == 200)


def test_a_caller_whose_time_ends_is_told(made: tuple[MadeApi, Front]) -> None:
    api, front = made
    api.go_on.clear()
    answer = front.ask("GET", PATH, headers={"Grpc-Timeout": "1S"})
    api.go_on.set()
    assert (answer.status, type(answer.json["detail"])) == (504, str)


def peak_kilobytes(front: Front) -> int:
    status = Path(f"/proc/{front.process.pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmHWM")).split()[1])


def test_memory_does_not_grow_with_the_run(made: tuple[MadeApi, Front], tmp_path: Path) -> None:
    api, front = made
    assert front.ask("GET", PATH).status == 200
    before, api.count = peak_kilobytes(front), MANY
    answer = front.ask("GET", PATH)
    api.count = 3
    path = tmp_path / "page.html"
    path.write_bytes(answer.body)
    assert (answer.status, len(read_page(path).column("id"))) == (200, MANY)
    assert peak_kilobytes(front) - before < GROWTH
