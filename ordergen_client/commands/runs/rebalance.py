"""`ordergen rebalance`: a model's portfolios, some of them, or a single one."""

import sys
from collections.abc import Mapping, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any, TextIO
from uuid import uuid4

import click

from ordergen_client.client import Client
from ordergen_client.commands.runs.choice import chosen_portfolios
from ordergen_client.commands.runs.draft import draft_positions
from ordergen_client.commands.runs.ending import end_as, going_on, starting
from ordergen_client.commands.runs.flows import cash_flow, cash_flows
from ordergen_client.commands.runs.run_options import run_options, with_run_options
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.failures import NEEDS_A_LOOK
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.servers import Server
from ordergen_client.records.options.options import RebalanceOptions
from ordergen_client.records.states import PortfolioState
from ordergen_client.records.values import PortfolioRebalance, Position
from ordergen_client.showing.output import Form, Output
from ordergen_client.showing.portfolio import show_portfolio
from ordergen_client.showing.run import RunRead, show_run
from ordergen_client.telling.following import until_interrupted, with_progress


@click.command()
@click.argument("model", required=False)
@click.option("--portfolio", help="This portfolio alone, without naming its model; by id or name.")
@click.option("--only", multiple=True, help="This portfolio of MODEL; by id or name. Repeatable.")
@click.option(
    "--only-from",
    type=click.File(encoding="utf-8"),
    help="These portfolios of MODEL: a file with one a line, or the CSV of `ordergen portfolios drift`."
    " `-` is standard input.",
)
@click.option(
    "--cash-flow",
    "flows",
    multiple=True,
    metavar="PORTFOLIO=AMOUNT",
    help="Money that comes to a portfolio (5000), or is to be paid out of it (-10000). Repeatable; with"
    " --portfolio the amount alone.",
)
@click.option(
    "--cash-flows-from",
    type=click.File(encoding="utf-8"),
    help="The same from a CSV file with columns portfolio_id, or portfolio, and amount. `-` is standard"
    " input.",
)
@click.option("--dry-run", is_flag=True, help="Compute everything, store nothing.")
@click.option(
    "--draft",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    help="With --dry-run: try the positions of a model file in place of those of MODEL.",
)
@click.option("--detach", is_flag=True, help="Print the run's id and leave it to go on by itself.")
@click.option("--wait", is_flag=True, help="Wait for its end without progress, as scripts do.")
@click.option(
    "--explain-rules",
    is_flag=True,
    help="With --portfolio: what each rule costs, and without which an INFEASIBLE portfolio has an answer.",
)
@click.option("--request-id", default="", help="A UUID4: the same one never starts a second run.")
@with_run_options
@with_client
def rebalance(
    *,
    client: Client,
    server: Server,
    output: Output,
    model: str | None,
    portfolio: str | None,
    only: tuple[str, ...],
    only_from: TextIO | None,
    flows: tuple[str, ...],
    cash_flows_from: TextIO | None,
    dry_run: bool,
    draft: Path | None,
    detach: bool,
    wait: bool,
    explain_rules: bool,
    request_id: str,
    **how: Any,  # noqa: ANN401 - those of `with_run_options`
) -> None:
    """Rebalance every portfolio of MODEL, some with --only and --only-from, or one with --portfolio.

    The run goes on when this command is interrupted: `ordergen runs watch` comes back to it. Ends with 0
    where it is done, and with 3 where some portfolios are INFEASIBLE or FAILED.
    """
    if bool(model) == bool(portfolio):
        raise click.UsageError("Name a model, or one portfolio with --portfolio: one of the two.")
    if detach and (dry_run or wait or portfolio):
        raise click.UsageError("--detach goes with a stored run of a model alone, and without --wait.")
    if portfolio and (only or only_from or draft):
        raise click.UsageError("--only, --only-from and --draft go with a model.")
    _refuse_explained(portfolio, explain_rules=explain_rules)
    if draft and not dry_run:
        raise click.UsageError("--draft goes with --dry-run: `ordergen models update` saves it.")
    output.progress.quiet = output.quiet
    options = run_options(client, how)
    if portfolio:
        flow = cash_flow(flows, cash_flows_from)
        portfolio_id = finding.portfolios(client, [portfolio])[portfolio]
        found = client.portfolios.rebalance(
            portfolio_id,
            options,
            validate_only=dry_run,
            request_id=request_id,
            cash_flow=flow,
            explain_rules=explain_rules,
        )
        _show_one(output, found)
        return
    model_id = finding.model_id(client, model or "")
    chosen = chosen_portfolios(client, output, model_id, only, only_from)
    money = cash_flows(client, output, model_id, flows, cash_flows_from)
    tried = draft_positions(client, output, client.models.get(model_id), draft) if draft else None
    if options.restrictions:
        _warn_of_restrictions(output, tried or client.models.get(model_id).positions, options)
    output.progress.quiet = output.quiet or wait  # from here on: what is wrong was worth a warning
    if dry_run:
        _dry_run(client, output, model_id, options, chosen=chosen, draft=tried, flows=money)
        return
    with starting(request_id := request_id or str(uuid4()), server):
        run = client.runs.start(
            model_id, options, request_id=request_id, portfolio_ids=chosen, cash_flows=money
        )
    if detach:
        _tell_id(output, run.rebalance_id)
        return
    output.progress.print(f"Run {run.rebalance_id}", highlight=False)
    read = RunRead()
    with going_on(run.rebalance_id, server):
        show_run(output, with_progress(until_interrupted(run.events()), output.progress), read)
    end_as(read.run)


def _refuse_explained(portfolio: str | None, *, explain_rules: bool) -> None:
    if explain_rules and not portfolio:
        raise click.UsageError("--explain-rules goes with --portfolio.")


def _show_one(output: Output, found: PortfolioRebalance) -> None:
    """An infeasible one comes here where its rules are explained; otherwise it was raised."""
    show_portfolio(output, found)
    if found.state is PortfolioState.INFEASIBLE:
        sys.exit(NEEDS_A_LOOK)


def _tell_id(output: Output, rebalance_id: str) -> None:
    """The id is the result, however quiet."""
    if output.form is Form.TABLE:
        click.echo(rebalance_id)
    else:
        output.record({"rebalance_id": rebalance_id}, {})


def _dry_run(
    client: Client,
    output: Output,
    model_id: str,
    options: RebalanceOptions,
    *,
    chosen: Sequence[str] | None,
    draft: Sequence[Position] | None,
    flows: Mapping[str, Decimal],
) -> None:
    """Computed by the server as always, and stored nowhere: it ends with this command."""
    read = RunRead()
    events = client.runs.stream(
        model_id,
        options,
        validate_only=True,
        portfolio_ids=chosen,
        draft_positions=draft,
        cash_flows=flows,
    )
    show_run(output, with_progress(until_interrupted(events), output.progress, "Trying"), read)
    output.progress.print("A dry run: nothing is stored.", highlight=False)
    end_as(read.run)


def _warn_of_restrictions(output: Output, positions: Sequence[Position], options: RebalanceOptions) -> None:
    there = {one.security_id for one in positions}
    absent = [one for one in options.restrictions if one not in there]
    if absent:
        output.warn(
            f"{', '.join(absent)}: not in the model, so it is restricted where a portfolio holds it alone."
        )
