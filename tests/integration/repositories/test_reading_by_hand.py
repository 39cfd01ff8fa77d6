"""The lines of docs/operations.md that read a run from the database, run as they are printed there."""

import re
import subprocess
import sys
from pathlib import Path

from ordergen_server.domain.market import NoPrice
from ordergen_server.domain.rebalances.options import RebalanceOptions, Unpriced
from ordergen_server.domain.rebalances.results import PortfolioRebalance
from ordergen_server.domain.stores import Lease, RunOrder
from ordergen_server.repositories.run_store.chunks import Chunks
from ordergen_server.repositories.run_store.rebalances import Rebalances
from tests.builders import holdings, no_price, position, rebalance, rebalanced, result, snapshot
from tests.limits import PATIENCE
from tests.stored_chunks import append

PAGE = Path(__file__).parents[3] / "docs" / "operations.md"
MODEL = (position(1), position(2, "0.2"))
PRICES: dict[int, str | NoPrice] = {1: "3.33333333", 2: "7.10", 3: "0.00000001", 5: no_price(5)}
MARKET = snapshot({**PRICES})
FREEZE = RebalanceOptions(unpriced=Unpriced.FREEZE)
LEASE = Lease("token", 60)


def program() -> str:
    section = PAGE.read_text().split("## Reading, exporting and checking runs")[1].split("\n## ")[0]
    [block] = re.findall(r"```python\n(.*?)```", section, re.DOTALL)
    return str(block)


def read(mongodb_uri: str, database_name: str, run_id: str) -> list[str]:
    """What the program prints."""
    done = subprocess.run(
        [sys.executable, "-c", program(), mongodb_uri, database_name, run_id],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
    )
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.splitlines()


def solved(run_id: str, number: int) -> PortfolioRebalance:
    """It holds fractions, what has no price or no target; every other what the market had not, too."""
    held = {2: "0.12345678", 3: "-4"} | ({4: "7", 6: "3"} if number % 2 else {5: "8.50"})
    market = snapshot({**PRICES, 4: "2.50", 6: no_price(6)})
    blank = result(number, run_id=run_id)
    return rebalanced(blank, holdings("1000.10", held, portfolio=number), MODEL, market, FREEZE)


def printed(one: PortfolioRebalance) -> set[str]:
    """What is to be printed of a result."""
    if not one.positions:
        return {f"{one.portfolio_id} {one.state.value}"}
    frozen = {f"{one.portfolio_id} {line.security.security_id} - {line.quantity} 0" for line in one.frozen}
    return frozen | {
        f"{one.portfolio_id} {line.security.security_id} {line.security.price} {line.original_quantity}"
        f" {line.trade_quantity}"
        for line in one.positions
    }


def test_a_run_is_read_as_it_was_stored(
    runs: Rebalances, chunks: Chunks, mongodb_uri: str, database_name: str
) -> None:
    run = rebalance(run_id=runs.new_id(), portfolio_count=3)
    results = [*(solved(run.rebalance_id, number) for number in range(2)), result(2, run_id=run.rebalance_id)]
    runs.begin(RunOrder(run, MODEL, 3600), [one.portfolio_id for one in results], LEASE, None)
    runs.keep_snapshot(run.rebalance_id, MARKET)
    append(chunks, results, LEASE)
    found = read(mongodb_uri, database_name, run.rebalance_id)
    assert set(found) == set().union(*map(printed, results))
    assert len(found) == (3 + 1) + (4 + 1) + 1


def test_a_run_of_one_portfolio(runs: Rebalances, mongodb_uri: str, database_name: str) -> None:
    run = rebalance(run_id=runs.new_id())
    one = solved(run.rebalance_id, 1)
    runs.save_whole(run, one, None)
    assert set(read(mongodb_uri, database_name, run.rebalance_id)) == printed(one)
