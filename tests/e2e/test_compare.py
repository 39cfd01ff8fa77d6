"""Comparisons and explanations over the real port: gRPC, both clients, the command, and who leaves."""

import asyncio
import json
from collections import defaultdict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from globeco.ordergen.v1 import comparison_pb2, model_pb2
from globeco.ordergen.v1.rebalance_pb2 import RULE_KIND_MAXIMUM_TRADE_COUNT, RebalanceOptions
from globeco.ordergen.v1.rebalance_service_pb2 import (
    CompareOptionsRequest,
    ListRebalancesRequest,
    RebalancePortfolioRequest,
)

from ordergen_client import (
    AsyncClient,
    Client,
    ComparedPortfolio,
    ComparedVariant,
    ComparisonEvent,
    Infeasible,
    InvalidArgument,
    NotFound,
    Position,
    ResourceExhausted,
    Rule,
    RuleKind,
    SiblingUnavailable,
    Variant,
)
from ordergen_client import RebalanceOptions as Options
from ordergen_client.cli import main
from ordergen_server.sandbox.services.faults import Fault
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import MODEL_ID, portfolio_id
from tests.e2e.api import Api, message_of, served
from tests.limits import PATIENCE, sized
from tests.waiting import eventually

PORTFOLIOS, MAXIMUM_RUNS, MANY = 6, 4, sized(40, 100)
TARGETS = ("0.1", "0.2", "0.3", "0.25")
VARIANTS = [Variant("band", Options(strategy="TO_BAND")), Variant("target")]


@pytest.fixture
def model(api: Api, siblings: SimulatedSiblings) -> model_pb2.Model:
    return api.create(message_of(siblings.model, portfolios=PORTFOLIOS))


def client_of(api: Api) -> Client:
    return Client(f"127.0.0.1:{api.port}", timeout_seconds=PATIENCE)


def rows(events: list[ComparisonEvent]) -> dict[str, dict[str, ComparedPortfolio]]:
    """By variant and portfolio."""
    found: dict[str, dict[str, ComparedPortfolio]] = defaultdict(dict)
    for one in events:
        if one.portfolio:
            found[one.portfolio.variant][one.portfolio.portfolio_id] = one.portfolio
    return found


def test_each_variant_is_as_a_rebalance_would_be(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    with client_of(api) as client:
        before = siblings.calls("accounting").get("summary", 0)
        events = list(client.runs.compare(VARIANTS, model_id=model.model_id))
        assert siblings.calls("accounting")["summary"] - before == PORTFOLIOS
        assert not api.rebalances.ListRebalances(ListRebalancesRequest(), timeout=PATIENCE).rebalances
        found = rows(events)
        for variant in VARIANTS:
            run = client.runs.stream(model.model_id, variant.options, validate_only=True)
            for portfolio in (one.portfolio for one in run if one.portfolio):
                row = found[variant.name][portfolio.portfolio_id]
                assert (row.state, row.market_value, row.drift_before, row.drift_after, row.cash_after) == (
                    portfolio.state,
                    portfolio.market_value,
                    portfolio.drift_before,
                    portfolio.drift_after,
                    portfolio.cash_after,
                )
                if row.turnover is not None:
                    assert row.trade_count == len(portfolio.transactions)
    sums = [one.variant for one in events if one.variant]
    assert events[-2:] == [ComparisonEvent(variant=one) for one in sums]
    for one in sums:
        check_sums(one, list(found[one.variant].values()))


def test_five_variants_of_many_portfolios_read_each_once(mongodb_uri: str, database_name: str) -> None:
    """And a frontier besides: each portfolio never drifts more from point to point, and ends at a variant."""
    variants = [
        Variant("band", soon(strategy="TO_BAND")),
        Variant("target", soon()),
        *(Variant(f"turnover {part}", soon(maximum_turnover_weight=part)) for part in ("0.05", "0.1", "0.2")),
    ]
    with (
        SimulatedSiblings(portfolios=MANY, positions=6) as many,
        served(mongodb_uri, database_name, many) as api,
        client_of(api) as client,
    ):
        model_id = api.create(message_of(many.model)).model_id
        before = many.calls("accounting").get("summary", 0)
        events = list(client.runs.compare(variants, model_id=model_id, frontier_points=3))
        assert many.calls("accounting")["summary"] - before == MANY
    found = rows(events)
    points = [f"frontier-{place}" for place in range(1, 4)]
    assert list(found) == [*(one.name for one in variants), *points]
    assert {len(each) for each in found.values()} == {MANY}
    known = [key for key in found["band"] if found["band"][key].turnover and found["target"][key].turnover]
    assert len(known) > MANY / 4
    for key in known:
        drifts = [found[name][key].drift_after or Decimal(0) for name in points]
        assert drifts == sorted(drifts, reverse=True)
        for end, name in (("frontier-1", "band"), ("frontier-3", "target")):
            both = found[end][key], found[name][key]
            if all(one.proven_optimal for one in both):
                assert len({(one.turnover, one.drift_after) for one in both}) == 1


def soon(**options: str) -> Options:
    """With so little time that what is hard to prove does not keep a hundred portfolios waiting."""
    return Options(solver_timeout_seconds=0.02, **options)  # type: ignore[arg-type] # texts of weights and names


def check_sums(sums: ComparedVariant, portfolios: list[ComparedPortfolio]) -> None:
    answered = [one for one in portfolios if one.turnover is not None]
    assert sum(sums.counts.values()) == len(portfolios) == PORTFOLIOS
    assert sums.turnover == sums.bought + sums.sold == sum(one.turnover or 0 for one in answered)
    assert sums.trade_count == sum(one.trade_count or 0 for one in answered)
    worth = sum((one.market_value or Decimal(0) for one in answered), Decimal(0))
    assert sums.market_value == worth
    drift = sum(((one.drift_after or 0) * (one.market_value or 0) for one in answered), Decimal(0))
    assert sums.drift_after is not None
    assert abs(sums.drift_after - drift / worth) <= Decimal("1e-12")


def test_the_frontier_falls_from_band_to_target(api: Api, siblings: SimulatedSiblings) -> None:
    """Of few securities, so that every point is soon proven."""
    few = model_pb2.Model(name="Few", portfolio_ids=map(portfolio_id, range(3)))
    securities = [one.security_id for one in siblings.model.positions[:4]]
    for security, price, target in zip(securities, ("10", "31", "7.25", "90"), TARGETS, strict=True):
        siblings.override_price(security, Decimal(price))
        line = few.positions.add(security_id=security)
        line.target.value, line.low_drift.value, line.high_drift.value = target, "0.03", "0.03"
    for number in range(3):
        held = {security: Decimal(20 * number + place) for place, security in enumerate(securities)}
        siblings.override_holdings(portfolio_id(number), Decimal(10_000), held)
    model_id = api.create(few).model_id
    with client_of(api) as client:
        found = rows(list(client.runs.compare(VARIANTS, model_id=model_id, frontier_points=4)))
    names = [f"frontier-{place}" for place in range(1, 5)]
    assert list(found) == ["band", "target", *names]
    for one_id, at_band in found["band"].items():
        points = [found[name][one_id] for name in names]
        if at_band.drift_after is None:
            assert {one.state for one in points} == {at_band.state}
            continue
        assert replace(points[0], variant="band", proven_optimal=True) == replace(
            at_band, proven_optimal=True
        )
        assert replace(points[-1], variant="target") == found["target"][one_id]
        assert all((one.drift_after or 0) >= (two.drift_after or 0) for one, two in pairwise(points))
        assert all(one.proven_optimal for one in points)


def test_both_clients_read_the_same(api: Api, model: model_pb2.Model) -> None:
    async def awaited(portfolio_id: str) -> list[ComparisonEvent]:
        async with AsyncClient(f"127.0.0.1:{api.port}", timeout_seconds=PATIENCE) as client:
            return [one async for one in client.runs.compare(VARIANTS, portfolio_id=portfolio_id)]

    with client_of(api) as client:
        one = model.portfolio_ids[0]
        assert list(client.runs.compare(VARIANTS, portfolio_id=one)) == asyncio.run(awaited(one))
        with pytest.raises(InvalidArgument, match="variants"):
            list(client.runs.compare(VARIANTS[:1], portfolio_id=one))
        with pytest.raises(NotFound):
            list(client.runs.compare(VARIANTS, model_id=MODEL_ID))
        with pytest.raises(ValueError, match="one of the two"):
            client.runs.compare(VARIANTS)


def test_positions_that_the_model_does_not_list_are_priced_on_the_same_snapshot(
    api: Api, siblings: SimulatedSiblings
) -> None:
    lines = siblings.model.positions
    message = message_of(siblings.model, portfolios=2)
    del message.positions[1:]
    model_id = api.create(message).model_id
    drafts = [
        Variant("own"),
        Variant("other", positions=[Position(lines[1].security_id, "0.5", "0.1", "0.1")]),
    ]
    with client_of(api) as client:
        found = rows(list(client.runs.compare(drafts, model_id=model_id)))
    own, other = (list(found[name].values()) for name in ("own", "other"))
    assert [one.market_value for one in own] == [one.market_value for one in other]
    assert [one.drift_before for one in own] != [one.drift_before for one in other]


def test_what_stops_it_is_told(api: Api, siblings: SimulatedSiblings, model: model_pb2.Model) -> None:
    siblings.set_faults("accounting", [Fault(kind="status", status=503)])
    with client_of(api) as client, pytest.raises(SiblingUnavailable):
        list(client.runs.compare(VARIANTS, model_id=model.model_id))


def test_who_leaves_ends_it_and_gives_its_room_back(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    siblings.set_faults("accounting", [Fault(kind="delay", delay_seconds=1)])
    request = CompareOptionsRequest(
        model_id=model.model_id,
        variants=[comparison_pb2.OptionsVariant(name=one.name) for one in VARIANTS],
    )
    calls = [api.rebalances.CompareOptions(request, timeout=PATIENCE) for _ in range(MAXIMUM_RUNS)]
    eventually(lambda: siblings.calls("accounting").get("summary", 0) > 0)
    for call in calls:
        call.cancel()
    with client_of(api) as client:
        eventually(lambda: _rows_if_there_is_room(client, model.model_id) == 2 * PORTFOLIOS)


def _rows_if_there_is_room(client: Client, model_id: str) -> int:
    try:
        return sum(one.portfolio is not None for one in client.runs.compare(VARIANTS, model_id=model_id))
    except ResourceExhausted:  # until there is room
        return 0


def tight(siblings: SimulatedSiblings, model: model_pb2.Model) -> str:
    """A portfolio of cash alone, which must trade to be inside its bands."""
    portfolio_id = model.portfolio_ids[0]
    siblings.override_holdings(portfolio_id, Decimal(10_000_000), {})
    return portfolio_id


def test_an_infeasible_portfolio_is_answered_with_what_would_help(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    portfolio_id = tight(siblings, model)
    options = Options(maximum_trade_count=0)
    with client_of(api) as client:
        with pytest.raises(Infeasible):
            client.portfolios.rebalance(portfolio_id, options)
        found = client.portfolios.rebalance(portfolio_id, options, explain_rules=True)
        assert isinstance(found.error, Infeasible)
        assert found.relaxations is not None
        assert found.relaxations.sets == ((Rule(RuleKind.MAXIMUM_TRADE_COUNT),),)
        assert not found.relaxations.incomplete
        stored = client.runs.portfolio(found.rebalance_id, portfolio_id)
        assert (stored.state, stored.relaxations, stored.rule_prices) == ("INFEASIBLE", None, ())


def test_a_request_that_is_repeated_answers_what_was_stored(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    portfolio_id = tight(siblings, model)
    options = RebalanceOptions(maximum_trade_count=0)
    request = RebalancePortfolioRequest(
        portfolio_id=portfolio_id,
        options=options,
        request_id="16fd2706-8baf-433b-82eb-8c7fada847da",
        explain_rules=True,
    )
    first = api.rebalances.RebalancePortfolio(request, timeout=PATIENCE)
    [found] = first.relaxations.sets
    assert [one.kind for one in found.rules] == [RULE_KIND_MAXIMUM_TRADE_COUNT]
    again = api.rebalances.RebalancePortfolio(request, timeout=PATIENCE)
    assert (again.rebalance_id, again.HasField("relaxations")) == (first.rebalance_id, False)


def asked(api: Api, *arguments: str) -> Result:
    return CliRunner().invoke(main, [*arguments, f"--target=127.0.0.1:{api.port}", "--quiet"])


def test_the_command_compares_what_a_file_says(api: Api, model: model_pb2.Model, tmp_path: Path) -> None:
    file = tmp_path / "variants.yaml"
    file.write_text(
        "variants:\n"
        "- {name: band, options: {strategy: TO_BAND}}\n"
        "- {name: cash, options: {minimum_cash_weight: 6%}}\n"
    )
    arguments = ("runs", "compare", model.name, "-f", str(file), "--frontier", "2", "--portfolios")
    told = asked(api, *arguments, "--output", "json")
    assert told.exit_code in {0, 3}
    document = json.loads(told.stdout)
    names = ["band", "cash", "frontier-1", "frontier-2"]
    assert [one["variant"] for one in document["variants"]] == names
    assert len(document["portfolios"]) == 4 * PORTFOLIOS
    table = asked(api, *arguments)
    assert "Portfolios" in table.stdout
    assert "Variants" in table.stdout
    for wrong in (
        ("runs", "compare"),
        ("runs", "compare", model.name),
        ("runs", "compare", "--frontier", "3"),
    ):
        assert asked(api, *wrong).exit_code == 2


@pytest.mark.parametrize("alone", [False, True])
def test_the_command_knows_from_the_first_how_many_rows_there_are(
    api: Api, model: model_pb2.Model, monkeypatch: pytest.MonkeyPatch, *, alone: bool
) -> None:
    """A row a portfolio, variant and point; the sums that come after them are none."""
    told: list[tuple[int, int]] = []

    @contextmanager
    def recorded(_text: str, _console: object) -> Iterator[Callable[[int, int], None]]:
        yield lambda done, total: told.append((done, total))

    monkeypatch.setattr("ordergen_client.commands.runs.compare.slow_progress", recorded)
    compared = ("--portfolio", model.portfolio_ids[0]) if alone else (model.name,)
    assert asked(api, "runs", "compare", *compared, "--frontier", "2").exit_code in {0, 3}
    rows = 3 * (1 if alone else PORTFOLIOS)
    assert told == [(done, rows) for done in range(rows + 1)]


def test_the_command_explains_one_portfolio(
    api: Api, siblings: SimulatedSiblings, model: model_pb2.Model
) -> None:
    portfolio_id = tight(siblings, model)
    arguments = ("rebalance", "--portfolio", portfolio_id, "--dry-run", "--maximum-trades", "0")
    told = asked(api, *arguments, "--explain-rules")
    assert told.exit_code == 3
    assert "Feasible without" in told.stdout
    assert "maximum trade count" in told.stdout
    row = json.loads(asked(api, *arguments, "--explain-rules", "--json").stdout)
    assert row["relaxations"]["sets"][0][0]["kind"] == "MAXIMUM_TRADE_COUNT"
    assert asked(api, "rebalance", model.name, "--explain-rules").exit_code == 2
