"""What goes wrong with siblings, and the domain error that each becomes."""

from dataclasses import dataclass

from ordergen_server.domain.errors import BadData, DeadlineExceeded, SiblingUnavailable, Violation

LONGEST_SHOWN = 80


class AttemptFailed(Exception):
    """One attempt did not bring an answer; another may.

    Attributes:
        reason: what happened, as the end of a sentence that begins with the name of the service.
        retry_after_seconds: what the service asked for; None where it did not.
        is_outage: whether it says that the service is down; a busy or rambling one is not.
    """

    def __init__(
        self, reason: str, *, retry_after_seconds: float | None = None, is_outage: bool = True
    ) -> None:
        super().__init__(reason)
        self.reason = reason
        self.retry_after_seconds = retry_after_seconds
        self.is_outage = is_outage


class TimedOut(AttemptFailed):
    """The time of one attempt ran out, be it its own or what was left of the caller's."""


class InternalFailure(AttemptFailed):
    """The service answered 500: it failed, or it has no better status for what was asked."""


class NotTrusted(AttemptFailed):
    """The service and we do not trust each other: a certificate or a token. No further attempt mends that."""


class Unreadable(AttemptFailed):
    """An answer came, and it is not of the form that the service promises."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason, is_outage=False)


class Refused(Exception):
    """The service understood and refused; asking again brings the same answer.

    Attributes:
        reason: what it answered, as the end of a sentence that begins with the name of the service.
        is_unknown: it does not know what was asked for.
        is_invalid: what was asked for, or something that it needs for the answer, breaks a rule of its own.
    """

    def __init__(self, reason: str, *, is_unknown: bool = False, is_invalid: bool = False) -> None:
        super().__init__(reason)
        self.reason = reason
        self.is_unknown = is_unknown
        self.is_invalid = is_invalid


@dataclass(frozen=True, slots=True)
class Flaw:
    """A value that cannot be, in the answer of a sibling.

    Attributes:
        path: of the field: `[17].close`, `securities[2].netQuantity`.
        rule: the rule it breaks, with the value that breaks it.
    """

    path: str
    rule: str


def shown(value: object) -> str:
    """A value for a message, cut where it is long."""
    text = str(value)
    return text if len(text) <= LONGEST_SHOWN else f"{text[: LONGEST_SHOWN - 3]}..."


def bad_data(service: str, subject: str, flaw: Flaw, about: str = "Security") -> BadData:
    """The error of a sibling that says of a security, or a portfolio, what cannot be."""
    rule = f"the {service} service answered {flaw.path}: {flaw.rule}"
    return BadData(
        f"{about} {subject}: {rule}; if it stays so, it must be mended there.",
        metadata={"service": service, f"{about.lower()}_id": subject, "field": flaw.path},
        violations=[Violation(subject, rule, "BAD_DATA")],
    )


def unavailable(
    service: str, reason: str, retry_after_seconds: float, advice: str = "try again"
) -> SiblingUnavailable:
    """The error of a sibling that is down."""
    return SiblingUnavailable(
        f"The {service} service {reason}: {advice}.",
        metadata={"service": service},
        retry_after_seconds=retry_after_seconds,
    )


def out_of_time(service: str, reason: str = "did not answer in time") -> DeadlineExceeded:
    """The error of a caller whose own time ran out while it waited for a sibling."""
    return DeadlineExceeded(
        f"The {service} service {reason}: give the call more time.", metadata={"service": service}
    )
