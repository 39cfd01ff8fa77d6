"""Why orders are not submitted: errors that name the portfolios."""

from collections.abc import Mapping, Sequence

from ordergen_server.domain.errors import AlreadySubmitted, ApprovalMissing, PreconditionFailed, Violation
from ordergen_server.domain.requests.violations import summary


def already_submitted(submissions: Mapping[str, str]) -> AlreadySubmitted:
    """The error of portfolios that were submitted, by the submissions that they are in."""
    violations = [
        Violation(one, f"was submitted by {submission}", "ALREADY_SUBMITTED")
        for one, submission in sorted(submissions.items())
    ]
    first = violations[0].subject
    return AlreadySubmitted(
        f"A portfolio of a run is submitted at most once: {_causes(violations)}.",
        metadata={"submission_id": submissions[first], "portfolio_id": first},
        violations=violations,
    )


def approval_missing(portfolio_ids: Sequence[str]) -> ApprovalMissing:
    """The error of portfolios that are not approved."""
    violations = [
        Violation(one, "is not approved, or was rejected", "APPROVAL_MISSING")
        for one in sorted(portfolio_ids)
    ]
    return ApprovalMissing(
        f"Orders are sent of approved portfolios alone: {_causes(violations)}; ReviewRebalance approves.",
        metadata={"portfolio_id": violations[0].subject},
        violations=violations,
    )


def nothing_to_submit(rebalance_id: str, submitted: int, unapproved: int) -> PreconditionFailed:
    """The error of a run of which nothing may be sent."""
    rule = (
        f"has nothing left to submit: {submitted} of its portfolios were submitted, and {unapproved} are not"
        " approved"
    )
    return PreconditionFailed(
        f"Rebalance {rebalance_id} {rule}.",
        metadata={"rebalance_id": rebalance_id},
        violations=[Violation(rebalance_id, rule, "NOTHING_TO_SUBMIT")],
    )


def proposes_no_trades(portfolio_ids: Sequence[str]) -> PreconditionFailed:
    """The error of portfolios of a run that have no orders."""
    violations = [Violation(one, "proposes no trades in this run", "NO_TRADES") for one in portfolio_ids]
    return PreconditionFailed(
        f"There is nothing to send: {_causes(violations)}.",
        metadata={"portfolio_id": violations[0].subject},
        violations=violations,
    )


def without_order_service() -> PreconditionFailed:
    """The error of a server that has no order service."""
    rule = "the server has no order service (ORDERGEN_ORDER_URL)"
    return PreconditionFailed(
        f"Orders cannot be sent or looked for: {rule}.",
        metadata={"service": "order"},
        violations=[Violation("order_service", rule, "NO_ORDER_SERVICE")],
    )


def _causes(violations: Sequence[Violation]) -> str:
    return summary([f"portfolio {one.subject} {one.rule}" for one in violations], len(violations))
