"""What submissions tell whoever observes them."""

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Protocol

from ordergen_server.domain.orders.orders import OrderState
from ordergen_server.domain.orders.submissions import SubmissionState


class OrderObserver(Protocol):
    """Hears of submissions; it must be quick, and raise nothing."""

    def submission(self, submission_id: str, *, taken_over: bool) -> AbstractContextManager[None]:
        """A block in which a submission is carried out here; taken over from another server, or begun."""

    def lease_lost(self) -> None:
        """A submission that was carried out here has another server now, or has ended."""

    def submission_ended(self, state: SubmissionState) -> None:
        """The end of a submission was stored."""

    def orders(self, states: Iterable[OrderState]) -> None:
        """It was written down that orders are in these states now."""

    def stale(self, count: int) -> None:
        """So many portfolios were found out of date."""

    def in_doubt(self, seconds: float) -> None:
        """For so long the order that is in doubt longest is, of all submissions; 0 where none is."""


class _Unobserved:
    def submission(self, submission_id: str, *, taken_over: bool) -> AbstractContextManager[None]:
        del submission_id, taken_over
        return nullcontext()

    def lease_lost(self) -> None:
        """Nothing."""

    def submission_ended(self, state: SubmissionState) -> None:
        del state

    def orders(self, states: Iterable[OrderState]) -> None:
        del states

    def stale(self, count: int) -> None:
        del count

    def in_doubt(self, seconds: float) -> None:
        del seconds


#: Nobody listens.
UNOBSERVED: OrderObserver = _Unobserved()
