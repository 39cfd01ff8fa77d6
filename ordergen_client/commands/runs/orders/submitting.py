"""`ordergen runs submit`: the orders of approved portfolios on their way, and how a submission ends."""

import sys
from collections.abc import Iterable, Mapping, Sequence
from uuid import uuid4

import click

from ordergen_client.blocking.submission import Submission
from ordergen_client.client import Client
from ordergen_client.commands.runs.ending import sending_on, submitting
from ordergen_client.commands.runs.orders.choosing import Some, with_some
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.asking import ask
from ordergen_client.commands.shared.failures import NEEDS_A_LOOK, Failure, told
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.servers import Server
from ordergen_client.records.orders.states import SubmissionState
from ordergen_client.records.orders.values import OrderSubmission
from ordergen_client.records.values import Rebalance
from ordergen_client.showing.output import Form, Output
from ordergen_client.showing.submission import SubmissionRead, show_submission
from ordergen_client.telling.following import until_interrupted
from ordergen_client.telling.sending import with_sending


@click.command()
@click.argument("run")
@with_some
@click.option("--sells-first", is_flag=True, help="Buys wait until the sells of their portfolio are FULL.")
@click.option("--detach", is_flag=True, help="Print the submission's id and leave it to go on by itself.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@click.option("--request-id", default="", help="A UUID4: the same one never sends anything twice.")
@with_client
def submit(
    *,
    client: Client,
    server: Server,
    output: Output,
    run: str,
    some: Some,
    sells_first: bool,
    detach: bool,
    yes: bool,
    request_id: str,
) -> None:
    """Send the orders of RUN to the order service, each exactly once.

    Those of all portfolios that are approved and were not submitted, or of some with --only and --only-from.
    It goes on when this command is interrupted: `ordergen submissions watch` comes back to it. Ends with 0
    where the order service has every order, and with 3 where some were refused or not sent.
    """
    output.progress.quiet = output.quiet
    found = client.runs.get(finding.run_id(client, run))
    chosen = some.ids(client, output, found, done="sent")
    ask(_question(found, chosen), yes=yes)
    with submitting(request_id := request_id or str(uuid4()), found.rebalance_id, server):
        submission = client.runs.submit(
            found.rebalance_id, chosen, sells_first=sells_first, request_id=request_id
        )
    if detach:
        _tell_id(output, submission.submission_id)
        return
    follow(client, output, server, submission)


def _question(run: Rebalance, chosen: Sequence[str] | None) -> str:
    counts = run.review_counts
    approved = f"{counts.approved:,} approved portfolios" if counts else "all approved portfolios"
    which = approved if chosen is None else f"{len(chosen):,} portfolios"
    return f"Send the orders of {which} of run {run.rebalance_id}, {run.model_name}, to the order service?"


def _tell_id(output: Output, submission_id: str) -> None:
    """The id is the result, however quiet."""
    if output.form is Form.TABLE:
        click.echo(submission_id)
    else:
        output.record({"submission_id": submission_id}, {})


def follow(client: Client, output: Output, server: Server, submission: Submission) -> None:
    """Follow a submission to its end, show what became of it, and end as it did."""
    read = SubmissionRead()

    def named(ids: Iterable[str]) -> Mapping[str, str]:
        return finding.portfolio_names(client, ids) or {}

    with sending_on(submission.submission_id, server):
        output.progress.print(f"Submission {submission.submission_id}", highlight=False)
        events = with_sending(until_interrupted(submission.events()), output.progress)
        show_submission(output, events, read, named)
    end_as(read.submission)


def end_as(submission: OrderSubmission | None) -> None:
    """Leave with the exit code that says how a submission ended: 1, 3, or not at all."""
    if submission is None or submission.state is SubmissionState.RUNNING:
        raise Failure(
            "The stream of the submission ended before it did: ordergen submissions watch comes back to it."
        )
    if submission.error:
        raise Failure(told(submission.error))
    if submission.state is SubmissionState.CANCELLED:
        raise Failure("The submission was cancelled.")
    if submission.state is not SubmissionState.COMPLETED:
        sys.exit(NEEDS_A_LOOK)
