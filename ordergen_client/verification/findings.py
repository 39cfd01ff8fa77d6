"""What is wrong with an export."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import NamedTuple

from ordergen_client.verification.reading.numbers import digits

#: How many are kept; all are counted.
KEPT = 100


class Check(NamedTuple):
    """A rule, what there is, and what there should be."""

    rule: str
    found: object
    expected: object

    @property
    def is_broken(self) -> bool:
        """Whether they differ."""
        return self.found != self.expected


@dataclass(frozen=True, slots=True)
class Finding:
    """One broken rule.

    Attributes:
        where: a portfolio, or the run, or the file.
        line: the security of a portfolio's line; empty where it is about all of it.
        rule: what must hold.
        found: what there is.
        expected: what there should be.
    """

    where: str
    line: str
    rule: str
    found: str
    expected: str


class Findings:
    """Collects what is wrong.

    Attributes:
        count: of all.
        first: those that came first, `KEPT` at most.
    """

    def __init__(self) -> None:
        self.count = 0
        self.first: list[Finding] = []

    def add(self, where: str, checks: Iterable[Check], line: str = "") -> None:
        """Take in the checks that are broken."""
        for one in checks:
            if one.is_broken:
                self.count += 1
                if len(self.first) < KEPT:
                    found = Finding(where, line, one.rule, digits(one.found), digits(one.expected))
                    self.first.append(found)


def holds(rule: str, found: object, bound: str, *, when: bool) -> Check:
    """A check that is no equation: `bound` says what there should be instead, where it is not so."""
    return Check(rule, found, found if when else bound)
