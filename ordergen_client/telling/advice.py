"""What to do about an error of a review or of orders, in the words of the command."""

from ordergen_client.errors import OrderGenerationError

_ADVICE = {
    "APPROVAL_MISSING": "`ordergen runs approve RUN` approves; `ordergen runs show RUN` says who is pending.",
    "APPROVAL_CANNOT_COUNT": "Somebody else must approve it.",
    "STALE_PROPOSAL": "A new run proposes anew: `ordergen rebalance`.",
    "OPEN_ORDERS": "Wait until they are filled or cancelled, or count them as filled: --open-orders COUNT.",
}


def advice(error: OrderGenerationError) -> str:
    """A sentence; empty where there is none beyond the message."""
    if any(one.subject == "x-actor" for one in error.violations):
        return "--actor NAME or ORDERGEN_ACTOR says who you are."
    submission_id = error.metadata.get("submission_id")
    if error.reason == "ALREADY_SUBMITTED" and submission_id:
        return f"`ordergen submissions show {submission_id}` says what became of them."
    return _ADVICE.get(error.reason, "")
