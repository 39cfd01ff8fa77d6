"""Turns are given in rounds of peers, none is lost, and none is given to who has left."""

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.api.admission.turns import FairTurns
from tests.limits import examples


async def settle() -> None:
    for _ in range(3):
        await asyncio.sleep(0)


def test_a_peer_with_many_calls_lets_others_go_first() -> None:
    async def body() -> list[str]:
        turns, order = FairTurns(1), list[str]()

        async def call(peer: str) -> None:
            await turns.take(peer)
            order.append(peer)
            turns.give()

        await turns.take("holder")
        calls = [asyncio.create_task(call(peer)) for peer in ["greedy"] * 3 + ["a", "b"]]
        await settle()
        ahead = [turns.ahead_of("greedy"), turns.ahead_of("a"), turns.ahead_of("new")]
        assert ahead == [6, 5, 4]
        turns.give()
        await asyncio.gather(*calls)
        return order

    assert asyncio.run(body()) == ["greedy", "a", "b", "greedy", "greedy"]


@given(
    count=st.integers(1, 3),
    acts=st.lists(st.tuples(st.sampled_from(["take", "give", "leave"]), st.integers(0, 3)), max_size=60),
)
@settings(max_examples=examples(200), deadline=None)
def test_turns_are_never_more_and_never_lost(count: int, acts: list[tuple[str, int]]) -> None:
    """Whatever order calls come, end and are cancelled in: as many hold a turn as can, and no more."""

    async def body() -> None:
        turns, tasks = FairTurns(count), list[asyncio.Task[None]]()
        held: list[asyncio.Task[None]] = []
        for act, which in acts:
            if act == "take":
                tasks.append(asyncio.create_task(turns.take(f"peer {which}")))
            elif act == "give" and held:
                del held[which % len(held)]
                turns.give()
            elif act == "leave" and tasks:
                tasks[which % len(tasks)].cancel()  # perhaps one that was handed its turn just now
            if which % 2:
                await settle()
            held += [one for one in tasks if one.done() and not one.cancelled()]
            tasks = [one for one in tasks if not one.done()]
        await settle()
        held += [one for one in tasks if one.done() and not one.cancelled()]
        waiting = [one for one in tasks if not one.done()]
        assert len(held) <= count
        assert not waiting or len(held) == count
        assert turns.waiting == len(waiting)
        for one in waiting:
            one.cancel()
        for one in waiting:
            with pytest.raises(asyncio.CancelledError):
                await one

    asyncio.run(body())
