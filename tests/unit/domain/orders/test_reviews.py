"""Who must approve, and counting it without knowing how many must."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.domain.orders.reviews import (
    ApprovalRule,
    Review,
    ReviewCounts,
    ReviewDecision,
    ReviewState,
    tally_of,
)

PENDING, APPROVED, REJECTED = ReviewState
APPROVE, REJECT = ReviewDecision
people = st.sampled_from(["ann", "bob", "cid", "starter"])
decisions = st.lists(st.tuples(people, st.sampled_from(ReviewDecision)), max_size=8)


def review_of(found: list[tuple[str, ReviewDecision]]) -> Review:
    review = Review()
    for person, decision in found:
        review = review.decided(person, decision)
    return review


@pytest.mark.parametrize(
    ("approved_by", "rejected_by", "expected"),
    [
        ((), (), (APPROVED, PENDING, PENDING)),
        (("ann",), (), (APPROVED, APPROVED, PENDING)),
        (("ann", "bob"), (), (APPROVED, APPROVED, APPROVED)),
        (("ann", "starter"), (), (APPROVED, APPROVED, PENDING)),
        (("starter",), (), (APPROVED, APPROVED, PENDING)),
        (("ann", "bob", "starter"), (), (APPROVED, APPROVED, APPROVED)),
        (("ann", "bob"), ("cid",), (REJECTED, REJECTED, REJECTED)),
        ((), ("starter",), (REJECTED, REJECTED, REJECTED)),
    ],
)
def test_states(
    approved_by: tuple[str, ...], rejected_by: tuple[str, ...], expected: tuple[ReviewState, ...]
) -> None:
    review = Review(approved_by, rejected_by)
    assert tuple(ApprovalRule(number).state(review, "starter") for number in range(3)) == expected


def test_who_began_a_run_is_not_known() -> None:
    assert ApprovalRule(2).state(Review(("ann", "bob")), "") is APPROVED


@given(decisions)
def test_the_latest_decision_of_each_person_counts(found: list[tuple[str, ReviewDecision]]) -> None:
    latest = dict(found)
    review = review_of(found)
    assert review.approved_by == tuple(sorted(one for one, what in latest.items() if what is APPROVE))
    assert review.rejected_by == tuple(sorted(one for one, what in latest.items() if what is REJECT))


@given(st.lists(decisions, max_size=8), st.integers(0, 5))
def test_a_tally_has_the_counts_of_every_rule(
    found: list[list[tuple[str, ReviewDecision]]], untouched: int
) -> None:
    reviews = [review_of(one) for one in found]
    tally = tally_of(reviews, "starter")
    for approvals in range(3):
        rule = ApprovalRule(approvals)
        states = [rule.state(one, "starter") for one in [*reviews, *[Review()] * untouched]]
        expected = ReviewCounts(*(states.count(one) for one in ReviewState))
        assert rule.counts(tally, len(states)) == expected


@given(st.lists(decisions, max_size=6), st.lists(decisions, max_size=6))
def test_changes_of_tallies_add_up(
    before: list[list[tuple[str, ReviewDecision]]], after: list[list[tuple[str, ReviewDecision]]]
) -> None:
    old, new = (tally_of(map(review_of, one), "starter") for one in (before, after))
    change = new.change(old)
    for name in ("rejected", "approved_once", "approved_twice"):
        assert getattr(old, name) + change.get(name, 0) == getattr(new, name)
    assert 0 not in change.values()


def test_names_are_counted_in_bytes() -> None:
    assert Review(("ann",), ("René",)).name_bytes == 3 + 5
