"""Answers that keep every rule and are not the best: only solving them again can tell."""

from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from pathlib import Path

import pytest

import optimizer
from ordergen_client.verification import verify_export
from ordergen_client.verification.checks.options import read_options
from ordergen_client.verification.proving import prove
from ordergen_client.verification.reading.records import read_portfolio
from ordergen_client.verification.telling import checked
from ordergen_server.domain.desk.portfolio_settings import AppliedSettings, SettingsContent
from ordergen_server.domain.rebalances.options import RebalanceOptions, Strategy
from ordergen_server.domain.rebalances.results import PortfolioRebalance, SolutionQuality
from tests.builders import portfolio_id
from tests.exports import DEFAULT, answers, exported, messages, with_options
from tests.unit.client.verification.test_rules import RIGHT


@pytest.mark.parametrize("name", RIGHT)
def test_answers_are_the_same_again(name: str, tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    exported(messages(answers(RIGHT[name], 8), RIGHT[name]), path)
    report = verify_export(path, prove)
    assert report.findings.first == []
    assert report.proved + report.undecided == report.solved  # which of them depends on the time that it took
    assert name != "default" or not report.undecided


def claimed(one: PortfolioRebalance, options: RebalanceOptions) -> PortfolioRebalance:
    """The orders of an answer with what they are worth by other options, said to be proven."""
    traded = sum((abs(line.trade_quantity) * line.security.price for line in one.positions), Decimal(0))
    drift = sum(
        (
            abs(line.adjusted_market_value - line.security.target * (one.market_value or 0))
            for line in one.positions
        ),
        Decimal(0),
    )
    objective = traded if options.strategy is Strategy.TO_BAND else drift
    assert one.solution
    told = SolutionQuality(True, objective, objective, one.solution.solve_duration, True)
    lines = tuple(
        line._replace(reason="REDUCED_FOR_CASH") for line in one.positions
    )  # a reason that any line may have
    return replace(one, solution=told, positions=lines)


@pytest.mark.parametrize(
    ("made", "said"),
    [(with_options(strategy=Strategy.TO_BAND), DEFAULT), (DEFAULT, with_options(strategy=Strategy.TO_BAND))],
)
def test_answers_that_are_not_the_best(
    made: RebalanceOptions, said: RebalanceOptions, tmp_path: Path
) -> None:
    path = tmp_path / "run.jsonl"
    results = [claimed(one, said) if one.solution else one for one in answers(made)]
    exported(messages(results, said), path)
    assert verify_export(path).findings.first == []
    report = verify_export(path, prove)
    rules = {one.rule for one in report.findings.first}
    assert "lower_bound, solved again" in rules
    assert any(rule.startswith("order of ") for rule in rules)


def test_an_objective_below_what_is_possible(tmp_path: Path) -> None:
    _, first, *_ = exported(messages(answers()), tmp_path / "run.jsonl")[1:]
    portfolio = read_portfolio(first["portfolio"])
    assert portfolio.solution
    less = replace(portfolio, solution=portfolio.solution._replace(objective=Fraction(1)))
    options = read_options({"strategy": "STRATEGY_TO_TARGET", "solverTimeout": "5s"})
    assert [one.rule for one in prove(less, options).checks if one.is_broken] == ["objective, solved again"]
    none = replace(options, minimum_cash_weight=Fraction(1, 3))
    proof = prove(portfolio, none)
    assert (proof.decided, [one.expected for one in proof.checks]) == (
        True,
        ["none: no orders meet every rule"],
    )


def test_a_portfolio_with_settings_is_not_solved_again(tmp_path: Path) -> None:
    """What its settings were is not known: without them there may be better orders."""
    path = tmp_path / "run.jsonl"
    rules = SettingsContent(maximum_turnover_weight=Decimal("1.2"))
    settings = {portfolio_id(number): AppliedSettings(1, rules) for number in (0, 2)}
    exported(messages(answers(count=6, settings=settings)), path)
    report = verify_export(path, prove)
    assert report.findings.first == []
    assert (report.with_settings, report.proved) == (2, report.solved - 2)
    told = dict(checked(report, proved=True))
    assert told["portfolios not solved again: their settings are not in an export"] == 2


def test_numbers_that_no_problem_has(tmp_path: Path) -> None:
    _, first, *_ = exported(messages(answers()), tmp_path / "run.jsonl")[1:]
    options = read_options({"strategy": "STRATEGY_TO_TARGET", "solverTimeout": "5s"})
    huge = replace(options, minimum_cash_amount=Fraction(10**50))
    proof = prove(read_portfolio(first["portfolio"]), huge)
    assert (proof.decided, [one.rule for one in proof.checks if one.is_broken]) == (False, ["solved again"])


def test_what_is_not_decided_in_time_is_not_said_to_be(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "run.jsonl"
    exported(messages(answers()), path)

    def undecided(problem: optimizer.Problem, *, timeout_seconds: float) -> optimizer.Solution:
        assert timeout_seconds == 5
        return optimizer.Solution(problem, optimizer.Status.UNDECIDED, lower_bound=Fraction(0))

    monkeypatch.setattr(optimizer, "solve", undecided)
    report = verify_export(path, prove)
    assert (report.findings.count, report.proved, report.undecided) == (0, 0, 4)
