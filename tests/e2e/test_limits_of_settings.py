"""Limits of securities in settings over the real port: every run keeps them, and says whose they are."""

import json
from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner, Result
from globeco.ordergen.v1 import rebalance_pb2 as pb

from ordergen_client import (
    Infeasible,
    LimitBreach,
    PortfolioState,
    RebalanceOptions,
    Restriction,
    Rule,
    RuleKind,
    RuleSource,
    SecurityLimit,
)
from ordergen_client.cli import main
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import portfolio_id, security_id
from tests.e2e.api import Api, served
from tests.e2e.test_portfolio_settings import client_of, half, results

ONE, TWO, THREE = (portfolio_id(number) for number in (1, 2, 3))


@pytest.fixture(params=[0, 1], ids=["threads", "a process"])
def api(
    request: pytest.FixtureRequest, mongodb_uri: str, database_name: str, siblings: SimulatedSiblings
) -> Iterator[Api]:
    """A server that works runs off itself, or in another process."""
    with served(mongodb_uri, database_name, siblings, compute_processes=request.param) as running:
        yield running


@pytest.fixture
def one_api(mongodb_uri: str, database_name: str, siblings: SimulatedSiblings) -> Iterator[Api]:
    with served(mongodb_uri, database_name, siblings) as running:
        yield running


def test_every_run_keeps_the_stricter_of_each_side(
    api: Api, siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    """Of half of 1,000: the run allows 48 shares; settings 45, or at least 55; or they hold 60."""
    model = half(api, siblings)
    security = model.positions[0].security_id
    siblings.override_holdings(THREE, Decimal(400), {security: Decimal(60)})
    options = RebalanceOptions(security_limits={security: SecurityLimit(maximum_weight="0.48")})
    with client_of(api) as client:
        kept = client.portfolios.settings
        kept.update(ONE, security_limits={security: SecurityLimit(maximum_weight="0.455")})
        kept.update(TWO, security_limits={security: SecurityLimit("0.55", "0.6")})
        kept.update(
            THREE,
            security_limits={security: SecurityLimit(maximum_weight="0.45")},
            restrictions={security: "HOLD"},
        )
        run = client.runs.start(model.model_id, options)
        run.wait()
        whole = client.runs.portfolio(run.rebalance_id, ONE)
    found = results(api, run.rebalance_id)
    lines = {key: one.positions[0] for key, one in found.items() if one.positions}
    assert {key: (line.trade_quantity, line.bound_by) for key, line in lines.items()} == {
        portfolio_id(0): (48, pb.RULE_SOURCE_RUN),
        ONE: (45, pb.RULE_SOURCE_SETTINGS),
        THREE: (0, pb.RULE_SOURCE_SETTINGS),
    }
    assert {line.reason for key, line in lines.items() if key != THREE} == {pb.POSITION_REASON_SECURITY_LIMIT}
    (breach,) = found[THREE].limit_breaches
    assert (breach.security_id, breach.value.value, breach.source) == (
        security,
        "600",
        pb.RULE_SOURCE_SETTINGS,
    )
    assert found[TWO].state == pb.PORTFOLIO_REBALANCE_STATE_INFEASIBLE
    assert (
        "of at least 550.00 and of at most 480.00, have together no whole shares" in found[TWO].error.message
    )
    # 45 p of 1,000 are 0.455 of it at 10.11..., where the run's limit would let it rise further.
    assert whole.positions[0].good_until
    assert whole.positions[0].good_until.high == Decimal("10.11111111")
    path = tmp_path / "run.jsonl"
    assert command(api, "runs", "export", run.rebalance_id, "-o", str(path)).exit_code == 0
    checked = CliRunner().invoke(main, ["verify", str(path), "--prove"])
    assert checked.exit_code == 0, checked.output


def test_a_single_portfolio_is_told_without_which_limit_it_has_an_answer(
    one_api: Api, siblings: SimulatedSiblings
) -> None:
    model = half(one_api, siblings)
    security = model.positions[0].security_id
    options = RebalanceOptions(security_limits={security: SecurityLimit(maximum_weight="0.45")})
    with client_of(one_api) as client:
        client.portfolios.settings.update(ONE, security_limits={security: SecurityLimit("0.55")})
        with pytest.raises(Infeasible, match="its minimum weight is that of the portfolio's settings"):
            client.portfolios.rebalance(ONE, options)
        told = client.portfolios.rebalance(ONE, options, validate_only=True, explain_rules=True)
        client.portfolios.settings.update(ONE, 1, restrictions={security: Restriction.HOLD})
        siblings.override_holdings(ONE, Decimal(500), {security: Decimal(50)})
        kept = client.portfolios.rebalance(ONE, options, validate_only=True)
    assert told.state is PortfolioState.INFEASIBLE
    assert told.relaxations
    (ticker,) = {one.ticker for one in siblings.portfolios.market.securities if one.security_id == security}
    assert told.relaxations.sets == tuple(
        (Rule(RuleKind.SECURITY_LIMIT, security, ticker, source=source),)
        for source in (RuleSource.RUN, RuleSource.SETTINGS)
    )
    assert kept.limit_breaches == tuple(
        LimitBreach(security, "", Decimal(500), source) for source in (RuleSource.RUN, RuleSource.SETTINGS)
    )


def test_limits_are_kept_digit_for_digit_and_taken_away(one_api: Api) -> None:
    limits = {
        security_id(2): SecurityLimit("0.010", "0.10"),
        security_id(1): SecurityLimit(maximum_weight=0),
        security_id(3): SecurityLimit("1E-30"),
    }
    with client_of(one_api) as client:
        kept = client.portfolios.settings
        made = kept.update(ONE, security_limits=limits, note="a text")
        assert made.security_limits == limits
        assert list(made.security_limits) == list(limits)
        assert str(made.security_limits[security_id(2)].minimum_weight) == "0.010"
        assert kept.get(ONE) == made
        assert kept.update(ONE, 1, note="another").security_limits == limits
        emptied = kept.update(ONE, 2, security_limits=None)
        assert (emptied.security_limits, emptied.note, emptied.version) == ({}, "another", 3)


def command(api: Api, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, f"--target=127.0.0.1:{api.port}"])


def told(api: Api, *arguments: str) -> Any:  # noqa: ANN401 - JSON
    done = command(api, *arguments, "--json")
    assert done.exit_code == 0, done.output
    return json.loads(done.stdout)


def test_the_command_sets_shows_and_unsets_limits(one_api: Api, siblings: SimulatedSiblings) -> None:
    chosen = siblings.model.portfolio_ids[0]
    (first, second, third) = siblings.portfolios.market.securities[:3]
    settings = ("portfolios", "settings")
    made = told(
        one_api,
        *settings,
        "set",
        chosen,
        f"--security-limit={first.ticker}=2%:10%",
        f"--security-limit={second.security_id}=:0.055",
        f"--restrict={first.ticker}=do_not_sell",
    )
    weights = {
        one["security_id"]: (one["minimum_weight"], one["maximum_weight"]) for one in made["security_limits"]
    }
    assert weights == {first.security_id: ("0.02", "0.10"), second.security_id: (None, "0.055")}
    changed = told(one_api, *settings, "set", chosen, f"--security-limit={first.ticker}=3%:")
    sides = {one["ticker"]: one["minimum_weight"] for one in changed["security_limits"]}
    assert sides == {first.ticker: "0.03", second.ticker: None}
    shown = command(one_api, *settings, "show", chosen).stdout.splitlines()
    (row,) = [line for line in shown if first.ticker in line.split()]
    assert row.split()[:4] == [first.ticker, first.security_id, "DO_NOT_SELL", "3.00%"]
    (listed,) = told(one_api, *settings, "list")["settings"]
    assert (listed["restrictions_count"], listed["security_limits_count"]) == (1, 2)
    left = told(one_api, *settings, "unset", chosen, f"--security-limit={first.ticker}")
    assert [one["ticker"] for one in left["security_limits"]] == [second.ticker]
    refused = command(one_api, *settings, "unset", chosen, f"--security-limit={third.ticker}")
    assert (refused.exit_code, "is not limited" in refused.output) == (1, True)
    assert told(one_api, *settings, "unset", chosen, "--security-limits")["security_limits"] == []
    for usage in (
        ["set", chosen, f"--security-limit={first.ticker}"],
        ["set", chosen, f"--security-limit={first.ticker}=5%"],
        ["unset", chosen, "--security-limits", "--security-limit=A"],
    ):
        assert command(one_api, *settings, *usage).exit_code == 2, usage
