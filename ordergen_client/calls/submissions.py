"""What can be asked of submissions of orders."""

from globeco.ordergen.v1 import order_pb2 as pb

from ordergen_client.calls.call import Call, Watch
from ordergen_client.records import checks
from ordergen_client.records.orders import messages
from ordergen_client.records.orders.values import OrderSubmission, SubmissionEvent


def get(submission_id: str) -> Call[OrderSubmission]:
    """Read a submission."""
    request = pb.GetOrderSubmissionRequest(submission_id=_id(submission_id))
    return Call("GetOrderSubmission", request, messages.submission)


def watch(submission_id: str, after_sequence: int = 0) -> Watch[SubmissionEvent]:
    """What becomes of a submission's orders after a point, until it ends.

    Closing the iterator leaves the submission alone. A connection that breaks is made again, and the events
    go on after the last one. An order comes again whenever its state changes; of changes that passed
    meanwhile the last one comes, and never none.

    Args:
        submission_id: the submission.
        after_sequence: the last sequence already seen; 0 is from the beginning.
    """
    request = pb.WatchOrderSubmissionRequest(
        submission_id=_id(submission_id), after_sequence=checks.whole(after_sequence, "after_sequence")
    )
    return Watch(request, messages.event, "WatchOrderSubmission", gapless=False)


def cancel(submission_id: str) -> Call[OrderSubmission]:
    """Cancel a submission: what is not yet sent is not sent. One that has ended stays as it is."""
    request = pb.CancelOrderSubmissionRequest(submission_id=_id(submission_id))
    return Call("CancelOrderSubmission", request, messages.submission)


def _id(submission_id: str) -> str:
    return checks.text(submission_id, "submission_id")
