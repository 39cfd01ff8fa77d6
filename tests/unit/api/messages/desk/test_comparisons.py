"""Comparisons off the wire and onto it."""

from decimal import Decimal
from typing import Any

import pytest
from globeco.ordergen.v1 import comparison_pb2
from globeco.ordergen.v1 import rebalance_service_pb2 as pb
from globeco.ordergen.v1.rebalance_pb2 import RebalanceOptions as OptionsMessage

from ordergen_client.records import messages
from ordergen_client.records.desk import comparison_messages
from ordergen_client.records.desk.comparisons import Variant
from ordergen_client.records.options.options import RebalanceOptions
from ordergen_client.records.states import PortfolioState as ClientState
from ordergen_client.records.values import Position
from ordergen_server.api.messages import encoding
from ordergen_server.api.messages.desk import comparisons, explanations
from ordergen_server.domain.desk.comparisons import ComparedPortfolio, ComparedVariant
from ordergen_server.domain.desk.explanations import Explanation, Relaxations, Rule, RuleKind, RulePrice
from ordergen_server.domain.errors import BadData
from ordergen_server.domain.rebalances.options import Strategy
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.requests.violations import Violations
from tests.builders import MODEL_ID, portfolio_id, result, security_id


def variant(name: str = "one", **options: Any) -> comparison_pb2.OptionsVariant:  # noqa: ANN401 - of protobuf
    return comparison_pb2.OptionsVariant(name=name, options=OptionsMessage(**options))


def broken(*variants: comparison_pb2.OptionsVariant, **fields: Any) -> list[str]:  # noqa: ANN401 - of protobuf
    violations = Violations()
    asked = {"model_id": MODEL_ID, **fields} if "portfolio_id" not in fields else fields
    comparisons.comparison(pb.CompareOptionsRequest(variants=variants, **asked), violations)
    return [one.subject for one in violations.found]


def test_broken_rules_have_their_whole_paths() -> None:
    bad = variant("two", maximum_trade_count=-1)
    bad.options.minimum_cash.weight.value = "2"
    bad.draft_positions.add(security_id="x").target.value = "0.1"
    assert broken(variant(), bad) == [
        "variants[1].options.minimum_cash.weight",
        "variants[1].options.maximum_trade_count",
        "variants[1].draft_positions[0].security_id",
    ]
    assert broken(variant(), model_id="") == ["model_id", "variants"]
    assert broken(variant(), variant("two"), portfolio_id="x") == ["portfolio_id"]
    violations = Violations()
    comparisons.comparison(pb.CompareOptionsRequest(variants=[variant(), variant("two")]), violations)
    assert [one.subject for one in violations.found] == ["model_id"]


def test_violations_of_parts_are_counted_beyond_what_is_kept() -> None:
    violations, part = Violations(), Violations()
    for number in range(40):
        part.add(f"field{number}", "must be")
    violations.include(part, "variants[0].")
    violations.include(part, "variants[1].")
    assert (len(violations.found), violations.found[0].subject) == (32, "variants[0].field0")
    assert violations.message.endswith("(and 70 more)")


def test_what_the_client_sends_is_what_is_compared() -> None:
    line = Position(security_id(1), "0.25", "0.01", "0.02")
    sent = [Variant("a", RebalanceOptions(strategy="TO_BAND")), Variant("b", positions=[line])]
    request = pb.CompareOptionsRequest(
        portfolio_id=portfolio_id(3),
        variants=map(comparison_messages.variant_message, sent),
        frontier_points=4,
    )
    violations = Violations()
    asked = comparisons.comparison(request, violations)
    assert violations.found == ()
    assert (asked.portfolio_id, asked.model_id, asked.frontier_points) == (portfolio_id(3), "", 4)
    assert [one.name for one in asked.variants] == ["a", "b"]
    assert [one.options.strategy for one in asked.variants] == [Strategy.TO_BAND, Strategy.TO_TARGET]
    assert [one.target for one in asked.variants[1].positions] == [Decimal("0.25")]


def test_rows_and_sums_keep_every_digit_and_what_is_not_known() -> None:
    row = ComparedPortfolio(
        portfolio_id(1),
        "Growth",
        "a",
        PortfolioState.REBALANCED,
        market_value=Decimal("1000.10"),
        drift_before=Decimal("0.400000000000"),
        drift_after=Decimal("0.1"),
        bought=Decimal("1.5"),
        sold=Decimal("2.25"),
        turnover_weight=Decimal("0.00375"),
        trade_count=0,
        cash_after=Decimal(-3),
        proven_optimal=True,
        cost=Decimal("0.10"),
    )
    read = comparison_messages.comparison_event(comparisons.compared(row)).portfolio
    assert read is not None
    for name in ("portfolio_id", "portfolio_name", "variant", "error", "trade_count", "proven_optimal"):
        assert getattr(read, name) == getattr(row, name)
    numbers = (
        *("market_value", "drift_before", "drift_after", "turnover", "turnover_weight", "cash_after", "cost"),
    )
    for name in numbers:
        assert str(getattr(read, name)) == str(getattr(row, name))
    failed = ComparedPortfolio(portfolio_id(1), "", "a", PortfolioState.FAILED, BadData("bad: look at it"))
    unknown = comparison_messages.comparison_event(comparisons.compared(failed)).portfolio
    assert unknown is not None
    assert [getattr(unknown, name) for name in (*numbers, "trade_count")] == [None] * 8
    assert type(unknown.error).__name__ == "BadData"
    sums = comparison_messages.comparison_event(
        comparisons.compared(ComparedVariant("a").plus(row).plus(failed))
    ).variant
    assert sums is not None
    assert sums.counts == {
        ClientState.REBALANCED: 1,
        ClientState.NO_ACTION: 0,
        ClientState.INFEASIBLE: 0,
        ClientState.FAILED: 1,
        ClientState.SKIPPED: 0,
    }
    assert (sums.proven_count, sums.turnover, sums.drift_before) == (1, Decimal("3.75"), Decimal("0.4"))
    assert sums.cost == Decimal("0.10")
    empty = comparison_messages.comparison_event(comparisons.compared(ComparedVariant("a"))).variant
    assert empty is not None
    assert (empty.market_value, empty.drift_before, empty.drift_after) == (Decimal(0), None, None)


@pytest.mark.parametrize("incomplete", [False, True])
def test_explanations_are_read_as_they_were_found(incomplete: bool) -> None:
    lot = Rule(RuleKind.LOT_SIZE, security_id(1), "AAA")
    found = Explanation(
        (
            RulePrice(lot, Decimal("0.01"), proven=True),
            RulePrice(Rule(RuleKind.CASH_FLOOR), None, proven=False),
        ),
        Relaxations(((lot,), (Rule(RuleKind.GROUP_LIMIT, name="Tech"), lot)), incomplete),
    )
    message = encoding.portfolio_rebalance(result())
    assert messages.portfolio_rebalance(message).relaxations is None
    explanations.add_explanation(message, found)
    read = messages.portfolio_rebalance(message)
    assert read.relaxations is not None
    assert [(one.rule.kind, one.rule.ticker, one.drift_saved, one.proven) for one in read.rule_prices] == [
        ("LOT_SIZE", "AAA", Decimal("0.01"), True),
        ("CASH_FLOOR", "", None, False),
    ]
    assert [[(rule.kind, rule.name) for rule in rules] for rules in read.relaxations.sets] == [
        [("LOT_SIZE", "")],
        [("GROUP_LIMIT", "Tech"), ("LOT_SIZE", "")],
    ]
    assert read.relaxations.incomplete is incomplete
