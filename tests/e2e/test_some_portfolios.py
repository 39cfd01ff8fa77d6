"""Runs over some of a model's portfolios, and drafts, through a real port: by stubs, clients, the command."""

import asyncio
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import pytest
from click.testing import CliRunner
from globeco.ordergen.v1 import model_pb2, model_service_pb2, rebalance_pb2, rebalance_service_pb2
from google.protobuf import field_mask_pb2
from grpc import StatusCode

from ordergen_client import AsyncClient, Client, InvalidArgument, Position, Rebalance
from ordergen_client.cli import main
from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import portfolio_id
from tests.databases import temporary_database
from tests.e2e import desks
from tests.e2e.api import failure, message_of, served
from tests.e2e.desks import Told
from tests.e2e.runs import check_answers, check_stored, check_told, start, watched
from tests.limits import PATIENCE
from tests.report_pages import read_page

pb, calls = rebalance_pb2, rebalance_service_pb2
PORTFOLIOS = 10
REQUEST_ID = "7c3ad8f1-52a4-4a4e-9c0b-0a6c2a5c9d10"


@dataclass(frozen=True)
class Desk(desks.Desk):
    """Ten portfolios follow its model, and there is a run of all of them."""

    whole: Told


@pytest.fixture(scope="module")
def desk(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Desk]:
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, clean_siblings) as api:
        model = api.create(message_of(clean_siblings.model, portfolios=PORTFOLIOS))
        yield Desk(api, name, model, list(api.rebalance_all(model.model_id)))


@pytest.fixture(scope="module")
def part(desk: Desk) -> Told:
    """A run over four of them, as it is told."""
    begun = start(desk.api, desk.model.model_id, portfolio_ids=some(desk))
    assert (begun.partial, begun.portfolio_count) == (True, 4)
    return watched(desk.api, begun.rebalance_id)


def some(desk: Desk) -> list[str]:
    """Four of its portfolios, in an order of their own."""
    return [desk.ids[place] for place in (7, 0, 4, 9)]


def plain(told: Told) -> dict[str, pb.PortfolioRebalance]:
    """What became of each portfolio, without what is of one run alone."""
    found = {}
    for one in told[1:-1]:
        portfolio = pb.PortfolioRebalance.FromString(one.portfolio.SerializeToString())
        portfolio.rebalance_id = ""
        portfolio.ClearField("snapshot_time")
        portfolio.solution.ClearField("solve_duration")
        found[portfolio.portfolio_id] = portfolio
    return found


def draft_of(desk: Desk) -> list[model_pb2.Position]:
    """The model without its first five securities, and twice as much of the next three."""
    draft = [model_pb2.Position.FromString(one.SerializeToString()) for one in desk.model.positions[5:]]
    for one in draft[:3]:
        one.target.value = "0.03"
    return draft


def test_a_part_is_told_counted_and_stored_as_any_run(
    desk: Desk, part: Told, clean_siblings: SimulatedSiblings, mongodb_uri: str
) -> None:
    ended = check_told(part, some(desk))
    assert (part[0].started.partial, ended.partial, ended.draft) == (True, True, False)
    check_answers(clean_siblings, [one.portfolio for one in part[1:-1]])
    check_stored(mongodb_uri, desk.database, ended)
    assert desk.api.run(ended.rebalance_id) == ended
    assert not desk.whole[-1].finished.partial


def test_a_part_has_exactly_the_results_that_the_whole_has(desk: Desk, part: Told) -> None:
    whole = plain(desk.whole)
    expected = {one: whole[one] for one in some(desk)}
    assert plain(part) == expected
    request = calls.RebalanceModelRequest(model_id=desk.model.model_id, portfolio_ids=some(desk))
    assert plain(list(desk.api.rebalances.RebalanceModel(request, timeout=PATIENCE))) == expected
    tried = desk.tried(portfolio_ids=some(desk))
    assert plain(tried) == expected
    assert (tried[-1].finished.partial, tried[-1].finished.rebalance_id) == (True, "")


def test_a_part_is_found_by_its_portfolios_alone(desk: Desk, part: Told) -> None:
    def runs_over(one: str) -> set[str]:
        request = calls.ListRebalancesRequest(portfolio_ids=[one])
        found = desk.api.rebalances.ListRebalances(request, timeout=PATIENCE)
        return {run.rebalance_id for run in found.rebalances}

    run = part[-1].finished.rebalance_id
    inside, outside = desk.ids[4], desk.ids[5]
    assert run in runs_over(inside)
    assert run not in runs_over(outside)
    assert failure(lambda: desk.api.portfolio(run, outside)).code is StatusCode.NOT_FOUND


def test_what_is_no_part_of_the_model_is_named_by_its_place(desk: Desk) -> None:
    for portfolio_ids, fields, rule in (
        ([desk.ids[0], portfolio_id(1)], ["portfolio_ids[1]"], f"must follow model {desk.model.model_id}"),
        ([desk.ids[0], desk.ids[1], desk.ids[0]], ["portfolio_ids[2]"], "must be in the list only once"),
        (["x", desk.ids[0]], ["portfolio_ids[0]"], "must be exactly 24 alphanumeric characters"),
    ):
        for call in (
            lambda given=portfolio_ids: start(desk.api, desk.model.model_id, portfolio_ids=given),
            lambda given=portfolio_ids: desk.tried(portfolio_ids=given),
        ):
            found = failure(call)
            assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, fields)
            assert rule in found.message


def test_the_portfolios_are_part_of_what_a_request_id_stands_for(desk: Desk) -> None:
    model_id, asked = desk.model.model_id, desk.ids[:2]
    first = start(desk.api, model_id, request_id=REQUEST_ID, portfolio_ids=asked)
    watched(desk.api, first.rebalance_id)
    again = start(desk.api, model_id, request_id=REQUEST_ID, portfolio_ids=asked)
    assert again == desk.api.run(first.rebalance_id)
    for others in (desk.ids[:3], []):
        arguments = {"request_id": REQUEST_ID, "portfolio_ids": others}
        found = failure(lambda given=arguments: start(desk.api, model_id, **given))  # type: ignore[misc]
        assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, ["request_id"])


def test_a_draft_is_what_the_model_does_once_it_is_saved(desk: Desk) -> None:
    draft = draft_of(desk)
    told = desk.tried(draft_positions=draft)
    ended = check_told(told, desk.ids)
    assert (ended.draft, ended.partial, ended.model_version) == (True, False, desk.model.version)
    assert told[0].started.draft
    assert desk.api.get(desk.model.model_id).version == desk.model.version
    for positions in (draft, desk.model.positions):  # saved, and as it was again
        changed = model_pb2.Model(model_id=desk.model.model_id, positions=positions)
        changed.version = desk.api.get(desk.model.model_id).version
        mask = field_mask_pb2.FieldMask(paths=["positions"])
        request = model_service_pb2.UpdateModelRequest(model=changed, update_mask=mask)
        desk.api.models.UpdateModel(request, timeout=PATIENCE)
        after = plain(desk.tried())
        expected = plain(told) if positions is draft else plain(desk.whole)
        assert after == expected
    assert plain(told) != plain(desk.whole)
    desk.model.version = desk.api.get(desk.model.model_id).version


def test_a_draft_that_cannot_be_is_refused(desk: Desk) -> None:
    draft = draft_of(desk)
    request = calls.RebalanceModelRequest(model_id=desk.model.model_id, draft_positions=draft)
    stored = failure(lambda: list(desk.api.rebalances.RebalanceModel(request, timeout=PATIENCE)))
    assert (stored.code, stored.fields) == (StatusCode.INVALID_ARGUMENT, ["draft_positions"])
    draft[1].target.value = "0.001"
    broken = failure(lambda: desk.tried(draft_positions=draft))
    assert (broken.code, broken.fields) == (StatusCode.INVALID_ARGUMENT, ["draft_positions[1].target"])
    draft[1].target.value = "0"
    empty = failure(lambda: desk.tried(draft_positions=draft[1:2]))
    assert (empty.code, empty.info.reason) == (StatusCode.FAILED_PRECONDITION, "MODEL_WITHOUT_POSITIONS")


def of_clients(desk: Desk, portfolio_ids: Sequence[str], draft: list[Position]) -> Iterator[list[Rebalance]]:
    """Ends of a run that is started, of one that is streamed, and of a draft, of each client."""
    model_id = desk.model.model_id
    with Client(desk.target, timeout_seconds=PATIENCE) as client:
        started = client.runs.start(model_id, portfolio_ids=portfolio_ids).wait()
        *_, streamed = client.runs.stream(model_id, portfolio_ids=portfolio_ids)
        *_, tried = client.runs.stream(
            model_id, validate_only=True, portfolio_ids=portfolio_ids, draft_positions=draft
        )
        yield [started, *(one.finished for one in (streamed, tried) if one.finished)]

    async def awaited() -> list[Rebalance]:
        async with AsyncClient(desk.target, timeout_seconds=PATIENCE) as client:
            run = await client.runs.start(model_id, portfolio_ids=portfolio_ids)
            ended = [await run.wait()]
            async for one in client.runs.stream(model_id, portfolio_ids=portfolio_ids):
                ended += [one.finished] if one.finished else []
            async for one in client.runs.stream(
                model_id, validate_only=True, portfolio_ids=portfolio_ids, draft_positions=draft
            ):
                ended += [one.finished] if one.finished else []
            return ended

    yield asyncio.run(awaited())


def test_both_clients_ask_for_parts_and_drafts(desk: Desk) -> None:
    draft = [
        Position(one.security_id, one.target.value, one.low_drift.value, one.high_drift.value)
        for one in draft_of(desk)
    ]
    for ended in of_clients(desk, desk.ids[2:5], draft):
        assert [(one.partial, one.draft, one.portfolio_count) for one in ended] == [
            (True, False, 3),
            (True, False, 3),
            (True, True, 3),
        ]
        assert [bool(one.rebalance_id) for one in ended] == [True, True, False]


def test_a_list_that_turned_out_empty_is_never_taken_for_all(desk: Desk) -> None:
    model_id = desk.model.model_id
    with Client(desk.target, timeout_seconds=PATIENCE) as client:
        with pytest.raises(ValueError, match="portfolio_ids is empty"):
            client.runs.start(model_id, portfolio_ids=[])
        with pytest.raises(ValueError, match="draft_positions is empty"):
            client.runs.stream(model_id, validate_only=True, draft_positions=())
        with pytest.raises(InvalidArgument, match=r"portfolio_ids\[0\]"):
            client.runs.start(model_id, portfolio_ids=[portfolio_id(1)])


def test_the_command_takes_portfolios_by_name_by_lines_and_from_the_drift(
    desk: Desk, clean_siblings: SimulatedSiblings, tmp_path: Path
) -> None:
    names = [clean_siblings.portfolios.name(place) for place in (3, 1)]
    ids = [desk.ids[place] for place in (3, 1)]

    def rebalanced(*arguments: str, given: str = "") -> list[str]:
        told = desk.done("rebalance", desk.model.name, "--wait", "--json", *arguments, given=given)
        run = json.loads(told)
        assert (run["partial"], run["portfolio_count"]) == (True, len(run["portfolios"]))
        return sorted(one["portfolio_id"] for one in run["portfolios"])

    assert rebalanced(f"--only={names[0]}", f"--only={ids[1]}", f"--only={ids[0]}") == sorted(ids)
    lines = tmp_path / "lines.txt"
    lines.write_text(f"\ufeff{names[0]}\n\n  {ids[1]}\n")
    assert rebalanced(f"--only-from={lines}") == sorted(ids)
    drift = desk.done("portfolios", "drift", desk.model.name, "--output=csv", "--quiet")
    head, *rows = drift.splitlines()
    mine = [row for row in rows if any(one in row for one in ids)]
    assert rebalanced("--only-from=-", given="\n".join([head, *mine])) == sorted(ids)


def test_the_command_leaves_out_other_models_and_never_takes_nothing_for_all(
    desk: Desk, tmp_path: Path
) -> None:
    file = tmp_path / "drift.csv"
    other = f"{portfolio_id(1)},{'f' * 24}\n"
    file.write_text(f"portfolio_id,model_id\n{other}{desk.ids[2]},{desk.model.model_id}\n")
    dry = ("rebalance", desk.model.name, "--dry-run", "--json", f"--only-from={file}")
    result = desk.ran(*dry)
    assert [one["portfolio_id"] for one in json.loads(result.stdout)["portfolios"]] == [desk.ids[2]]
    assert "1 rows of other models are left out" in result.stderr
    file.write_text(f"portfolio_id,model_id\n{other}")
    refused = desk.ran(*dry)
    assert (refused.exit_code, "names no portfolio of this model" in refused.stderr) == (2, True)


def test_the_command_tries_a_file_before_it_is_saved(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "draft.csv"
    rows = [
        f"{one.security_id},{one.target.value},{one.low_drift.value},{one.high_drift.value}"
        for one in draft_of(desk)
    ]
    file.write_text("\n".join(["security,target,low_drift,high_drift", *rows]))
    arguments = ("rebalance", desk.model.name, "--dry-run", f"--draft={file}", f"--only={desk.ids[4]}")
    told = json.loads(desk.done(*arguments, "--json"))
    [tried] = desk.tried(draft_positions=draft_of(desk), portfolio_ids=[desk.ids[4]])[1:-1]
    assert told["portfolios"][0]["drift_before"] == tried.portfolio.drift_before.value
    assert (told["draft"], told["partial"]) == (True, True)
    table = " ".join(desk.done(*arguments).split())
    assert f"version {desk.model.version}, with the positions of a draft" in table
    assert "1 of 1 (some of the model's portfolios):" in table


def test_the_command_warns_of_what_of_a_file_it_does_not_try(desk: Desk, tmp_path: Path) -> None:
    shown = desk.done("models", "show", desk.model.name, "--output=yaml")
    same, stale = tmp_path / "same.yaml", tmp_path / "stale.yaml"
    same.write_text(shown)
    version = desk.model.version
    stale.write_text(shown.replace(f"version: {version}", "version: 999").replace(f"- {desk.ids[1]}\n", ""))
    dry = ("rebalance", desk.model.name, "--dry-run", f"--only={desk.ids[4]}")
    assert "Warning" not in desk.ran(*dry, f"--draft={same}").stderr
    warned = desk.ran(*dry, f"--draft={stale}")
    assert warned.exit_code == 0
    assert f"has version 999 of the model, which has version {version} by now" in warned.stderr
    assert "its positions alone are tried" in warned.stderr


def test_an_export_of_a_part_is_right_and_its_report_says_that_it_is_one(
    desk: Desk, part: Told, tmp_path: Path
) -> None:
    run, export, page = part[-1].finished.rebalance_id, tmp_path / "run.jsonl", tmp_path / "run.html"
    desk.done("runs", "export", run, "-o", str(export))
    assert CliRunner().invoke(main, ["verify", str(export), "--prove"]).exit_code == 0
    desk.done("report", run, "-o", str(page))
    assert "Over some of the model's portfolios" in read_page(page).text.replace("&#39;", "'")
    listed = json.loads(desk.done("runs", "list", "--json"))["rebalances"]
    assert [one["partial"] for one in listed if one["rebalance_id"] == run] == [True]
