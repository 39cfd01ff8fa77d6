"""The named values of orders and their submissions."""

from ordergen_client.records.states import Named


class OrderState(Named):
    """What is known of an order; one IN_DOUBT was sent, and whether the order service has it is not known."""

    SENDING = "SENDING"
    IN_DOUBT = "IN_DOUBT"
    SENT = "SENT"
    REFUSED = "REFUSED"
    NOT_SENT = "NOT_SENT"


class SubmissionState(Named):
    """How far a submission is."""

    RUNNING = "RUNNING"
    COMPLETED = "COMPLETED"
    COMPLETED_WITH_ERRORS = "COMPLETED_WITH_ERRORS"
    FAILED = "FAILED"
    CANCELLED = "CANCELLED"


class ActionType(Named):
    """What was done with a run."""

    STARTED = "STARTED"
    CANCELLED = "CANCELLED"
    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    SUBMITTED = "SUBMITTED"
    SUBMISSION_CANCELLED = "SUBMISSION_CANCELLED"
    SUBMISSION_FINISHED = "SUBMISSION_FINISHED"


class DifferenceType(Named):
    """What differs between our orders and those of the order service.

    MISSING is SENT here and not there; DUPLICATE is there more than once; UNEXPECTED is there, and here it is
    REFUSED, NOT_SENT, or in doubt still; UNKNOWN has a mark of ours there, and nothing here is like it.
    """

    MISSING = "MISSING"
    DUPLICATE = "DUPLICATE"
    UNEXPECTED = "UNEXPECTED"
    UNKNOWN = "UNKNOWN"
