"""A comparison of options beside reading its portfolios alone, and beside each of its variants alone."""

from statistics import median

from globeco.ordergen.v1 import comparison_pb2, rebalance_pb2, rebalance_service_pb2
from google.type import decimal_pb2

from tests.benchmarks.report import Section, Table, duration, progress, timed
from tests.benchmarks.runs import PATIENCE, POSITIONS, WORKERS, World, fetching_alone, goal, world
from tests.e2e.api import message_of

PORTFOLIOS, ROUNDS = 100, 5
GOAL = 1.5
Options = rebalance_pb2.RebalanceOptions

INTRODUCTION = f"""Five variants of options over {PORTFOLIOS} portfolios of {POSITIONS} positions, on the
world of the section on runs: in one comparison, which reads each portfolio once, and each by itself as a
preview (`validate_only`), which reads it each time. Reading alone is the same sibling client ({WORKERS}
threads); what a preview takes longer is its solving and telling. Medians of {ROUNDS} rounds."""


def variants() -> dict[str, Options]:
    """Options that are compared, by name."""
    cash = rebalance_pb2.MinimumCash(weight=decimal_pb2.Decimal(value="0.06"))
    costs = rebalance_pb2.TradingCosts(rate_weight=decimal_pb2.Decimal(value="0.001"))
    return {
        "to target": Options(strategy=rebalance_pb2.STRATEGY_TO_TARGET),
        "to band": Options(strategy=rebalance_pb2.STRATEGY_TO_BAND),
        "more cash": Options(minimum_cash=cash),
        "with costs": Options(costs=costs),
        "sells alone": Options(sides=rebalance_pb2.SIDES_SELL_ONLY),
    }


def compared(one: World, model_id: str) -> None:
    """All variants at once; every portfolio must be told of each."""
    request = rebalance_service_pb2.CompareOptionsRequest(
        model_id=model_id,
        variants=[
            comparison_pb2.OptionsVariant(name=name, options=each) for name, each in variants().items()
        ],
    )
    told = list(one.api.rebalances.CompareOptions(request, timeout=PATIENCE))
    assert sum(message.HasField("portfolio") for message in told) == len(variants()) * PORTFOLIOS


def previewed(one: World, model_id: str, options: Options) -> None:
    """One of them by itself."""
    request = rebalance_service_pb2.RebalanceModelRequest(
        model_id=model_id,
        options=options,
        validate_only=True,
        view=rebalance_pb2.PORTFOLIO_REBALANCE_VIEW_BASIC,
    )
    told = list(one.api.rebalances.RebalanceModel(request, timeout=PATIENCE))
    assert sum(message.HasField("portfolio") for message in told) == PORTFOLIOS


def run() -> Section:
    """Measure everything of this section."""
    with world(PORTFOLIOS) as one:
        model_id = one.api.create(message_of(one.siblings.model)).model_id
        compared(one, model_id)
        rounds = [_round(one, model_id, number) for number in range(ROUNDS)]
    reading, together, *alone = (median(each) for each in zip(*rounds, strict=True))
    solving = sum(max(0.0, each - reading) for each in alone)
    ratio = together / (reading + solving)
    rows = [("reading alone", duration(reading)), ("the comparison", duration(together))]
    rows += [(f"{name}, alone", duration(each)) for name, each in zip(variants(), alone, strict=True)]
    goals = [goal("the comparison, of reading once and solving five times", ratio, GOAL, "x")]
    return Section(
        "Comparing",
        INTRODUCTION,
        [
            Table("Goal of comparisons", ("what", "goal at most", "measured", "verdict"), goals),
            Table("A comparison of five variants", ("what", "seconds"), rows),
        ],
        {"reading": reading, "together": together, "alone": alone, "ratio": ratio},
    )


def _round(one: World, model_id: str, number: int) -> list[float]:
    progress(f"comparing, round {number + 1} of {ROUNDS}")
    seconds = [fetching_alone(one.siblings), timed(lambda: compared(one, model_id))]
    return seconds + [timed(lambda each=each: previewed(one, model_id, each)) for each in variants().values()]  # type: ignore[misc]
