"""What the use cases need of a database; the repositories keep these promises.

Every method raises DatabaseUnavailable where the database does not answer in its time, and DeadlineExceeded
where the call has less time than that.
"""

from collections.abc import Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Protocol

from ordergen_server.domain.market import MarketSnapshot
from ordergen_server.domain.models import Model, ModelContent, Position
from ordergen_server.domain.rebalances import PortfolioRebalance, PortfolioState, Rebalance, View
from ordergen_server.domain.requests.pages import Page, PageRequest
from ordergen_server.domain.subjects import Subject


class ModelStore(Protocol):
    """Keeps models."""

    def create(
        self, content: ModelContent, time: datetime, request_id: str = "", *, actor: str = ""
    ) -> Model:
        """Store a new model; with a request id that was used for the same content, answer that model.

        Raises:
            AlreadyExists: its name or one of its portfolios is taken.
            InvalidArgument: the request id was used for other content.
        """

    def change(
        self,
        model_id: str,
        version: int,
        change: Callable[[ModelContent], ModelContent],
        time: datetime,
        *,
        actor: str = "",
    ) -> Model:
        """Store what `change` makes of a model, as one step; `version` 0 is whichever is current.

        `change` may be asked again where another writer was first. Where it changes nothing the model stays
        as it is, with its version.

        Raises:
            NotFound, VersionMismatch, AlreadyExists, and what `change` raises.
        """

    def delete(self, model_id: str, version: int) -> None:
        """Delete a model. Raises NotFound, VersionMismatch."""

    def get(self, model_id: str) -> Model:
        """Read a model. Raises NotFound."""

    def of_portfolio(self, portfolio_id: str) -> Model:
        """Read the model a portfolio belongs to, but for its portfolios and the time of its last rebalance.

        Raises:
            NotFound: it belongs to none.
        """

    def find(self, page: PageRequest, order_by: str, portfolio_id: str) -> Page[Model]:
        """Read a page of models. Raises InvalidArgument for an unknown order or a foreign token."""

    def mark_rebalanced(self, model_id: str, time: datetime) -> None:
        """Note that a portfolio of the model traded; its version stays, and a deleted model is none."""


class LeaseLost(Exception):
    """Another server has taken the run over, or it has ended."""


@dataclass(frozen=True, slots=True)
class Request:
    """What makes a call safe to repeat: the caller's id, and what the call asks for."""

    request_id: str
    fingerprint: str


@dataclass(frozen=True, slots=True)
class BegunBy:
    """The call that began a run, for the log lines and calls of whoever takes it over.

    Attributes:
        fields: `Origin.fields` of the call.
        headers: `Origin.headers` of the call.
    """

    fields: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class RunOrder:
    """What a run needs besides its record, for whoever carries it out.

    Attributes:
        positions: those of the model when the run began.
        seconds_left: how long the run may go on from when it is begun or taken over.
        begun_by: the call that began it.
    """

    rebalance: Rebalance
    positions: tuple[Position, ...]
    seconds_left: float
    begun_by: BegunBy = field(default_factory=BegunBy)


@dataclass(frozen=True, slots=True)
class Lease:
    """The right to carry out a run, for so many seconds from each time that it is stored; for 0 nobody's.

    The database's clock measures them: those of servers need not agree.
    """

    token: str
    seconds: float


class RebalanceStore(Protocol):
    """Keeps runs and what they did for each portfolio.

    Only who holds the lease of a run can change it: every change names the lease's token, and is refused with
    LeaseLost where another token is stored by then. What becomes of its portfolios is the ChunkStore's.
    """

    def new_id(self) -> str:
        """An id no other run, lease or request has."""

    def begin(
        self,
        order: RunOrder,
        portfolio_ids: Sequence[str],
        lease: Lease,
        request: Request | None,
        chunk_size: int,
        *,
        cash_flows: Mapping[str, Decimal],
    ) -> Rebalance:
        """Store a new run in chunks; where the same request has begun a run before, answer that one.

        Each chunk has the cash flows of its portfolios with it.

        Raises:
            RebalanceInProgress: a run of the model is in progress.
            InvalidArgument: the request id was used for another call.
        """

    def first_of(self, request: Request) -> Rebalance | None:
        """The run that the same request has begun. Raises InvalidArgument where it was another call's."""

    def save_whole(
        self, rebalance: Rebalance, result: PortfolioRebalance, request: Request | None
    ) -> Rebalance:
        """Store an ended run of one portfolio, as one step; or answer the same request's first run."""

    def finish(self, rebalance: Rebalance, lease: Lease) -> Rebalance:
        """Store the end of a run: its state, error and time."""

    def renew(self, rebalance_id: str, lease: Lease) -> bool:
        """Hold a run for longer; is it to be cancelled?"""

    def take_over(self, lease: Lease) -> RunOrder | None:
        """Take a run whose lease has run out, if there is one."""

    def keep_snapshot(self, rebalance_id: str, snapshot: MarketSnapshot) -> None:
        """Keep the market of a run, for whoever takes it over; the first that is kept stays."""

    def kept_snapshot(self, rebalance_id: str) -> MarketSnapshot | None:
        """The market kept for a run."""

    def request_cancel(self, rebalance_id: str, by: Subject, time: datetime) -> Rebalance:
        """Ask whoever carries out a run to cancel it; who asks first is an event. Raises NotFound."""

    def to_be_cancelled(self) -> Collection[str]:
        """Runs that go on, whoever holds them, and are to be cancelled."""

    def delete(self, rebalance_id: str, version: int) -> None:
        """Delete a run that has ended; its events stay.

        Raises:
            NotFound, VersionMismatch: there is none, or it is another version.
            PreconditionFailed: it goes on.
            AlreadySubmitted: orders of it were submitted.
        """

    def get(self, rebalance_id: str) -> Rebalance:
        """Read a run. Raises NotFound."""

    def find(self, page: PageRequest, model_id: str, portfolio_ids: Collection[str]) -> Page[Rebalance]:
        """Read a page of runs, newest first. Raises InvalidArgument for a foreign token."""

    def find_portfolios(
        self, rebalance_id: str, page: PageRequest, state: PortfolioState | None
    ) -> Page[PortfolioRebalance]:
        """Read a page of what a run did, without positions. Raises NotFound, InvalidArgument."""

    def portfolios_after(
        self, rebalance_id: str, sequence: int, limit: int, view: View = View.FULL
    ) -> tuple[PortfolioRebalance, ...]:
        """Read what a run did after a point, in the order of sequence."""

    def get_portfolio(
        self, rebalance_id: str, portfolio_id: str, view: View = View.FULL
    ) -> PortfolioRebalance:
        """Read what a run did for a portfolio. Raises NotFound."""


class Database(Protocol):
    """The database as a whole."""

    def look(self, timeout_seconds: float) -> None:
        """Return if it does in time what calls need: it is read, and now and then written.

        Raises:
            DatabaseUnavailable: it does not.
        """

    def check(self, timeout_seconds: float) -> None:
        """Return if it is read and written in time; any thread may ask.

        Raises:
            DatabaseUnavailable: it is not.
        """

    def time_limit(self, seconds: float) -> AbstractContextManager[None]:
        """A block in which every operation of this thread together may take `seconds`."""
