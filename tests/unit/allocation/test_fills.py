"""Fills shared out: exact, within one share of pro rata, and the same each time."""

from collections import Counter
from fractions import Fraction
from itertools import combinations
from math import floor

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from allocation import allocated

quantities = st.one_of(st.integers(1, 12), st.integers(1, 10**4), st.integers(1, 10**30))
orders = st.lists(quantities, min_size=1, max_size=12).map(
    lambda found: {f"P{number:02}": quantity for number, quantity in enumerate(found)}
)


@st.composite
def fills(draw: st.DrawFn) -> tuple[dict[str, int], int]:
    ordered = draw(orders)
    return ordered, draw(st.integers(0, sum(ordered.values())))


def quotas(ordered: dict[str, int], filled: int) -> dict[str, Fraction]:
    """The exact part of each."""
    total = sum(ordered.values())
    return {one: Fraction(filled * quantity, total) for one, quantity in ordered.items()}


@settings(max_examples=500)
@given(fills(), st.text(max_size=5))
def test_a_fill_is_shared_out_whole_and_within_one_share_of_pro_rata(
    given_fill: tuple[dict[str, int], int], seed: str
) -> None:
    ordered, filled = given_fill
    shares = allocated(ordered, filled, seed)
    assert list(shares) == list(ordered)
    assert sum(shares.values()) == filled
    for one, quota in quotas(ordered, filled).items():
        assert floor(quota) <= shares[one] <= -floor(-quota)  # the quota rule
        assert 0 <= shares[one] <= ordered[one]


@settings(max_examples=500)
@given(fills())
def test_the_largest_remainders_are_rounded_up(given_fill: tuple[dict[str, int], int]) -> None:
    """By fractions: nobody who got a share more has a smaller remainder than somebody who did not."""
    ordered, filled = given_fill
    shares = allocated(ordered, filled, "seed")
    exact = quotas(ordered, filled)
    remainders = {one: quota - floor(quota) for one, quota in exact.items()}
    up = [remainders[one] for one in ordered if shares[one] > floor(exact[one])]
    down = [remainders[one] for one in ordered if shares[one] == floor(exact[one])]
    assert not up or not down or min(up) >= max(down)
    assert len(up) == filled - sum(map(floor, exact.values()))


@settings(max_examples=200)
@given(st.lists(st.integers(1, 6), min_size=1, max_size=5), st.data())
def test_no_other_whole_shares_are_nearer(found: list[int], data: st.DataObject) -> None:
    """Hamilton's is the least sum of squared distances from pro rata: against all ways to round."""
    ordered = {f"P{number}": quantity for number, quantity in enumerate(found)}
    filled = data.draw(st.integers(0, sum(found)))
    exact = quotas(ordered, filled)
    shares = allocated(ordered, filled, "seed")
    left = filled - sum(map(floor, exact.values()))
    others = (
        {one: floor(quota) + (one in up) for one, quota in exact.items()}
        for up in combinations(ordered, left)
    )
    assert distance(shares, exact) == min(distance(other, exact) for other in others)


def distance(shares: dict[str, int], exact: dict[str, Fraction]) -> Fraction:
    return sum(((shares[one] - quota) ** 2 for one, quota in exact.items()), Fraction(0))


@settings(max_examples=200)
@given(orders)
def test_everything_gives_everybody_what_they_ordered_and_nothing_gives_nothing(
    ordered: dict[str, int],
) -> None:
    assert allocated(ordered, sum(ordered.values()), "seed") == ordered
    assert set(allocated(ordered, 0, "seed").values()) == {0}


@given(fills(), st.randoms(use_true_random=False))
def test_it_does_not_matter_in_which_order_portfolios_come(
    given_fill: tuple[dict[str, int], int], random: object
) -> None:
    ordered, filled = given_fill
    names = list(ordered)
    random.shuffle(names)  # type: ignore[attr-defined] # a Random
    shuffled = {one: ordered[one] for one in names}
    assert allocated(shuffled, filled, "seed") == allocated(ordered, filled, "seed")


def test_equal_remainders_follow_the_seed_and_favour_none() -> None:
    ordered = dict.fromkeys(("A", "B", "C"), 1)
    assert allocated(ordered, 1, "run/security") == allocated(ordered, 1, "run/security")
    got = Counter(
        one for number in range(3000) for one, shares in allocated(ordered, 1, f"{number}").items() if shares
    )
    assert got.total() == 3000
    assert all(900 < count < 1100 for count in got.values())


def test_ties_are_in_the_order_of_sha256() -> None:
    """By sha256sum: `seed/B` is 9119..., `seed/C` f216..., `seed/A` fba7..."""
    ordered = dict.fromkeys(("A", "B", "C"), 1)
    assert allocated(ordered, 1, "seed") == {"A": 0, "B": 1, "C": 0}
    assert allocated(ordered, 2, "seed") == {"A": 0, "B": 1, "C": 1}


def test_more_of_a_fill_may_give_somebody_less() -> None:
    """The Alabama paradox, by hand: quotas are 9/7, 9/7, 3/7 of 3 shares, and 12/7, 12/7, 4/7 of 4."""
    ordered = {"A": 3, "B": 3, "C": 1}
    assert allocated(ordered, 3, "seed") == {"A": 1, "B": 1, "C": 1}
    assert allocated(ordered, 4, "seed") == {"A": 2, "B": 2, "C": 0}


@pytest.mark.parametrize(("ordered", "filled"), [({"A": 1}, 2), ({"A": 1}, -1), ({"A": 0}, 0), ({}, 1)])
def test_what_cannot_be_is_refused(ordered: dict[str, int], filled: int) -> None:
    with pytest.raises(ValueError, match="share"):
        allocated(ordered, filled, "seed")


def test_nobody_gets_nothing() -> None:
    assert allocated({}, 0, "seed") == {}
