"""Values that break the rules of requests, as hypothesis draws them."""

import re
from dataclasses import dataclass

from hypothesis import strategies as st


@dataclass(frozen=True)
class Entries:
    """A list with so many entries, each like the one that a valid request has."""

    count: int


long_texts = st.integers(1025, 3000).map(lambda length: "x" * length)
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)


def texts_but(pattern: str, *examples: str) -> "st.SearchStrategy[object]":
    """Texts that are not of a form, the examples among them, and some that are too long."""
    form = re.compile(pattern, re.ASCII)
    others = st.text(max_size=40).filter(lambda text: not form.fullmatch(text))
    return st.one_of(st.sampled_from(examples), others, long_texts)


object_ids = texts_but(
    r"[0-9a-f]{24}", "x", "0" * 23, "0" * 25, "A" * 24, "g" * 24, "0" * 23 + "\n", " " * 24
)
entity_ids = texts_but(r"[0-9A-Za-z]{24}", "", "x", "A" * 23, "A" * 25, "A" * 23 + "-", "\u0661" * 24)
no_uuids = texts_but(
    r".{0}", "x", "16fd2706-8baf-133b-82eb-8c7fada847da", "{16fd2706-8baf-433b-82eb-8c7fada847da}"
)
no_numbers = st.one_of(
    st.sampled_from(
        ["x", "NaN", "-inf", "1,5", "1_0", " 1", "1e", "--1", "0x1", "1e40", "1e99", "1e-41", "9" * 35]
    ),
    st.text(min_size=1, max_size=40).filter(lambda text: not _NUMBER.fullmatch(text)),
    st.integers(40, 99).map(lambda power: f"7e{power}"),
    st.integers(41, 99).map(lambda power: f"7e-{power}"),
    long_texts,
)
negative_numbers = st.decimals("-1e20", "-0.0001", places=4).map(lambda number: f"{number:f}")
above_one = st.decimals("1.0001", "1e20", places=4).map(lambda number: f"{number:f}")
no_targets = st.decimals("0.0001", "0.95", places=4).filter(lambda one: one * 10_000 % 50).map(str)
#: Year, month and day that are none of the calendar.
no_dates = st.one_of(
    st.tuples(st.integers(-(2**31), 0) | st.integers(10_000, 2**31 - 1), st.just(1), st.just(1)),
    st.tuples(st.just(2026), st.integers(-(2**31), 0) | st.integers(13, 2**31 - 1), st.just(1)),
    st.tuples(st.just(2026), st.just(2), st.integers(-(2**31), 0) | st.integers(29, 2**31 - 1)),
)
negative_int32 = st.integers(-(2**31), -1)
negative_int64 = st.integers(-(2**63), -1)
no_choices = st.integers(4, 2**31 - 1) | negative_int32


def choices_above(last: int) -> "st.SearchStrategy[object]":
    """Numbers that an enum with so many values does not have."""
    return st.integers(last + 1, 2**31 - 1) | negative_int32


def too_many(count: int) -> "st.SearchStrategy[object]":
    """Lists that are too long."""
    return st.integers(count + 1, count + 20).map(Entries)
