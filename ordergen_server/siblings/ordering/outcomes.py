"""What an answer to sent orders says of each of them: taken, refused, or in doubt where it says neither.

an answer for the place of an order, and only one    what it says
its id, which no other order was given               Taken
a refusal                                            Refused
no answer for its place, or several                  InDoubt
an answer for a place that no order has              InDoubt, all of them: who knows how places are counted
an answer for "no place" (-1)                        says nothing
"""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from ordergen_server.domain.errors import SiblingUnavailable
from ordergen_server.domain.orders.order_service import InDoubt, Refused, Taken
from ordergen_server.siblings.calling.failures import unavailable
from ordergen_server.siblings.reading.readers import ORDER

Outcome = Taken | Refused | InDoubt
#: The index of an answer that is about an order, and does not say which.
NO_PLACE = -1
_LONGEST_MESSAGE = 200
_LOOK_SECONDS = 60.0
#: Ids are below this wherever they are kept.
_IDS_END = 2**63


@dataclass(frozen=True, slots=True)
class Answer:
    """What is said of the order at a place: its id, or a refusal, or neither.

    Attributes:
        place: in the list that was sent, from 0, or NO_PLACE.
    """

    place: int
    order_id: int | None = None
    refusal: str | None = None


def outcomes(answers: Sequence[Answer], count: int) -> tuple[Outcome, ...]:
    """An outcome for each of `count` orders, in their order."""
    strange = [each.place for each in answers if each.place != NO_PLACE and not 0 <= each.place < count]
    if strange:
        return all_in_doubt(f"answered for place {strange[0]} of {count} orders", count)
    ids = Counter(each.order_id for each in answers)
    by_place: dict[int, list[Answer]] = {place: [] for place in range(count)}
    for answer in answers:
        if answer.place != NO_PLACE:
            by_place[answer.place].append(answer)
    return tuple(_outcome(of_place, ids) for of_place in by_place.values())


def all_in_doubt(reason: str, count: int) -> tuple[InDoubt, ...]:
    """The outcomes of orders of which nothing is known; `reason` is what the order service did."""
    return (InDoubt(doubt(reason)),) * count


def all_refused(message: str, count: int) -> tuple[Refused, ...]:
    """The outcomes of orders that were refused together."""
    return (Refused(_cut(message)),) * count


def doubt(reason: str) -> SiblingUnavailable:
    """The error of an order of which nothing is known."""
    return unavailable(ORDER, reason, _LOOK_SECONDS, "whether it has the order must be looked up there")


def _outcome(answers: Sequence[Answer], ids: Counter[int | None]) -> Outcome:
    if len(answers) != 1:
        return InDoubt(doubt(f"answered {len(answers)} times for the order"))
    answer = answers[0]
    if answer.order_id is None:
        if answer.refusal is None:
            return InDoubt(doubt("answered neither that it took the order nor that it refused it"))
        return Refused(_cut(answer.refusal))
    is_id = 1 <= answer.order_id < _IDS_END and ids[answer.order_id] == 1
    if not is_id or answer.refusal is not None:
        return InDoubt(doubt(f"answered what cannot be the order's id: {answer.order_id}"))
    return Taken(answer.order_id)


def _cut(message: str) -> str:
    return message if len(message) <= _LONGEST_MESSAGE else f"{message[: _LONGEST_MESSAGE - 3]}..."
