"""The handle of a submission of orders."""

from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import aclosing

from ordergen_client.asynchronous.connection import AsyncConnection
from ordergen_client.calls import submissions
from ordergen_client.records.orders.states import SubmissionState
from ordergen_client.records.orders.values import Order, OrderSubmission, SubmissionEvent


class AsyncSubmission:
    """A submission that goes on by itself, whether anybody looks or not.

        async for order in submission:      # each time that more is known of one
            ...
        ended = await submission.wait()

    A connection that breaks meanwhile is made again: the last state of every order comes, and no state twice.
    What cannot be taken up within `reconnect_seconds` of the client is raised.

    Attributes:
        submission_id: the submission.
        started: the submission as it was when it was asked for; None where it was attached to.
    """

    def __init__(
        self, connection: AsyncConnection, submission_id: str, started: OrderSubmission | None = None
    ) -> None:
        self.submission_id = submission_id
        self.started = started
        self._connection = connection

    def __repr__(self) -> str:
        return f"AsyncSubmission({self.submission_id!r})"

    async def __aiter__(self) -> AsyncIterator[Order]:
        """Each order as more is known of it. Raises the error of a submission that FAILED, at its end."""
        async with aclosing(self.events()) as events:
            async for event in events:
                if event.order:
                    yield event.order
                if event.finished and event.finished.error:
                    raise event.finished.error

    def events(self, after_sequence: int = 0) -> AsyncGenerator[SubmissionEvent, None]:
        """Every event of the submission after a point, as `submissions.watch` has them."""
        watched = submissions.watch(self.submission_id, after_sequence)
        return self._connection.follow(watched, known=self.started is not None)

    async def wait(self) -> OrderSubmission:
        """Wait for the end of the submission, and answer it. Raises the error of one that FAILED."""
        submission = self.started or await self.read()
        if submission.state is SubmissionState.RUNNING:
            async for event in self.events():
                submission = event.finished or submission
        if submission.error:
            raise submission.error
        return submission

    async def read(self) -> OrderSubmission:
        """The submission as it is now."""
        return await self._connection.call(submissions.get(self.submission_id))

    async def cancel(self) -> OrderSubmission:
        """Cancel it: what is not yet sent is not sent. One that has ended stays as it is."""
        return await self._connection.call(submissions.cancel(self.submission_id))
