"""What a text stands for, against a search that tries every rule on everything there is."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.domain.errors import InvalidArgument
from ordergen_server.domain.references import MAXIMUM_MATCHES, Directory, Matches, check_asked
from ordergen_server.domain.requests.violations import Violations


@dataclass(frozen=True)
class Thing:
    key: str
    label: str


def directory(labels: Mapping[str, str]) -> Directory[Thing]:
    return Directory({key: Thing(key, label) for key, label in labels.items()}, lambda one: one.label)


def found(labels: Mapping[str, str], asked: str) -> list[str]:
    """All that a text stands for, in order, the slow way."""
    rules: list[Callable[[str, str], bool]] = [
        lambda key, _: key == asked,
        lambda _, label: label == asked,
        lambda _, label: label.casefold() == asked.casefold(),
        lambda key, _: len(asked) >= 4 and key[: len(asked)] == asked,
    ]
    for rule in rules:
        matching = sorted(key for key, label in labels.items() if rule(key, label))
        if matching:
            return matching
    return []


#: So few letters that ids, labels and what is asked meet; some change their length with their case.
_LETTERS = "aAbB\u00df\u0130s"
_LABELS = st.text(_LETTERS, max_size=3)
_KEYS = st.builds(
    "".join, st.tuples(st.sampled_from(["aaaa", "aaab", "AAAA", "a"]), st.text("abA", max_size=4))
)


@settings(max_examples=2_000)
@given(st.dictionaries(_KEYS, _LABELS | _KEYS, max_size=40), st.data())
def test_the_first_rule_that_finds_anything_decides(labels: dict[str, str], data: st.DataObject) -> None:
    known = sorted({*labels, *labels.values(), *map(str.swapcase, labels.values())} - {""})
    texts = st.text(_LETTERS, min_size=1, max_size=8)
    asked = data.draw(texts | st.sampled_from(known) if known else texts)
    asked = asked[: data.draw(st.integers(1, len(asked)))]
    expected = found(labels, asked)
    answer = directory(labels).find(asked)
    assert [one.key for one in answer.items] == expected[:MAXIMUM_MATCHES]
    assert (answer.asked, answer.more) == (asked, len(expected) > MAXIMUM_MATCHES)


def test_an_id_is_itself_though_another_is_called_like_it() -> None:
    things = directory({"aaaa1": "Growth", "aaaa2": "aaaa1"})
    assert [one.key for one in things.find("aaaa1").items] == ["aaaa1"]


def test_a_label_as_it_is_written_comes_before_others_of_its_letters() -> None:
    things = directory({"1": "GROWTH", "2": "Growth", "3": "Growth"})
    assert [one.key for one in things.find("Growth").items] == ["2", "3"]
    assert [one.key for one in things.find("growth").items] == ["1", "2", "3"]


@pytest.mark.parametrize(("count", "more"), [(10, False), (11, True), (10_000, True)])
def test_ten_are_told_and_whether_there_are_more(count: int, more: bool) -> None:
    named = directory({f"{number:06}": "Growth" for number in range(count)})
    begun = directory({f"abcd{number:06}": "" for number in range(count)})
    for things, asked in ((named, "Growth"), (named, "GROWTH"), (begun, "abcd")):
        answer = things.find(asked)
        assert (len(answer.items), answer.more) == (10, more)


def test_three_characters_begin_nothing() -> None:
    things = directory({"abcd": "", "abce": ""})
    assert things.find("abc") == Matches("abc")
    assert [one.key for one in things.find("abcd").items] == ["abcd"]


def test_nothing_stands_for_nothing() -> None:
    assert directory({}).find("Growth") == Matches("Growth", (), more=False)


def test_what_is_asked_has_its_bounds() -> None:
    with pytest.raises(InvalidArgument) as refused, Violations() as violations:
        check_asked(["x" * 64, "", "x" * 65, "\u00df" * 64], "securities", violations)
    assert [one.subject for one in refused.value.violations] == ["securities[1]", "securities[2]"]
    with (
        pytest.raises(InvalidArgument, match=r"^securities: must have at least one entry$"),
        Violations() as none,
    ):
        check_asked([], "securities", none)
