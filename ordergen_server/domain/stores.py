"""What the use cases need of a database; the repositories keep these promises.

Every method raises DatabaseUnavailable where the database does not answer, and DeadlineExceeded where the
time of the call ran out before it did.
"""

from collections.abc import Callable, Collection, Sequence
from contextlib import AbstractContextManager
from datetime import datetime
from typing import Protocol

from ordergen_server.domain.models import Model, ModelContent
from ordergen_server.domain.pages import Page, PageRequest
from ordergen_server.domain.rebalances import PortfolioRebalance, PortfolioState, Rebalance


class ModelStore(Protocol):
    """Keeps models."""

    def create(self, content: ModelContent, time: datetime, request_id: str = "") -> Model:
        """Store a new model; with a request id that was used for the same content, answer that model.

        Raises:
            AlreadyExists: its name or one of its portfolios is taken.
            InvalidArgument: the request id was used for other content.
        """

    def change(
        self, model_id: str, version: int, change: Callable[[ModelContent], ModelContent], time: datetime
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
        """Read the model a portfolio belongs to. Raises NotFound."""

    def find(self, page: PageRequest, order_by: str, portfolio_id: str) -> Page[Model]:
        """Read a page of models. Raises InvalidArgument for an unknown order or a foreign token."""

    def mark_rebalanced(self, model_id: str, time: datetime) -> None:
        """Note that a portfolio of the model traded; its version stays, and a deleted model is none."""


class RebalanceStore(Protocol):
    """Keeps runs and what they did for each portfolio."""

    def new_id(self) -> str:
        """An id no other run has."""

    def create(self, rebalance: Rebalance) -> None:
        """Store the header of a new run."""

    def update(self, rebalance: Rebalance) -> Rebalance:
        """Store a changed header, with its version raised by one."""

    def save_portfolios(self, results: Sequence[PortfolioRebalance]) -> None:
        """Store what a run did for some portfolios; each stays as it is stored."""

    def get(self, rebalance_id: str) -> Rebalance:
        """Read a run. Raises NotFound."""

    def find(self, page: PageRequest, model_id: str, portfolio_ids: Collection[str]) -> Page[Rebalance]:
        """Read a page of runs, newest first. Raises InvalidArgument for a foreign token."""

    def find_portfolios(
        self, rebalance_id: str, page: PageRequest, state: PortfolioState | None
    ) -> Page[PortfolioRebalance]:
        """Read a page of what a run did, without positions. Raises NotFound, InvalidArgument."""

    def portfolios_after(
        self, rebalance_id: str, sequence: int, limit: int
    ) -> tuple[PortfolioRebalance, ...]:
        """Read what a run did after a point, whole, in the order of sequence."""

    def get_portfolio(self, rebalance_id: str, portfolio_id: str) -> PortfolioRebalance:
        """Read what a run did for a portfolio, whole. Raises NotFound."""


class Database(Protocol):
    """The database as a whole."""

    def ping(self, timeout_seconds: float) -> None:
        """Return if it answers in time. Raises DatabaseUnavailable."""

    def time_limit(self, seconds: float) -> AbstractContextManager[None]:
        """A block in which every operation of this thread together may take `seconds`."""
