"""Runs as a whole: as they begin, and as they end."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from ordergen_server.domain.errors import OrderGenerationError
from ordergen_server.domain.models import Model, without_positions
from ordergen_server.domain.rebalances.options import RebalanceOptions
from ordergen_server.domain.rebalances.results import PortfolioState
from ordergen_server.domain.rebalances.runs import Rebalance, RebalanceState
from ordergen_server.domain.rebalances.summaries import RebalanceSummary
from ordergen_server.domain.subjects import Subject
from ordergen_server.services.configured import Configured
from ordergen_server.services.running.leased_run import end_state


class RunHeaders:
    """Makes runs of the models that they are of.

    Args:
        new_id: the id of a run that is to be stored.
        clock: the time now, UTC.
        subject: who begins runs.
        configured: what holds where options say nothing.
    """

    def __init__(
        self,
        new_id: Callable[[], str],
        clock: Callable[[], datetime],
        subject: Callable[[], Subject],
        configured: Configured,
    ) -> None:
        self._new_id = new_id
        self.now = clock
        self.subject = subject
        self._configured = configured

    def started(
        self,
        model: Model,
        portfolio_count: int,
        options: RebalanceOptions,
        *,
        partial: bool = False,
        draft: bool = False,
        stored: bool = True,
    ) -> Rebalance:
        """A run that begins now, over so many portfolios.

        Raises:
            ModelWithoutPositions: the model has none.
            PreconditionFailed: open orders are to be looked at, and the server has no order service.
        """
        if not model.positions:
            raise without_positions(model, draft=draft)
        time, subject = self.now(), self.subject()
        return Rebalance(
            rebalance_id=self._new_id() if stored else "",
            model_id=model.model_id,
            model_name=model.name,
            model_version=model.version,
            state=RebalanceState.RUNNING,
            create_time=time,
            rebalance_date=time.date(),
            portfolio_count=portfolio_count,
            options=self._configured.in_full(options),
            actor=subject.name,
            authenticated=subject.is_authenticated,
            partial=partial,
            draft=draft,
            summary=RebalanceSummary(),
        )

    def ended(
        self,
        started: Rebalance,
        time: datetime,
        counts: dict[PortfolioState, int],
        *,
        error: OrderGenerationError | None,
        summary: RebalanceSummary,
        not_traded: int,
    ) -> Rebalance:
        """A run that ended then, by itself or for an error, with the counts and sums of its portfolios."""
        return replace(
            started,
            state=end_state(counts, error, cancelled=False, not_traded=not_traded),
            counts=counts,
            error=error,
            finish_time=time,
            summary=summary,
            not_traded=not_traded,
        )


def raise_error(finished: Rebalance) -> None:
    """Raise why a run stopped, if it did."""
    if finished.error:
        if finished.rebalance_id:
            finished.error.metadata["rebalance_id"] = finished.rebalance_id
        raise finished.error
