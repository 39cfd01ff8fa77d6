"""Answers right by one run's options are wrong by another's; each kind of nonsense is found by its name."""

import copy
from decimal import Decimal
from pathlib import Path

import pytest

from ordergen_client.verification import verify_export
from ordergen_server.domain.desk.portfolio_settings import AppliedSettings, SettingsContent
from ordergen_server.domain.rebalances.options import (
    LotSides,
    LotSize,
    RebalanceOptions,
    Restriction,
    RestrictionType,
    Sides,
    Strategy,
    TradingCosts,
    Unpriced,
)
from ordergen_server.domain.rebalances.runs import RebalanceState
from ordergen_server.domain.rebalances.weight_limits import GroupLimit, SecurityLimit
from tests.builders import portfolio_id, security_id
from tests.exports import (
    LISTED,
    Object,
    Place,
    answers,
    at,
    exported,
    messages,
    not_traded,
    put,
    rewritten,
    skipped,
    with_options,
)

BARRED = with_options(
    restrictions=(Restriction(security_id(0), RestrictionType.HOLD),),
    security_limits=(SecurityLimit(security_id(0), None, Decimal(0)),),
    group_limits=(GroupLimit("Held", (security_id(0),), None, Decimal("0.1")),),
)

RIGHT: dict[str, RebalanceOptions] = {
    "default": with_options(),
    "band": with_options(strategy=Strategy.TO_BAND),
    "overdraft": with_options(allow_overdraft=True),
    "cash amount": with_options(minimum_cash_amount=Decimal("7000.01")),
    "cash weight": with_options(minimum_cash_weight=Decimal("0.11")),
    "both": with_options(minimum_cash_amount=Decimal(1), minimum_cash_weight=Decimal("0.105")),
    "minimum trade": with_options(minimum_trade_value=Decimal("400.50")),
    "restrictions": with_options(
        restrictions=tuple(Restriction(security_id(n), one) for n, one in enumerate(RestrictionType))
    ),
    "lots": with_options(lot_sizes=tuple(LotSize(security_id(n), 3 + n) for n in range(LISTED))),
    "turnover": with_options(maximum_turnover_weight=Decimal("1.2")),
    "trade count": with_options(maximum_trade_count=LISTED + 1),
    "buys alone": with_options(sides=Sides.BUY_ONLY),
    "sells alone": with_options(sides=Sides.SELL_ONLY),
    "lots of buys": with_options(
        lot_sizes=tuple(LotSize(security_id(n), 3 + n, LotSides.BUYS) for n in range(LISTED))
    ),
    "costs": with_options(costs=TradingCosts(Decimal("0.0125"), Decimal("9.95"))),
    "no costs": with_options(costs=TradingCosts()),
    "age of prices": with_options(maximum_price_age_days=3),
    "what is unpriced freezes": with_options(unpriced=Unpriced.FREEZE),
    "limits of securities": with_options(
        security_limits=(
            SecurityLimit(security_id(0), None, Decimal("0.09")),
            SecurityLimit(security_id(1), Decimal("0.11"), Decimal("0.125")),
            SecurityLimit(security_id(99), Decimal("0.5"), None),
        ),
        minimum_trade_value=Decimal("400.50"),
    ),
    "limits of groups": with_options(
        group_limits=(
            GroupLimit("Less", tuple(map(security_id, range(4))), Decimal("0.2"), Decimal("0.38")),
            GroupLimit("More", tuple(map(security_id, range(4, LISTED))), Decimal("0.5"), None),
            GroupLimit("None", (security_id(99),), Decimal("0.61"), None),
        ),
    ),
    "limits that a restriction bars": BARRED,
}


@pytest.mark.parametrize("name", RIGHT)
def test_answers_with_an_option_are_right(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    exported(messages(answers(RIGHT[name], 12), RIGHT[name]), path)
    report = verify_export(path)
    assert report.findings.first == []
    assert report.solved >= (1 if name == "buys alone" else 4)  # which have too little cash, most of them


FLOWS = {0: "-2500.25", 2: "40000", 3: "-12000", 5: "0.01", 10: "75000", 11: "1000"}


@pytest.mark.parametrize("name", RIGHT)
def test_answers_with_cash_flows_are_right(name: str, tmp_path: Path) -> None:
    """Also of a portfolio that is new and gets money, and of one that had debts."""
    path = tmp_path / "run.jsonl"
    exported(messages(answers(RIGHT[name], 12, cash_flows=FLOWS), RIGHT[name]), path)
    assert verify_export(path).findings.first == []


@pytest.mark.parametrize("amount", [None, "-2500.26", "0", "2500.25"])
def test_another_cash_flow_is_found(amount: str | None, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    told = exported(messages(answers(cash_flows={0: "-2500.25"})), path)
    assert verify_export(path).findings.first == []
    if amount is None:
        del at(told, OF_THE_FIRST)["cashFlow"]
    else:
        put(told, (*OF_THE_FIRST, "cashFlow", "value"), amount)
    rewritten(told, path)
    rules = {one.rule for one in verify_export(path).findings.first}
    assert {"cash_after = cash_before + cash_flow - trades - costs", "objective"} <= rules
    assert ("cash_flow, where there is one" in rules) == (amount == "0")


def test_a_new_portfolio_that_gets_money_is_invested(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    told = exported(messages(answers()), path)
    (place,) = (
        place
        for place, line in enumerate(told)
        if line.get("portfolio", {}).get("state") == "PORTFOLIO_REBALANCE_STATE_NO_ACTION"
    )
    told[place]["portfolio"]["cashFlow"] = {"value": "5"}
    rewritten(told, path)
    rules = {one.rule for one in verify_export(path).findings.first}
    of_the_run = {"summary: cashFlow", "summary: turnoverWeight"}
    assert rules - of_the_run == {"cash_flow of a portfolio that is not invested"}


WRONG: dict[str, tuple[RebalanceOptions, str]] = {
    "band": (with_options(strategy=Strategy.TO_BAND), "objective"),
    "cash amount": (with_options(minimum_cash_amount=Decimal(10**7)), "cash floor"),
    "cash weight": (with_options(minimum_cash_weight=Decimal("0.5")), "cash floor"),
    "minimum trade": (with_options(minimum_trade_value=Decimal(10**6)), "minimum trade value"),
    "hold": (
        with_options(restrictions=(Restriction(security_id(1), RestrictionType.HOLD),)),
        "restriction",
    ),
    "lots": (with_options(lot_sizes=(LotSize(security_id(2), 10_007),)), "lot size"),
    "buys alone": (with_options(sides=Sides.BUY_ONLY), "restriction"),
    "sells alone": (with_options(sides=Sides.SELL_ONLY), "restriction"),
    "turnover": (with_options(maximum_turnover_weight=Decimal("0.001")), "maximum turnover"),
    "trade count": (with_options(maximum_trade_count=0), "maximum trade count"),
    "costs": (with_options(costs=TradingCosts(Decimal("0.01"), Decimal(1))), "cost of all trades"),
    "age of prices": (with_options(maximum_price_age_days=2), "price_date"),
    "limit of a security": (
        with_options(security_limits=(SecurityLimit(security_id(1), None, Decimal("0.01")),)),
        f"limit of {security_id(1)}",
    ),
    "limit of a group": (
        with_options(group_limits=(GroupLimit("G", (security_id(1),), Decimal("0.9"), None),)),
        "limit of group G",
    ),
    "limits that stay broken": (
        with_options(security_limits=(SecurityLimit(security_id(1), None, Decimal(0)),)),
        "limit_breaches",
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_answers_that_leave_an_option_unheeded(name: str, tmp_path: Path) -> None:
    options, rule = WRONG[name]
    path = tmp_path / "run.jsonl"
    # Wide bands, so that the lines are inside them before and after their trades.
    lines = exported(messages(answers(), options), path)
    for line in lines[2:-1]:
        for one in line["portfolio"].get("positions", ()):
            if one["target"]["value"] != "0":
                one["lowDrift"]["value"], one["highDrift"]["value"] = "1", "1"
    rewritten(lines, path)
    assert rule in {one.rule for one in verify_export(path).findings.first}


def test_a_breach_that_is_not_told_is_found(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    lines = exported(messages(answers(BARRED), BARRED), path)
    told = [line["portfolio"].pop("limitBreaches", None) for line in lines[2:-1]]
    assert any(told)
    rewritten(lines, path)
    assert {"limit_breaches"} == {one.rule for one in verify_export(path).findings.first}


def test_a_run_that_was_cancelled(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    results = [*answers(), skipped(6), skipped(7)]
    exported(messages(results, state=RebalanceState.CANCELLED), path)
    report = verify_export(path)
    assert (report.findings.first, report.others["SKIPPED"]) == ([], 2)


def test_a_run_of_which_some_are_not_to_be_traded_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    results = [*answers(count=8)[:4], not_traded(4)]
    exported(messages(results, state=RebalanceState.COMPLETED), path)
    assert verify_export(path).findings.first == []
    exported(messages(results, state=RebalanceState.CANCELLED), path)
    assert [one.rule for one in verify_export(path).findings.first] == ["state"]
    exported(messages([*results, skipped(5)], state=RebalanceState.CANCELLED), path)
    assert verify_export(path).findings.first == []


SETTINGS = {
    "floor": SettingsContent(minimum_cash_weight=Decimal("0.11")),
    "minimum trade": SettingsContent(minimum_trade_value=Decimal("400.50")),
    "turnover": SettingsContent(maximum_turnover_weight=Decimal("0.8")),
    "restrictions": SettingsContent(
        restrictions=tuple(Restriction(security_id(n), RestrictionType.HOLD) for n in range(LISTED))
    ),
}


@pytest.mark.parametrize("name", SETTINGS)
def test_what_settings_bound_is_right_and_only_of_portfolios_with_settings(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    settings = {portfolio_id(number): AppliedSettings(3, SETTINGS[name]) for number in range(12)}
    overdraft = with_options(allow_overdraft=name == "floor")
    told = exported(messages(answers(overdraft, 12, settings=settings), overdraft), path)
    report = verify_export(path)
    assert report.findings.first == []
    assert report.with_settings == report.solved >= 4
    for line in told[2:-1]:
        line["portfolio"].pop("settingsVersion", None)
    rewritten(told, path)
    assert {one.rule for one in verify_export(path).findings.first} == {"settings that bind a line"}


@pytest.fixture(scope="module")
def lines(tmp_path_factory: pytest.TempPathFactory) -> list[Object]:
    return exported(messages(answers()), tmp_path_factory.mktemp("exports") / "run.jsonl")


OF_THE_FIRST: Place = (2, "portfolio")
LINE: Place = (*OF_THE_FIRST, "positions", 1)
SOLUTION: Place = (*OF_THE_FIRST, "solution")
#: What is put where, and which rule it breaks; many break others, too.
NONSENSE: dict[str, tuple[Place, object, str]] = {
    "a band that it is outside": ((*LINE, "target", "value"), "0.9", "weight inside its band"),
    "drifts the wrong way round": ((*LINE, "lowDrift", "value"), "0.9", "low_drift"),
    "costs of a trade that has none": ((*LINE, "cost"), {"value": "1"}, "cost of the trade"),
    "a price of nothing": ((*LINE, "price", "value"), "0", "price"),
    "an exponent": ((*LINE, "price", "value"), "1e9", "can be read"),
    "no number": ((*LINE, "actual", "value"), "", "can be read"),
    "a reason that is not so": ((*LINE, "reason"), "POSITION_REASON_ALREADY_NEAREST", "reason"),
    "a reason of tomorrow": ((*LINE, "reason"), "POSITION_REASON_MOON", "reason"),
    "a side without shares": ((*LINE, "tradeQuantity"), "0", "can be read"),
    "shares below nothing": ((*LINE, "tradeQuantity"), "-5", "can be read"),
    "another side": (
        (*OF_THE_FIRST, "transactions", 0, "transactionType"),
        "TRANSACTION_TYPE_UNSPECIFIED",
        "can be read",
    ),
    "a security that others do not have": (
        (*LINE, "securityId"),
        security_id(77),
        "securities of the model that it lacks",
    ),
    "lines out of order": ((*LINE, "securityId"), "0" * 24, "lines by security_id, each once"),
    "a bound above the objective": (
        (*SOLUTION, "lowerBound", "value"),
        "999999",
        "lower_bound = objective, where proven",
    ),
    "no proof, and no gap": ((*SOLUTION, "status"), "SOLUTION_STATUS_FEASIBLE", "lower_bound"),
    "a state": ((*OF_THE_FIRST, "state"), "PORTFOLIO_REBALANCE_STATE_NO_ACTION", "state"),
    "a state without an answer": (
        (*OF_THE_FIRST, "state"),
        "PORTFOLIO_REBALANCE_STATE_FAILED",
        "a solution, where there is no answer",
    ),
    "a state of tomorrow": ((*OF_THE_FIRST, "state"), "PORTFOLIO_REBALANCE_STATE_MOON", "state"),
    "an error in spite of an answer": ((*OF_THE_FIRST, "error"), {}, "an error, where there is an answer"),
    "another run's": ((*OF_THE_FIRST, "rebalanceId"), "b" * 24, "rebalance_id"),
    "another time": ((*OF_THE_FIRST, "snapshotTime"), "2026-03-02T14:30:15.124Z", "snapshot_time of the run"),
    "a breach of no limit": (
        (*OF_THE_FIRST, "limitBreaches"),
        [{"group": "G", "value": {"value": "1"}}],
        "limit_breaches",
    ),
    "debts": ((*OF_THE_FIRST, "cashBefore", "value"), "-99999999", "market value + cash flow"),
    "a kind of tomorrow": ((2,), {"sequence": "2", "moon": {}}, "kind"),
    "a gap": ((3, "sequence"), "4", "sequences without gaps"),
    "another beginning": ((1, "started", "actor"), "nobody", "actor as when it began"),
    "an option of tomorrow": ((1, "started", "options", "moon"), True, "options that can be checked"),
    "no options": ((1, "started", "options"), {}, "can be read"),
    "a strategy of tomorrow": ((1, "started", "options", "strategy"), "STRATEGY_MOON", "can be read"),
    "another run": ((0, "rebalanceId"), "b" * 24, "rebalance_id"),
    "no portfolio": ((2, "portfolio"), [], "can be read"),
    "a message of nothing": ((2,), [], "line 3"),
}


@pytest.mark.parametrize("name", NONSENSE)
def test_nonsense(lines: list[Object], tmp_path: Path, name: str) -> None:
    place, value, rule = NONSENSE[name]
    told = copy.deepcopy(lines)
    put(told, place, value)
    path = tmp_path / "run.jsonl"
    rewritten(told, path)
    assert rule in {one.rule for one in verify_export(path).findings.first}


@pytest.mark.parametrize(
    ("place", "name", "rule"),
    [
        (OF_THE_FIRST, "cashBefore", "cash_before"),
        (OF_THE_FIRST, "solution", "state without a solution"),
        (LINE, "actual", "can be read"),
        (OF_THE_FIRST, "transactions", "number of transactions = of lines that trade"),
        ((-1, "finished"), "rebalancedCount", "rebalancedCount = portfolios REBALANCED"),
        ((1,), "started", "kind"),
        ((-1, "finished"), "finishTime", "finish_time"),
    ],
)
def test_what_is_missing(lines: list[Object], tmp_path: Path, place: Place, name: str, rule: str) -> None:
    told = copy.deepcopy(lines)
    del at(told, place)[name]
    path = tmp_path / "run.jsonl"
    rewritten(told, path)
    assert rule in {one.rule for one in verify_export(path).findings.first}


def test_what_is_wrong_is_named(lines: list[Object], tmp_path: Path) -> None:
    """The portfolio, the line, the rule, what there is and what there should be."""
    told = copy.deepcopy(lines)
    line = told[2]["portfolio"]["positions"][1]
    was = line["adjustedMarketValue"]["value"]
    line["adjustedMarketValue"]["value"] = "1.5"
    path = tmp_path / "run.jsonl"
    rewritten(told, path)
    [one] = verify_export(path).findings.first
    expected = (portfolio_id(0), security_id(1), "adjusted_market_value = quantity x price", "1.5")
    assert (one.where, one.line, one.rule, one.found) == expected
    assert Decimal(one.expected) == Decimal(was)
