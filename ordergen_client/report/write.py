"""Makes the page: what people read first as HTML, and the data of the tables and charts in packed blocks."""

import shutil
from base64 import b64encode
from collections.abc import Callable, Iterable
from functools import cache
from hashlib import sha256
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryFile
from typing import BinaryIO

from jinja2 import Environment, PackageLoader, StrictUndefined

from ordergen_client.records.values import Rebalance, RebalanceEvent
from ordergen_client.report import words
from ordergen_client.report.blocks import Blocks, Limits, block
from ordergen_client.report.decided import ACTIONS, LISTED, NOTHING, Decided, told
from ordergen_client.report.figures.attention import KINDS, Attention, run_warning
from ordergen_client.report.figures.exact import digits, money, percent, price
from ordergen_client.report.figures.portfolios import figures
from ordergen_client.report.figures.price_days import PriceDays
from ordergen_client.report.figures.securities import Securities
from ordergen_client.report.figures.totals import Totals
from ordergen_client.whole_file import FileNotWrittenError, whole_file

#: In the order in which they are run.
_SCRIPTS = "exact.js", "data.js", "charts.js", "bullets.js", "portfolio.js", "table.js", "main.js"
#: Stands where the blocks come.
_BLOCKS = "<!-- blocks -->"

#: Told how many portfolios are read, of how many.
Progress = Callable[[int, int], None]


def untold(done: int, total: int) -> None:
    """Progress that nobody looks at."""
    del done, total


def write_report(
    events: Iterable[RebalanceEvent],
    path: Path,
    *,
    force: bool,
    progress: Progress = untold,
    decided: Decided = NOTHING,
    limits: Limits = Limits(),  # noqa: B008 - it is frozen
) -> Rebalance:
    """Write the report of a run to its end; answers the run.

    Args:
        events: of the run, in the view FULL.
        path: the file; while it is written it is `<path>.part`.
        force: replace a file that is there.
        progress: is told how far it is.
        decided: what was approved, rejected and sent of it.
        limits: how large the page may be; it says what is left out.

    Raises:
        FileNotWrittenError: there is such a file, it cannot be written, or the events ended before the run.
    """
    with whole_file(path, force=force) as file, TemporaryFile() as data:
        contents = Contents(data, limits, decided)
        for event in events:
            contents.add(event)
            progress(contents.totals.portfolios, contents.portfolio_count)
            if contents.run:
                break
        return contents.write_to(file)


class Contents:
    """All that the page tells; portfolios and lines are in `data`, and no longer in memory.

    Attributes:
        run: the run, once its end was added.
        portfolio_count: of the run, once its beginning was added.
    """

    def __init__(
        self,
        data: BinaryIO,
        limits: Limits = Limits(),  # noqa: B008 - it is frozen
        decided: Decided = NOTHING,
    ) -> None:
        self._data = data
        self._decided = decided
        self.run: Rebalance | None = None
        self.portfolio_count = 0
        self.totals = Totals()
        self.attention = Attention()
        self.securities = Securities()
        self.price_days = PriceDays()
        self.blocks = Blocks(data, self.securities, limits, decided)

    def add(self, event: RebalanceEvent) -> None:
        """Add the next event of the run; nothing comes after its end."""
        if event.started:
            self.portfolio_count = event.started.portfolio_count
        if event.portfolio:
            its = figures(event.portfolio)
            look = self.attention.add(event.portfolio, its)
            self.totals.add(event.portfolio, its)
            self.securities.add(event.portfolio)
            self.price_days.add(event.portfolio)
            self.blocks.add(event.portfolio, its, look)
        if event.finished:
            self._finish(event.finished)
            self.run = event.finished

    def write_to(self, file: BinaryIO) -> Rebalance:
        """Write the page to a file; answers the run.

        Raises:
            FileNotWrittenError: its end was never added.
        """
        if self.run is None:
            raise FileNotWrittenError("The events of the run ended before the run did: try again.")
        before, after = self._page(self.run).split(_BLOCKS)
        file.write(before.encode())
        self._data.seek(0)
        shutil.copyfileobj(self._data, file)
        file.write(after.encode())
        return self.run

    def _finish(self, run: Rebalance) -> None:
        self.blocks.finish()
        known = {
            "run": run.rebalance_id,
            "strategy": run.options.strategy if run.options else None,
            "states": words.STATES,
            "kinds": KINDS,
            "left_out": self.blocks.left_out,
        }
        self._data.write(block("securities", self.securities.columns()))
        self._data.write(block("known", known))

    def _page(self, run: Rebalance) -> str:
        """The page without its blocks."""
        style, script = _style(), _script()
        tickers = {one.security_id: one.ticker for one in self.securities.by_target() if one.ticker}
        return (
            _environment()
            .get_template("page.html")
            .render(
                run=run,
                totals=self.totals,
                attention=self.attention,
                securities=self.securities,
                prices=self.price_days.told,
                left_out=self.blocks.left_out,
                kinds=KINDS,
                words=words,
                decided=self._decided,
                actions=ACTIONS,
                listed=LISTED,
                told=told,
                warning=run_warning(run, self.totals.portfolios),
                options=list(words.options(run.options, tickers)),
                style=style,
                script=script,
                policy=policy(),
            )
        )


def _environment() -> Environment:
    """Escapes whatever other services have written."""
    found = Environment(
        loader=PackageLoader("ordergen_client.report", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    found.filters.update(money=money, percent=percent, price=price, digits=digits)
    return found


def _resource(name: str) -> str:
    return files("ordergen_client.report").joinpath("page", name).read_text(encoding="utf-8")


def _style() -> str:
    return _resource("page.css")


def _script() -> str:
    return "\n".join(map(_resource, _SCRIPTS))


@cache
def policy() -> str:
    """The Content-Security-Policy of any page: nothing is loaded from anywhere, and our script alone runs."""
    return (
        f"default-src 'none'; script-src '{_hash(_script())}'; style-src '{_hash(_style())}'; "
        "base-uri 'none'; form-action 'none'"
    )


def _hash(text: str) -> str:
    return f"sha256-{b64encode(sha256(text.encode()).digest()).decode()}"
