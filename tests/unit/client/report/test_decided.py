"""What was approved by whom and what became of each order stands in page and workbook as answered."""

from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

from ordergen_client import (
    Action,
    ActionType,
    Order,
    OrderState,
    PortfolioOrderState,
    PortfolioReview,
    PreconditionFailed,
    ReviewCounts,
    ReviewState,
    Side,
)
from ordergen_client.records.values import PortfolioRebalance
from ordergen_client.report.decided import LISTED, NOTHING, Decided, decided_of
from ordergen_client.report.workbook import write_workbook
from ordergen_client.report.write import write_report
from tests.made_runs import answered, events, run
from tests.report_pages import Page, read_page
from tests.unit.client.report.test_workbook import read

TIME = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


def action(kind: ActionType, actor: str = "ann", *, authenticated: bool = True, comment: str = "") -> Action:
    return Action(kind, TIME, actor, authenticated, comment, 2, (), "")


def order(portfolio: PortfolioRebalance, place: int, state: OrderState, number: int | None = None) -> Order:
    trade = portfolio.transactions[place]
    error = PreconditionFailed("FAILED_PRECONDITION", "<b>not tradable</b>")
    return Order(
        order_id=f"{place:024d}",
        rebalance_id=portfolio.rebalance_id,
        submission_id="b" * 24,
        portfolio_id=portfolio.portfolio_id,
        security_id=trade.security_id,
        ticker="AAA",
        side=trade.side,
        quantity=trade.quantity,
        state=state,
        external_order_id=number,
        order_timestamp=TIME,
        attempt_count=1,
        error=None if number else error,
    )


PORTFOLIOS = [answered(number, 5) for number in range(2)]
ORDERS = [
    order(PORTFOLIOS[0], 0, OrderState.SENT, 4711),
    order(PORTFOLIOS[0], 1, OrderState.REFUSED),
]
REVIEWED = [
    replace(
        PORTFOLIOS[0],
        review=PortfolioReview(ReviewState.APPROVED, ("ann", "bob")),
        order_state=PortfolioOrderState.REFUSED,
    ),
    replace(PORTFOLIOS[1], review=PortfolioReview(ReviewState.REJECTED, (), ("cy",))),
]
WHOLE = replace(run(2), review_counts=ReviewCounts(0, 1, 1))
ACTIONS = [
    action(ActionType.STARTED),
    action(ActionType.APPROVED, "bob", authenticated=False, comment="as <i>agreed</i>"),
]


def decided() -> Decided:
    return decided_of(WHOLE, ACTIONS, REVIEWED, ORDERS)


def page_of(path: Path, told: Decided) -> Page:
    write_report(events(PORTFOLIOS, WHOLE), path, force=False, decided=told)
    return read_page(path)


def test_a_run_of_which_nothing_was_decided_has_no_word_of_it(tmp_path: Path) -> None:
    """Though every portfolio waits for a review: portfolios and orders are not even read."""
    told = decided_of(WHOLE, ACTIONS[:1], iter(REVIEWED), iter(ORDERS))
    assert told is NOTHING
    page = page_of(tmp_path / "page.html", told)
    assert 'id="review"' not in page.text
    assert "its orders are proposals: nothing has been traded" in page.text
    assert not {"review", "sent"} & set(page.blocks["portfolios"][0])
    assert "sent" not in page.blocks["lines"][0]


def test_the_page_has_who_decided_and_what_became_of_each_order(tmp_path: Path) -> None:
    page = page_of(tmp_path / "page.html", decided())
    section = page.text.split('<section id="review"')[1].split("</section>")[0]
    assert "1 approved, 0 pending, 1 rejected" in section
    assert "1 sent, 1 refused" in section
    assert "bob, by their own word" in section
    assert ">ann</td>" in section
    assert "as &lt;i&gt;agreed&lt;/i&gt;" in section
    assert "refused: &lt;b&gt;not tradable&lt;/b&gt;" in section
    assert section.count("<tr><td") == len(ACTIONS) + 1
    assert "nothing has been traded" not in page.text
    assert page.column("review") == ["Approved by ann, bob", "Rejected by cy"]
    assert page.column("sent") == ["At least one refused", ""]
    told = page.lines(0)["sent"]
    traded = [one.security_id for one in PORTFOLIOS[0].transactions[:2]]
    by_security = dict(zip([one.security_id for one in PORTFOLIOS[0].positions], told, strict=True))
    assert [by_security[one] for one in traded] == ["sent, order 4711", "refused: <b>not tradable</b>"]
    assert set(page.lines(1)["sent"]) == {""}


def test_more_orders_than_a_page_should_have_are_counted(tmp_path: Path) -> None:
    many = {(f"{number:024d}", "s"): ORDERS[1] for number in range(LISTED + 7)}
    page = page_of(tmp_path / "page.html", replace(decided(), orders=many))
    assert "And 7 more: <code>ordergen runs orders" in page.text
    assert page.text.count("not tradable") == LISTED


def test_the_workbook_has_them_as_columns_and_a_sheet(tmp_path: Path) -> None:
    path = tmp_path / "run.xlsx"
    write_workbook(
        events(PORTFOLIOS, WHOLE), path, force=False, progress=lambda _done, _all: None, decided=decided()
    )
    sheets, _ = read(path)
    assert list(sheets) == ["Summary", "Portfolios", "Orders", "Lines", "History"]
    assert sheets["Portfolios"][0][-2:] == ["Review", "Orders sent"]
    assert [row[-2] for row in sheets["Portfolios"][1:]] == ["Approved by ann, bob", "Rejected by cy"]
    sent = {row[3]: row[9:] for row in sheets["Orders"][1:] if row[0] == PORTFOLIOS[0].portfolio_id}
    first, second = (one.security_id for one in PORTFOLIOS[0].transactions[:2])
    assert sent[first] == ["SENT", "4711"]
    assert sent[second] == ["REFUSED", "<b>not tradable</b>"]
    assert sheets["History"][1:] == [
        ["2026-01-02 03:04:05", "Started the run", "ann", "yes", 2.0, "", ""],
        ["2026-01-02 03:04:05", "Approved", "bob", "no", 2.0, "as <i>agreed</i>", ""],
    ]
    assert {row[2] for row in sheets["Orders"][1:]} <= set(Side)
