"""Records that are made once somebody looks are as good as a tuple of them."""

import copy
import pickle
from collections.abc import Sequence

from ordergen_client.records.lazily import Lazily


def test_nothing_is_read_before_somebody_looks_and_nothing_twice() -> None:
    read: list[str] = []

    def shout(text: str) -> str:
        read.append(text)
        return text.upper()

    records = Lazily(["a", "b"], shout)
    assert (len(records), bool(records), read) == (2, True, [])
    assert (records[0], records[-1], list(records), read) == ("A", "B", ["A", "B"], ["a", "b"])


def test_it_is_a_sequence_like_any_other() -> None:
    records = Lazily(["a", "b"], str.upper)
    assert isinstance(records, Sequence)
    assert records[:1] == ("A",)
    others: list[object] = [("A", "B"), ["A", "B"], ["A"], 1]
    assert [records == other for other in others] == [True, True, False, False]
    assert [other == records for other in others] == [True, True, False, False]
    assert records == Lazily(["A", "B"], str)
    assert (hash(records), repr(records)) == (hash(("A", "B")), "('A', 'B')")
    assert pickle.loads(pickle.dumps(records)) == copy.deepcopy(records) == ("A", "B")  # noqa: S301 - ours
    assert not Lazily([], str.upper)
