"""Bytes of every kind are records, or unreadable, and nothing else."""

from datetime import date

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from ordergen_server.siblings.calling.failures import Unreadable
from ordergen_server.siblings.reading.documents import day, decoded, records

TRUE = b'[{"ticker": "A \\"NaN\\" \\\\", "close": NaN}, {"ticker": "-Infinity", "close": [1, -Infinity]}]'


def test_bare_words_become_strings_and_strings_stay_what_they_are() -> None:
    assert [bytes(each) for each in records(TRUE)] == [
        b'{"ticker": "A \\"NaN\\" \\\\", "close": "NaN"}',
        b'{"ticker": "-Infinity", "close": [1, "-Infinity"]}',
    ]


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"", "answered what is not JSON: Input data was truncated"),
        (b"[" * 100_000, "answered what is not JSON: nested too deeply"),
        (b'[{"a": tru}]', "answered what is not JSON: JSON is malformed: invalid character (byte 8)"),
        (b'{"prices": []}', "answered no list: Expected `array`, got `object`"),
        (b"null", "answered no list: Expected `array`, got `null`"),
    ],
)
def test_what_is_no_list_is_unreadable(body: bytes, reason: str) -> None:
    with pytest.raises(Unreadable) as caught:
        records(body)
    assert reason == caught.value.reason


@given(st.binary(max_size=60), st.integers(0, len(TRUE)), st.integers(0, 20))
def test_nothing_else_comes_of_any_bytes(noise: bytes, place: int, cut: int) -> None:
    """Noise alone, and noise in the middle of a true answer."""
    decoder = msgspec.json.Decoder(dict[str, msgspec.Raw])
    for body in (noise, TRUE[:place] + noise + TRUE[place + cut :]):
        try:
            found = records(body)
        except Unreadable:
            continue
        for raw in found:
            try:
                decoded(bytes(raw), decoder)
            except (Unreadable, msgspec.ValidationError):
                continue


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        (b'"2014-12-12"', date(2014, 12, 12)),
        (b'"2024-02-29"', date(2024, 2, 29)),
        *[
            (one, None)
            for one in (
                b"",
                b"null",
                b'""',
                b"20141212",
                b'"20141212"',
                b'"2023-02-29"',
                b'"2014-12-12T00:00:00Z"',
                b'"0000-01-01"',
                b'"yesterday"',
                b'["2014-12-12"]',
                '"\u0662\u0660\u0661\u0664-12-12"'.encode(),
            )
        ],
    ],
)
def test_a_day_is_a_day_or_it_is_not_known(sent: bytes, expected: date | None) -> None:
    assert day(msgspec.Raw(sent)) == expected
