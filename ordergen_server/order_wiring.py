"""Wires what becomes of a run once it has ended: reviews, fills, submissions."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from ordergen_server.api.order_calls import OrderUseCases
from ordergen_server.configuration.settings import Settings
from ordergen_server.domain.orders.order_service import OrderService
from ordergen_server.domain.orders.reviews import ApprovalRule
from ordergen_server.domain.stores import SettingsStore
from ordergen_server.repositories.mongodb.database import Database
from ordergen_server.repositories.mongodb.tokens import PageTokens
from ordergen_server.repositories.order_store.submissions import Submissions as StoredSubmissions
from ordergen_server.repositories.review_store.events import Events
from ordergen_server.repositories.review_store.reviews import Reviews
from ordergen_server.repositories.run_store.proposals import Proposals
from ordergen_server.repositories.run_store.rebalances import Rebalances
from ordergen_server.services.ordering.delivery import Pace
from ordergen_server.services.ordering.looks.looking import Looks
from ordergen_server.services.ordering.observer import OrderObserver
from ordergen_server.services.ordering.submissions import Deliveries, Submissions
from ordergen_server.services.ordering.submitter import OrderSubmitter
from ordergen_server.services.portfolios.portfolio_work import PortfolioWork
from ordergen_server.services.reviewing.filling import Filling
from ordergen_server.services.reviewing.reviewer import Reviewer


@dataclass(frozen=True, slots=True)
class OrderParts:
    """What is wired.

    Attributes:
        submissions: carries submissions out; None without an order service.
    """

    use_cases: OrderUseCases
    submissions: Submissions | None

    def start(self) -> None:
        """Carry on what nobody holds."""
        if self.submissions:
            self.submissions.start()

    def drain(self) -> None:
        """Begin and take over no more."""
        if self.submissions:
            self.submissions.drain()

    def close(self) -> None:
        """Let go of what is held."""
        if self.submissions:
            self.submissions.close()


def order_parts(
    settings: Settings,
    database: Database,
    tokens: PageTokens,
    *,
    runs: Rebalances,
    portfolio_settings: SettingsStore,
    work: PortfolioWork,
    service: OrderService | None,
    clock: Callable[[], datetime],
    changed: Callable[[], None],
    observer: OrderObserver,
) -> OrderParts:
    """Reviews and fills of every server, and submissions of one that has an order service."""
    rule = ApprovalRule(settings.approvals)
    store = StoredSubmissions(database, tokens)
    submissions = None
    if service:
        deliveries = Deliveries(
            store=store,
            runs=runs,
            service=service,
            looks=Looks(runs, portfolio_settings, work, settings.maximum_proposal_age),
            rule=rule,
            pace=Pace(settle=settings.order_settle_seconds),
            lease_seconds=settings.lease_seconds,
            changed=changed,
            observer=observer,
        )
        submissions = Submissions(deliveries, settings.lease_seconds / 3, settings.drain_seconds)
    reviewer = Reviewer(
        runs=runs, proposals=Proposals(database), reviews=Reviews(database), rule=rule, clock=clock
    )
    submitter = OrderSubmitter(runs=runs, store=store, submissions=submissions, service=service, clock=clock)
    use_cases = OrderUseCases(reviewer, Filling(runs, reviewer), Events(database, tokens), submitter)
    return OrderParts(use_cases, submissions)
