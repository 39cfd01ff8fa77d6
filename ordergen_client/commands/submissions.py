"""`ordergen submissions`: orders of runs on their way to the order service."""

import re
from typing import Final

import click

from ordergen_client.client import Client
from ordergen_client.commands.runs.orders.submitting import follow
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.failures import Failure
from ordergen_client.commands.shared.options import with_client
from ordergen_client.commands.shared.servers import Server
from ordergen_client.errors import NotFound
from ordergen_client.records.orders.states import ActionType, SubmissionState
from ordergen_client.records.orders.values import OrderSubmission
from ordergen_client.showing.orders import submission_details, submission_row
from ordergen_client.showing.output import Output

_ID: Final = re.compile(r"[0-9a-f]{24}")


@click.group()
def submissions() -> None:
    """Submissions: orders of runs on their way to the order service.

    SUBMISSION is its id, or a run, by its id or what stands for it, for its latest submission.
    """


@submissions.command()
@click.argument("submission")
@with_client
def show(*, client: Client, server: Server, output: Output, submission: str) -> None:
    """Show how far SUBMISSION is; `ordergen runs orders` has each of its orders."""
    del server
    found = _found(client, submission)
    output.record(submission_row(found), submission_details(found))


@submissions.command()
@click.argument("submission")
@with_client
def watch(*, client: Client, server: Server, output: Output, submission: str) -> None:
    """Follow SUBMISSION to its end, and show what became of it. Its exit code says how it ended."""
    found = _found(client, submission)
    follow(client, output, server, client.submissions.attach(found.submission_id))


@submissions.command()
@click.argument("submission")
@with_client
def cancel(*, client: Client, server: Server, output: Output, submission: str) -> None:
    """Cancel SUBMISSION: what is not yet sent is not sent; what is in doubt is still looked for."""
    del server
    before = _found(client, submission)
    after = client.submissions.cancel(before.submission_id)
    if before.state is not SubmissionState.RUNNING:
        raise Failure(
            f"Submission {before.submission_id} had ended before: {before.state}. Nothing is changed."
        )
    output.done(lambda: submission_row(after), f"Submission {after.submission_id}: no more orders are sent.")


def _found(client: Client, asked: str) -> OrderSubmission:
    if _ID.fullmatch(asked.lower()):
        try:
            return client.submissions.get(asked.lower())
        except NotFound:  # it may be that of a run
            pass
    run_id = finding.run_id(client, asked)
    try:
        done = list(client.runs.history(run_id, page_size=1000))
    except NotFound:
        raise Failure(
            f"There is no submission {asked}, nor a run: ordergen runs list shows the newest runs."
        ) from None
    ids = [one.submission_id for one in done if one.type is ActionType.SUBMITTED]
    if not ids:
        raise Failure(f"Run {run_id} has no submission: ordergen runs submit sends its orders.")
    return client.submissions.get(ids[-1])
