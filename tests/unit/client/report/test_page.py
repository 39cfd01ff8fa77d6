"""What the page says by itself, before any script runs."""

import re
import tracemalloc
from base64 import b64encode
from collections.abc import Iterator, Sequence
from dataclasses import replace
from decimal import Decimal
from hashlib import sha256
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from ordergen_client.errors import NotToBeTraded, OrderGenerationError
from ordergen_client.records.options.options import RebalanceOptions
from ordergen_client.records.states import PositionReason
from ordergen_client.records.values import PortfolioRebalance, RebalanceEvent
from ordergen_client.report.blocks import Limits
from ordergen_client.report.write import write_report
from ordergen_client.whole_file import FileNotWrittenError
from tests.made_runs import answered, events, run, without_answer
from tests.report_pages import Page, line_of, written

HOSTILE = """</script><script>hacked()</script><img src=x onerror="hacked()">'"&<!-- blocks -->"""


class Elements(HTMLParser):
    """The elements of a page with their attributes, and the text of each kind."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.found: list[tuple[str, dict[str, str | None]]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.found.append((tag, dict(attrs)))

    def of(self, tag: str) -> list[dict[str, str | None]]:
        return [attributes for name, attributes in self.found if name == tag]


def shown(page: Page) -> str:
    """The text that people see, on one line."""
    body = re.sub(r"(?s)<(script|style).*?</\1>", "", page.text)
    return " ".join(unescape(re.sub(r"<[^>]+>", " ", body)).split())


def made(portfolios: Sequence[PortfolioRebalance], tmp_path: Path, **given: object) -> Page:
    return written(portfolios, tmp_path / "page.html", run(len(portfolios), **given))


def test_nothing_runs_but_our_script_and_nothing_is_loaded(tmp_path: Path) -> None:
    page = made([answered(1, 3)], tmp_path)
    elements = Elements(page.text)
    [policy] = [one["content"] for one in elements.of("meta") if one.get("http-equiv")]
    [script] = re.findall(r'(?s)<script type="module">(.*)</script>', page.text)
    [style] = re.findall(r"(?s)<style>(.*)</style>", page.text)
    hashes = [f"'sha256-{b64encode(sha256(one.encode()).digest()).decode()}'" for one in (script, style)]
    assert policy == (
        f"default-src 'none'; script-src {hashes[0]}; style-src {hashes[1]}; "
        "base-uri 'none'; form-action 'none'"
    )
    attributes = [name for _, found in elements.found for name in found]
    assert {
        name for name in attributes if name.startswith("on") or name in ("src", "srcset", "style")
    } == set()
    targets = [value for name, found in elements.found for key, value in found.items() if key == "href"]
    assert [one for one in targets if not (one or "").startswith("#")] == []


def test_what_others_wrote_is_text(tmp_path: Path) -> None:
    """Names, tickers and errors come from other services."""
    line = replace(answered(1, 1).positions[0], ticker=HOSTILE)
    portfolios = [
        replace(answered(1, 1, name=HOSTILE), positions=(line,)),
        without_answer(2, "FAILED", HOSTILE, HOSTILE),
    ]
    plain = made([answered(1, 1, name="x"), without_answer(2, "FAILED", "x", "x")], tmp_path)
    page = made(portfolios, tmp_path, model_name=HOSTILE, actor=HOSTILE)
    assert [name for name, _ in Elements(page.text).found] == [name for name, _ in Elements(plain.text).found]
    assert "<script>hacked" not in page.text
    assert page.column("name") == [HOSTILE, HOSTILE]


def test_a_run_without_portfolios(tmp_path: Path) -> None:
    text = shown(made([], tmp_path))
    assert "No portfolio was in this run: there is nothing to trade." in text
    assert "Nothing: the run had no portfolios." in text
    assert "Nothing is traded." in text


def test_what_failed_is_first_and_says_why(tmp_path: Path) -> None:
    portfolios = [
        *(without_answer(number, "FAILED", "There is no price.") for number in range(14)),
        without_answer(20, "SKIPPED", "The run was cancelled.", ""),
        without_answer(21, "INFEASIBLE", "No whole shares satisfy every band."),
    ]
    text = shown(made(portfolios, tmp_path, state="CANCELLED"))
    assert "0 of 16 portfolios trade. 16 need a look before anything is traded." in text
    assert "The run was cancelled: what was not tried by then was left as it is." in text
    assert "Failed 14 portfolios There is no price. Portfolio 1 , Portfolio 2 ," in text
    assert "Portfolio 12 , and 2 more No whole shares fit 1 portfolio No whole shares satisfy" in text
    assert "Not tried 1 portfolio The run was cancelled. 1a49294e84ffa18900000014 Totals" in text
    assert "No portfolio has lines, so that what the model lists is not known here." in text


def test_what_is_not_to_be_traded_needs_no_look(tmp_path: Path) -> None:
    why = NotToBeTraded("FAILED_PRECONDITION", "It is not to be traded: closed.", reason="DO_NOT_TRADE")
    untraded = without_answer(2, "SKIPPED", "")
    assert "1 needs a look" in shown(made([answered(1, 3), untraded], tmp_path))
    assert "1 needs a look" not in shown(made([answered(1, 3), replace(untraded, error=why)], tmp_path))


def test_reasons_that_are_too_many_are_counted(tmp_path: Path) -> None:
    portfolios = [without_answer(number, "INFEASIBLE", f"Because of {number}.") for number in range(25)]
    portfolios += [without_answer(30, "FAILED", "No price.")]
    text = shown(made(portfolios, tmp_path))
    assert "Because of 9." in text
    assert "Because of 10." not in text
    assert "No whole shares fit: 15 more portfolios, each for a reason of its own." in text
    assert "Failed 1 portfolio No price." in text


@pytest.mark.parametrize(
    ("changes", "heading"),
    [
        ({"cash_after": Decimal("-0.01")}, "Cash below zero after the trades"),
        ({"drift_after": Decimal("0.9")}, "Further from the model than before"),
        ({"solution": replace(answered(1, 1, proven=False).solution)}, "Not proven to be the best"),  # type: ignore[type-var]
    ],
)
def test_what_is_no_failure_but_needs_a_look(
    tmp_path: Path, changes: dict[str, object], heading: str
) -> None:
    text = shown(made([replace(answered(1, 2), **changes), answered(2, 2)], tmp_path))  # type: ignore[arg-type]
    assert f"{heading} 1 portfolio" in text
    assert "2 of 2 portfolios trade. 1 needs a look before anything is traded." in text


def test_what_stays_outside_a_band_needs_a_look(tmp_path: Path) -> None:
    portfolio = answered(1, 2)
    lines = (replace(portfolio.positions[0], adjusted_market_value=Decimal(0)), portfolio.positions[1])
    page = made([replace(portfolio, positions=lines)], tmp_path)
    assert "Outside a band after the trades 1 portfolio" in shown(page)
    assert page.column("look") == [["OUTSIDE"]]


def test_the_totals(tmp_path: Path) -> None:
    portfolios = [answered(number, 3) for number in range(3)]
    text = shown(made(portfolios, tmp_path))
    value = sum((one.market_value or Decimal(0) for one in portfolios), Decimal(0))
    assert f"Market value {value:,.0f} 3 portfolios" in text
    assert "3 of 3 portfolios trade. Every answer is proven: no better whole-share orders exist." in text
    trades = sum(len(one.transactions) for one in portfolios)
    told = [int(one) for one in re.findall(r"(\d+) trades?\b", text)[:2]]
    assert sum(told) == trades


def test_the_options_are_told(tmp_path: Path) -> None:
    line = answered(1, 1).positions[0]
    options = RebalanceOptions(
        minimum_cash_amount=Decimal("1234.5"),
        minimum_cash_weight=Decimal("0.05"),
        strategy="TO_BAND",
        minimum_trade_value=Decimal(250),
        restrictions={line.security_id: "DO_NOT_BUY"},
        lot_sizes={"L" * 24: 100},
        maximum_turnover_weight=Decimal("0.2"),
        maximum_trade_count=7,
        cost_rate_weight=Decimal("0.0015"),
        cost_per_trade_amount=Decimal("9.5"),
        maximum_price_age_days=1,
        unpriced="FREEZE",
        solver_timeout_seconds=2.5,
    )
    text = shown(made([answered(1, 1)], tmp_path, options=options))
    for told in (
        "Aim The least turnover that brings every security inside its band",
        "Cash to keep 1,234.50 or 5.00 % of market value, the greater of the two",
        "Smallest trade 250.00",
        "Most turnover 20.00 % of market value",
        "Most trades of a portfolio 7",
        "Costs of a trade 0.15 % of its value and 9.50",
        "Oldest price Of 1 day before the run's date",
        "Without a usable price A security is frozen: it stays as it is, and counts nothing",
        "Restrictions T00: not bought",
        f"Lots {'L' * 24}: lots of 100",
        "Time for one portfolio 2.5 s at most",
        "none trade less and bring every security inside its band",
    ):
        assert told in text
    overdraft = shown(made([answered(1, 1)], tmp_path, options=RebalanceOptions(allow_overdraft=True)))
    assert "Cash to keep Not checked: an overdraft is allowed" in overdraft


def test_a_run_that_stopped_says_why(tmp_path: Path) -> None:
    error = OrderGenerationError("UNAVAILABLE", "The price service is down.")
    text = shown(made([answered(1, 1)], tmp_path, state="FAILED", error=error))
    assert "The run stopped before every portfolio was tried: The price service is down." in text


def test_a_run_that_was_imported_says_what_is_not_known(tmp_path: Path) -> None:
    one = answered(1, 2)
    lines = tuple(replace(line, ticker="", reason=PositionReason.UNSPECIFIED) for line in one.positions)
    imported = replace(
        one, portfolio_name="", positions=lines, solution=None, cash_after=None, snapshot_time=None
    )
    whole = run(3, options=None, model_version=0)
    page = written([imported], tmp_path / "page.html", whole)
    text = shown(page)
    assert "The run was imported: its options, proofs and reasons are not known. 2 more of its" in text
    assert "Balanced 60, its version is not known" in text
    assert "Options Not known" in text
    assert "proven: no better" not in text
    assert "Nothing: every portfolio was done" not in text
    assert line_of(page, page.lines(0), 1)["reason"] == ""


def cut_off(portfolios: Sequence[PortfolioRebalance]) -> Iterator[RebalanceEvent]:
    *first, _finished = events(portfolios, run(len(portfolios)))
    yield from first


def test_a_run_that_is_cut_off_leaves_nothing(tmp_path: Path) -> None:
    with pytest.raises(FileNotWrittenError, match="ended before the run did"):
        write_report(cut_off([answered(1, 1)]), tmp_path / "page.html", force=False, progress=lambda *_: None)
    assert list(tmp_path.iterdir()) == []


def test_its_progress_is_told(tmp_path: Path) -> None:
    steps: list[tuple[int, int]] = []
    told = events([answered(1, 1), answered(2, 1)], run(2))
    write_report(told, tmp_path / "page.html", force=False, progress=lambda *step: steps.append(step))
    assert steps == [(0, 2), (1, 2), (2, 2), (2, 2)]


def peak_of(count: int, path: Path) -> int:
    """Bytes that writing a report of so many portfolios takes at most."""
    told = events((answered(number, 20) for number in range(count)), run(count))
    tracemalloc.start()
    limits = Limits(rows=20, lines=200)
    write_report(told, path, force=True, progress=lambda _done, _all: None, limits=limits)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    return peak


def test_its_memory_does_not_grow_with_the_run(tmp_path: Path) -> None:
    path = tmp_path / "page.html"
    peak_of(50, path)  # what is imported and compiled once
    small, large = peak_of(50, path), peak_of(400, path)
    assert large < small + 200_000


def test_a_part_and_a_draft_are_called_so(tmp_path: Path) -> None:
    part, draft = "Over some of the model's portfolios", "A draft of the model"
    for given, there in (
        ({}, (False, False)),
        ({"partial": True}, (True, False)),
        ({"draft": True}, (False, True)),
    ):
        told = shown(made([answered(1, 3)], tmp_path, **given))
        assert (part in told, draft in told, "with the positions of a draft" in told) == (*there, there[1])
