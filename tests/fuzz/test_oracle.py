"""The oracle is right itself: two solvers that share nothing agree, and both with trying everything."""

from dataclasses import replace
from decimal import Decimal
from itertools import product
from math import prod

import pytest

from tests.fuzz.case import Case, Holding, from_json, to_json
from tests.fuzz.generate import case
from tests.fuzz.oracle import ALL_AIMS, decide
from tests.fuzz.rules import Rules
from tests.fuzz.sat import NotDecided, Sat
from tests.fuzz.search import Search, TooMany, size

D = Decimal
SEED = 20_250_606
FEW = 3_000
"""Combinations of orders that are soon tried one by one."""


@pytest.mark.parametrize("first", range(0, 300, 100))
def test_the_search_finds_what_trying_everything_finds(first: int) -> None:
    tried = 0
    for number in range(first, first + 100):
        rules = Rules(case(SEED, number))
        sizes = [sum(map(size, ways)) for ways in rules.allowed]
        if max(sizes) > FEW or prod(sizes) > FEW:
            continue
        every = product(*([order for part in ways for order in part] for ways in rules.allowed))
        kept = sorted((orders for orders in every if not rules.limits_broken(orders)), key=rules.score)
        expected = kept[0] if kept else None
        assert expected == Search(rules, most=10**9).run()
        if kept:
            assert expected == Search(rules, most=10**9, start=kept[-1]).run()
        tried += 1
    assert tried > 40


@pytest.mark.parametrize("first", range(0, 150, 50))
def test_search_and_cp_sat_agree(first: int) -> None:
    agreed = 0
    for number in range(first, first + 50):
        rules = Rules(case(SEED, number))
        try:
            searched, solved = Search(rules, most=5_000).run(), Sat(rules, work=0.2).best()
        except (TooMany, NotDecided):
            continue
        if searched is None or solved is None:
            assert (searched, solved) == (None, None)
        else:
            assert not rules.broken(solved.orders)
            scores = rules.score(searched), rules.score(solved.orders)
            assert scores[0][: solved.proven] == scores[1][: solved.proven]
            assert scores[0] <= scores[1]
        agreed += 1
    assert agreed > 15


def test_what_is_too_much_is_not_decided() -> None:
    """A hundred equal names and a deep floor: neither solver has an end, and neither says a word too much."""
    positions = tuple(
        Holding(f"S{index:03}", D("17.25001") + index, D(0), D("0.0095"), D("0.009"), D("0.01"))
        for index in range(100)
    )
    drawn = Case(positions, D(10_000_000), D(6_000_000))
    verdict = decide(Rules(drawn), most=100, work=0.001)
    assert not verdict.is_decided
    assert verdict.proven == 0
    assert not verdict.infeasible


def test_what_is_decided_is_decided_to_the_last() -> None:
    """Either of two equal securities may give way to the floor: the first by name does."""
    one = Holding("A", D(10), D(0), D("0.5"), D("0.5"), D("0.5"))
    verdict = decide(Rules(Case((replace(one, id="B"), one), D(100), D(10))))
    assert (verdict.orders, verdict.proven, verdict.by) == ((5, 4), ALL_AIMS, "search")


def test_a_case_survives_its_json_form() -> None:
    for number in range(50):
        drawn = case(SEED, number)
        again = from_json(to_json(drawn))
        assert to_json(again) == to_json(drawn)
        assert decide(Rules(again)) == decide(Rules(drawn))
