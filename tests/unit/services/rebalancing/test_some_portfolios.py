"""Runs over some of a model's portfolios, and drafts that are tried in place of its positions."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import timedelta
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.domain.deadlines import Deadline
from ordergen_server.domain.errors import InvalidArgument, ModelWithoutPositions
from ordergen_server.domain.market import Holdings
from ordergen_server.domain.models import Position
from ordergen_server.domain.rebalances.options import Strategy
from ordergen_server.domain.rebalances.results import PortfolioRebalance, PortfolioState, summary_of
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState, RunFinished, RunStarted
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.subjects import NOBODY
from tests.builders import MODEL_ID, holdings, model, portfolio_id, position, snapshot
from tests.fakes import MemoryModels
from tests.limits import PATIENCE
from tests.memory_runs import MemoryRuns
from tests.unit.services.running.test_runs import Gate
from tests.unit.services.runs import BUYS, OPTIONS, REQUEST, RESTS, House, each, house, only_run

#: Three securities of the model, and one that it does not list.
PRICES = {1: "10", 2: "7.25", 3: "133.7", 4: "3.3333"}
POSITIONS = (position(1, "0.3"), position(2, "0.25"), position(3, "0.4"))
QUANTITIES = st.integers(0, 300).map(str) | st.decimals(0, 50, places=3).map(str)
HOLDINGS = st.builds(
    holdings,
    st.decimals(-500, 20_000, places=2).map(str),
    st.dictionaries(st.sampled_from([1, 2, 3, 4]), QUANTITIES),
)


def ids(*numbers: int) -> list[str]:
    return [portfolio_id(number) for number in numbers]


def start(parts: House, portfolio_ids: Sequence[str] = (), **given: object) -> Rebalance:
    return parts.rebalancers.model.start(MODEL_ID, OPTIONS, PATIENCE, portfolio_ids=portfolio_ids, **given)  # type: ignore[arg-type] # a request, if anything


def done(parts: House, portfolio_ids: Sequence[str] = ()) -> tuple[Rebalance, dict[str, PortfolioRebalance]]:
    """A run to its end, with what became of each portfolio."""
    begun = start(parts, portfolio_ids)
    assert parts.ended(begun.rebalance_id)
    results = {one.portfolio_id: one for one in parts.runs.results if one.rebalance_id == begun.rebalance_id}
    ended = parts.runs.get(begun.rebalance_id)
    assert (begun.summary, ended.summary) == (RebalanceSummary(), summary_of(results.values()))
    return ended, results


def tried(
    parts: House, portfolio_ids: Sequence[str] = (), draft: Sequence[Position] = ()
) -> tuple[Rebalance, dict[str, PortfolioRebalance]]:
    """The same of a preview."""
    deadline = Deadline.after(PATIENCE)
    told = parts.rebalancers.previews.preview(
        MODEL_ID, OPTIONS, deadline, portfolio_ids=portfolio_ids, draft=draft
    )
    started, *results, finished = [one.event for one in each(told)]
    assert isinstance(started, RunStarted)
    assert isinstance(finished, RunFinished)
    same = started.rebalance.partial, started.rebalance.draft, started.rebalance.portfolio_count
    assert same == (finished.rebalance.partial, finished.rebalance.draft, finished.rebalance.portfolio_count)
    assert started.rebalance.summary == RebalanceSummary()
    answered = [one for one in results if isinstance(one, PortfolioRebalance)]
    assert finished.rebalance.summary == summary_of(answered)
    return finished.rebalance, {
        one.portfolio_id: one for one in results if isinstance(one, PortfolioRebalance)
    }


def plain(results: Mapping[str, PortfolioRebalance]) -> dict[str, PortfolioRebalance]:
    """Results without what is of one run alone: its id, the place in it, and how long solving took."""
    return {key: _plain(one) for key, one in results.items()}


def _plain(one: PortfolioRebalance) -> PortfolioRebalance:
    solution = one.solution and replace(one.solution, solve_duration=timedelta(0))
    error = one.error and str(one.error)
    return replace(one, rebalance_id="", sequence=0, solution=solution, error=error)  # type: ignore[arg-type] # errors are compared by their text


def test_those_that_are_asked_for_are_rebalanced_and_no_other() -> None:
    with house(BUYS, RESTS, BUYS, RESTS, BUYS) as parts:
        run, results = done(parts, ids(4, 1))
        assert sorted(parts.portfolios.asked) == ids(1, 4)
    assert sorted(results) == ids(1, 4)
    assert (run.state, run.partial, run.draft, run.portfolio_count) == (
        RebalanceState.COMPLETED,
        True,
        False,
        2,
    )
    assert run.counts == {PortfolioState.REBALANCED: 1, PortfolioState.NO_ACTION: 1}


def test_all_by_name_are_no_part_and_neither_are_none() -> None:
    with house(RESTS, RESTS) as parts:
        for asked in ((), ids(1, 0)):
            run, results = done(parts, asked)
            assert (run.partial, sorted(results)) == (False, ids(0, 1))


def test_a_stream_over_some() -> None:
    with house(BUYS, RESTS, BUYS) as parts:
        events = parts.rebalancers.model.rebalance(
            MODEL_ID, OPTIONS, Deadline.after(PATIENCE), portfolio_ids=ids(2)
        )
        told = [one.event for one in each(events)]
    assert [one.portfolio_id for one in told if isinstance(one, PortfolioRebalance)] == ids(2)
    assert told[-1] == RunFinished(only_run(parts))


def test_portfolios_of_nobody_are_named_each_by_its_place() -> None:
    with house(RESTS, RESTS) as parts:
        for call in (start, tried):
            with pytest.raises(InvalidArgument) as raised:
                call(parts, ids(0, 7, 1, 8))
            assert [(one.subject, one.rule) for one in raised.value.violations] == [
                (f"portfolio_ids[{place}]", f"must follow model {MODEL_ID}, not '{portfolio_id(number)}'")
                for place, number in ((1, 7), (3, 8))
            ]
    assert parts.runs.headers == {}
    assert parts.portfolios.asked == []


def test_a_request_repeated_joins_its_run_whatever_has_become_of_the_model() -> None:
    with house(RESTS, RESTS) as parts:
        begun = start(parts, ids(1), request=REQUEST)
        assert parts.ended(begun.rebalance_id)
        parts.models.models[MODEL_ID] = model(position(1))
        assert start(parts, ids(1), request=REQUEST).rebalance_id == begun.rebalance_id


def test_a_cancelled_part_skips_those_of_the_part_alone() -> None:
    gate = Gate()
    with house(*[RESTS] * 9, before=gate, workers=1, window=1) as parts:
        begun = start(parts, ids(8, 6, 4, 2))
        assert gate.reached.wait(PATIENCE)
        parts.holder.cancel(begun.rebalance_id, NOBODY)
        assert parts.ended(begun.rebalance_id)
        gate.opened.set()
        ended = parts.runs.get(begun.rebalance_id)
    assert ended.state is RebalanceState.CANCELLED
    assert ended.counts[PortfolioState.SKIPPED] >= 2
    assert sorted(parts.states) == ids(2, 4, 6, 8)


def test_a_part_is_taken_over_and_finished_as_a_part() -> None:
    """By the portfolios that the run began with: those of the model have changed meanwhile."""
    gate, runs, models = Gate(), MemoryRuns(), MemoryModels(model(position(1), portfolios=12))
    asked = ids(*range(11, 3, -1))
    with house(*[RESTS] * 12, runs=runs, models=models, workers=1, window=1, before=gate) as first:
        begun = start(first, asked)
        assert gate.reached.wait(PATIENCE)
        first.close_slowly(gate.opened.set)
        before = len(runs.results)
    models.models[MODEL_ID] = model(position(1), portfolios=2)
    with house(*[RESTS] * 12, runs=runs, models=models) as second:
        second.holder.tend()
        assert second.ended(begun.rebalance_id)
    ended = runs.get(begun.rebalance_id)
    assert (ended.state, ended.partial, ended.counts) == (
        RebalanceState.COMPLETED,
        True,
        {PortfolioState.NO_ACTION: 8},
    )
    assert len(second.portfolios.asked) == 8 - before
    assert [one.sequence for one in runs.results] == list(range(2, 10))
    assert sorted(one.portfolio_id for one in runs.results) == sorted(asked)


@settings(max_examples=200, deadline=None)
@given(data=st.data(), answers=st.lists(HOLDINGS, min_size=1, max_size=8))
def test_a_part_has_exactly_the_results_that_the_whole_has(
    data: st.DataObject, answers: list[Holdings]
) -> None:
    """Whatever else is solved with them, in whatever order, and by whatever strategy."""
    asked = data.draw(st.lists(st.sampled_from(range(len(answers))), min_size=1, unique=True))
    strategy = data.draw(st.sampled_from(Strategy))
    wanted = model(*POSITIONS, portfolios=len(answers))
    with house(*answers, market=snapshot(PRICES), wanted=wanted, workers=4, window=8) as parts:
        options = replace(OPTIONS, strategy=strategy, minimum_cash_amount=Decimal("12.34"))
        found = []
        for portfolio_ids in ((), ids(*asked)):
            begun = parts.rebalancers.model.start(MODEL_ID, options, PATIENCE, portfolio_ids=portfolio_ids)
            assert parts.ended(begun.rebalance_id)
            found.append(
                {
                    one.portfolio_id: one
                    for one in parts.runs.results
                    if one.rebalance_id == begun.rebalance_id
                }
            )
        deadline = Deadline.after(PATIENCE)
        told = parts.rebalancers.previews.preview(MODEL_ID, options, deadline, portfolio_ids=ids(*asked))
        events = [one.event for one in each(told)]
    whole, part = map(plain, found)
    assert part == {key: whole[key] for key in ids(*asked)}
    assert plain({one.portfolio_id: one for one in events if isinstance(one, PortfolioRebalance)}) == part


def test_a_draft_is_what_the_model_would_do_with_it() -> None:
    answers = [holdings("5000"), holdings("10", {1: "100", 2: "50"}), holdings("0", {4: "1000"})]
    draft = (position(2, "0.5"), position(3, "0.4"), position(1, "0"))
    wanted = model(*POSITIONS, portfolios=3)
    with house(*answers, market=snapshot(PRICES), wanted=wanted) as parts:
        run, results = tried(parts, draft=draft)
        assert parts.models.get(MODEL_ID) == wanted
        parts.models.models[MODEL_ID] = replace(wanted.with_positions(draft), version=4)
        saved, after = done(parts)
    assert plain(results) == plain(after)
    assert {one.security_id for one in wanted.with_positions(draft).positions} == {
        one.security_id for one in draft if one.target
    }
    assert (run.draft, run.partial, run.model_version, run.rebalance_id) == (True, False, 3, "")
    assert (saved.draft, saved.model_version) == (False, 4)


def test_a_draft_for_some() -> None:
    with house(BUYS, BUYS, RESTS) as parts:
        run, results = tried(parts, ids(1), [position(1, "0.5")])
    assert (run.draft, run.partial, list(results)) == (True, True, ids(1))
    assert results[portfolio_id(1)].transactions[0].quantity == 50


def test_a_draft_for_a_model_that_has_no_positions_yet() -> None:
    with house(BUYS, wanted=model(portfolios=1)) as parts:
        run, _ = tried(parts, draft=[position(1)])
    assert run.state is RebalanceState.COMPLETED


def test_a_draft_of_nothing_would_sell_everything() -> None:
    with (
        house(BUYS) as parts,
        pytest.raises(ModelWithoutPositions, match=r"The draft of model .* give one a target above 0"),
    ):
        tried(parts, draft=[position(1, "0")])
