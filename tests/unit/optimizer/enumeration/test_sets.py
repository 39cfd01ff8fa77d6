"""Sets met in the middle, against plain enumeration: what calls itself exhaustive is right, however cut."""

from itertools import product

from hypothesis import given, settings
from hypothesis import strategies as st

from optimizer.enumeration.enumeration import Enumeration, never
from optimizer.enumeration.moves import Move, Outcome, Task, Weights
from optimizer.enumeration.sets import best_sets

Drawn = tuple[list[list[Move]], Task]


@st.composite
def tasks(draw: st.DrawFn) -> Drawn:
    """A few positions of a few moves under up to three limits, in small numbers and in huge ones."""
    limits = draw(st.integers(1, 3))
    scale = draw(st.sampled_from([1, 10**7, 10**19 + 7, 3 * 10**24]))
    jitter = draw(st.sampled_from([0, 1, 10**6]))
    number = st.builds(lambda a, b: a * scale + b, st.integers(-6, 6), st.integers(-jitter, jitter))
    groups = [
        [
            Move(
                place,
                key,
                (draw(number), draw(st.integers(-3, 3)), draw(st.integers(-1, 1))),
                tuple(draw(number) for _ in range(limits)),
            )
            for key in range(draw(st.integers(1, 3)))
        ]
        for place in range(draw(st.integers(1, 6)))
    ]
    relaxations = tuple(
        Weights(draw(st.integers(0, 2)), tuple(draw(st.integers(0, 3)) for _ in range(limits)))
        for _ in range(draw(st.integers(0, 2)))
    )
    value = draw(st.one_of(st.none(), st.just(0), number))
    spare = tuple(draw(number) for _ in range(limits))
    return groups, Task(spare, relaxations, value)


def enumerated(drawn: Drawn) -> list[tuple[tuple[int, int, int], frozenset[Move]]]:
    """All sets within the limits that are no worse than the value known, with their aims."""
    groups, task = drawn
    found: list[tuple[tuple[int, int, int], frozenset[Move]]] = []
    for picked in product(*([None, *group] for group in groups)):
        moves = [move for move in picked if move is not None]
        uses = [sum(move.uses[limit] for move in moves) for limit in range(len(task.spare))]
        first, second, trades = (sum(move.aims[aim] for move in moves) for aim in range(3))
        within = all(use <= spare for use, spare in zip(uses, task.spare, strict=True))
        if within and (task.value is None or first <= task.value):
            found.append(((first, second, trades), frozenset(moves)))
    return found


def check(drawn: Drawn, outcome: Outcome) -> None:
    """Whatever the outcome claims holds."""
    expected = enumerated(drawn)
    sets = {frozenset(moves) for moves in outcome.sets}
    aims = {moves: aims for aims, moves in expected}
    assert sets <= set(aims)
    best = min(expected)[0] if expected else None
    if outcome.exhaustive:
        assert bool(expected) == bool(sets)
        assert best is None or {best[0]} == {aims[moves][0] for moves in sets}
    if outcome.settled:
        assert outcome.exhaustive
        assert sets == {moves for aims, moves in expected if aims == best}


@settings(max_examples=250, deadline=None)
@given(tasks(), st.booleans())
def test_an_uncut_search_is_exhaustive_and_right(drawn: Drawn, ties: bool) -> None:
    groups, task = drawn
    moves = Enumeration.of([move for group in groups for move in group], 1_000)
    outcome = best_sets(moves, task, 1 << 12, never, ties=ties)
    check(drawn, outcome)
    assert outcome.exhaustive
    assert outcome.settled or not ties


@settings(max_examples=150, deadline=None)
@given(tasks(), st.integers(0, 20), st.integers(1, 30), st.integers(0, 12))
def test_a_search_cut_anywhere_claims_nothing_false(drawn: Drawn, most: int, size: int, looks: int) -> None:
    groups, task = drawn
    left = iter(range(looks))
    moves = Enumeration.of([move for group in groups for move in group], most)
    check(drawn, best_sets(moves, task, size, lambda: next(left, None) is None))
