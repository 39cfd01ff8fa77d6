"""What a call costs decides where it waits: one table of kinds, so that no kind takes the room of another."""

from enum import Enum


class Kind(Enum):
    """What a call does while it holds a thread."""

    READING = "reading"
    """Reads the database, for milliseconds."""
    CHANGING = "changing"
    """Writes to the database."""
    SOLVING = "solving"
    """Reads siblings, solves, and writes."""
    RESOLVING = "resolving"
    """Looks into lists of siblings, which are kept, and waits for one that is not."""
    WATCHING = "watching"
    """Follows a run: looks at it now and then, and waits without a thread."""
    DIAGNOSING = "diagnosing"
    """Waits for seconds for what may not answer."""


KINDS = {
    "CreateModel": Kind.CHANGING,
    "GetModel": Kind.READING,
    "ListModels": Kind.READING,
    "UpdateModel": Kind.CHANGING,
    "DeleteModel": Kind.CHANGING,
    "AddPosition": Kind.CHANGING,
    "UpdatePosition": Kind.CHANGING,
    "RemovePosition": Kind.CHANGING,
    "AddPortfolios": Kind.CHANGING,
    "RemovePortfolios": Kind.CHANGING,
    "RebalancePortfolio": Kind.SOLVING,
    "RebalanceModel": Kind.WATCHING,
    "StartRebalance": Kind.CHANGING,
    "WatchRebalance": Kind.WATCHING,
    "CancelRebalance": Kind.WATCHING,
    "DeleteRebalance": Kind.CHANGING,
    "GetRebalance": Kind.READING,
    "ListRebalances": Kind.READING,
    "ListPortfolioRebalances": Kind.READING,
    "GetPortfolioRebalance": Kind.READING,
    "CheckDrift": Kind.SOLVING,
    "ReviewRebalance": Kind.CHANGING,
    "SubmitOrders": Kind.CHANGING,
    "GetOrderSubmission": Kind.READING,
    "WatchOrderSubmission": Kind.WATCHING,
    "CancelOrderSubmission": Kind.CHANGING,
    "ListOrders": Kind.READING,
    "ListRebalanceEvents": Kind.READING,
    # A page after the other of a whole run, or a sibling: for longer than what reads is to wait.
    "AggregateOrders": Kind.SOLVING,
    "AllocateFill": Kind.SOLVING,
    "ReconcileOrders": Kind.SOLVING,
    "ResolveSecurities": Kind.RESOLVING,
    "ResolvePortfolios": Kind.RESOLVING,
    "Diagnose": Kind.DIAGNOSING,
}
