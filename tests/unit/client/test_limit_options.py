"""Limits of weights as a command line has them."""

from collections.abc import Callable, Iterable
from decimal import Decimal
from types import SimpleNamespace
from typing import Any

import click
import pytest

from ordergen_client.commands.shared.limits import group_limits, security_limits
from ordergen_client.records.matches import SecurityMatches
from ordergen_client.records.options.weight_limits import GroupLimit, SecurityLimit

A, B = "A" * 24, "B" * 24


def resolved(asked: Iterable[str]) -> list[SecurityMatches]:
    ids = {"AGD": A, "XOM": B}
    found = [SimpleNamespace(security_id=ids.get(one, one)) for one in asked]
    return [SecurityMatches(one, (match,), False) for one, match in zip(asked, found, strict=True)]  # type: ignore[arg-type] # as far as it is read


CLIENT: Any = SimpleNamespace(securities=SimpleNamespace(resolve=resolved))


def test_limits_of_securities() -> None:
    assert security_limits(CLIENT, ["AGD=2%:10%", f"{B}=:0.1"]) == {
        A: SecurityLimit(Decimal("0.02"), Decimal("0.10")),
        B: SecurityLimit(None, Decimal("0.1")),
    }
    assert security_limits(CLIENT, ["AGD=0.05:"]) == {A: SecurityLimit(Decimal("0.05"))}
    assert security_limits(CLIENT, []) == {}


def test_limits_of_groups() -> None:
    assert group_limits(CLIENT, ["Energy=2%:10%=AGD,XOM", "Other=:1= AGD "]) == {
        "Energy": GroupLimit([A, B], Decimal("0.02"), Decimal("0.10")),
        "Other": GroupLimit([A], None, 1),
    }
    assert group_limits(CLIENT, []) == {}


@pytest.mark.parametrize(
    ("read", "given", "message"),
    [
        (security_limits, ["AGD"], "must be SECURITY=MIN:MAX"),
        (security_limits, ["=1:2"], "must be SECURITY=MIN:MAX"),
        (security_limits, ["AGD=:"], "is no MIN:MAX"),
        (security_limits, ["AGD=5%"], "is no MIN:MAX"),
        (security_limits, ["AGD=x:1"], "'x' is no number"),
        (security_limits, ["AGD=0:1", f"{A}=0:1"], "twice"),
        (group_limits, ["Energy=0:1"], "must be NAME=MIN:MAX=SECURITY,SECURITY"),
        (group_limits, ["Energy=0:1=AGD,,XOM"], "must be NAME=MIN:MAX=SECURITY,SECURITY"),
        (group_limits, ["Energy=0=AGD"], "is no MIN:MAX"),
        (group_limits, ["Energy=0:1=AGD", "Energy=0:1=XOM"], "names Energy twice"),
    ],
)
def test_what_is_no_limit(read: Callable[[Any, list[str]], object], given: list[str], message: str) -> None:
    with pytest.raises(click.UsageError, match=message):
        read(CLIENT, given)
