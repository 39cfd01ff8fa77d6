"""The handle of a submission of orders."""

from collections.abc import Generator, Iterator

from ordergen_client.blocking.connection import Connection
from ordergen_client.calls import submissions
from ordergen_client.records.orders.states import SubmissionState
from ordergen_client.records.orders.values import Order, OrderSubmission, SubmissionEvent


class Submission:
    """A submission that goes on by itself, whether anybody looks or not.

        for order in submission:      # each time that more is known of one
            ...
        ended = submission.wait()

    A connection that breaks meanwhile is made again: the last state of every order comes, and no state twice.
    What cannot be taken up within `reconnect_seconds` of the client is raised.

    Attributes:
        submission_id: the submission.
        started: the submission as it was when it was asked for; None where it was attached to.
    """

    def __init__(
        self, connection: Connection, submission_id: str, started: OrderSubmission | None = None
    ) -> None:
        self.submission_id = submission_id
        self.started = started
        self._connection = connection

    def __repr__(self) -> str:
        return f"Submission({self.submission_id!r})"

    def __iter__(self) -> Iterator[Order]:
        """Each order as more is known of it. Raises the error of a submission that FAILED, at its end."""
        for event in self.events():
            if event.order:
                yield event.order
            if event.finished and event.finished.error:
                raise event.finished.error

    def events(self, after_sequence: int = 0) -> Generator[SubmissionEvent, None, None]:
        """Every event of the submission after a point, as `submissions.watch` has them."""
        watched = submissions.watch(self.submission_id, after_sequence)
        return self._connection.follow(watched, known=self.started is not None)

    def wait(self) -> OrderSubmission:
        """Wait for the end of the submission, and answer it. Raises the error of one that FAILED."""
        submission = self.started or self.read()
        if submission.state is SubmissionState.RUNNING:
            for event in self.events():
                submission = event.finished or submission
        if submission.error:
            raise submission.error
        return submission

    def read(self) -> OrderSubmission:
        """The submission as it is now."""
        return self._connection.call(submissions.get(self.submission_id))

    def cancel(self) -> OrderSubmission:
        """Cancel it: what is not yet sent is not sent. One that has ended stays as it is."""
        return self._connection.call(submissions.cancel(self.submission_id))
