"""What of a document cannot be taken: each broken rule with its field and value, as the source has them."""

from dataclasses import dataclass

from ordergen_server.domain.requests.violations import MAXIMUM_VIOLATIONS, Violations

#: Characters of a value that are shown.
LONGEST_VALUE = 80


@dataclass(frozen=True, slots=True)
class Flaw:
    """One broken rule.

    Attributes:
        field: its path in the document, as `portfolios[2].positions[0].price`; empty where it is all of it.
        value: what stands there, cut where it is long; empty where it does not matter.
    """

    field: str
    rule: str
    value: str = ""


class Flaws(Violations):
    """The broken rules of one document, which the rules of the domain are told to as well.

    Attributes:
        broken: why the document is not taken.
        left_out: what is not taken of a document that is.
    """

    def __init__(self) -> None:
        super().__init__()
        self.broken: list[Flaw] = []
        self.left_out: list[Flaw] = []

    def add(self, path: str, rule: str, value: object = None) -> None:
        """Note that the field at `path` breaks `rule`; of a document the first `MAXIMUM_VIOLATIONS` stay."""
        super().add(path, rule, value)
        if len(self.broken) < MAXIMUM_VIOLATIONS:
            self.broken.append(Flaw(path, rule, shown(value)))

    def leave_out(self, path: str, rule: str, value: object = None) -> None:
        """Note what is not taken, for a reason that does not keep the rest from being."""
        if len(self.left_out) < MAXIMUM_VIOLATIONS:
            self.left_out.append(Flaw(path, rule, shown(value)))


def shown(value: object) -> str:
    """A value as text, cut where it is long."""
    text = "" if value is None else str(value)
    return text if len(text) <= LONGEST_VALUE else f"{text[: LONGEST_VALUE - 3]}..."
