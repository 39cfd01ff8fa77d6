"""A submission that this server holds."""

from dataclasses import dataclass, field
from threading import Event

from ordergen_server.domain.orders.order_store import SubmissionOrder
from ordergen_server.domain.origin import Origin
from ordergen_server.domain.stores import Lease


@dataclass(frozen=True, slots=True)
class LeasedSubmission:
    """A submission with the lease that it is held by.

    Attributes:
        cancelled: a caller wants no more of it.
        abandoned: it is not ours any more, or we let it go for another server.
        trace: the span of the call that began it, where that was here.
    """

    order: SubmissionOrder
    lease: Lease
    cancelled: Event = field(default_factory=Event)
    abandoned: Event = field(default_factory=Event)
    trace: object = None

    @property
    def key(self) -> str:
        """The id of the submission."""
        return self.order.submission.submission_id

    @property
    def rebalance_id(self) -> str:
        """The run that proposed its orders."""
        return self.order.submission.rebalance_id

    @property
    def origin(self) -> Origin:
        """The call that began it."""
        begun_by = self.order.begun_by
        known = Origin(begun_by.fields, begun_by.headers, self.trace)
        return known.noting(rebalance_id=self.rebalance_id, submission_id=self.key)
