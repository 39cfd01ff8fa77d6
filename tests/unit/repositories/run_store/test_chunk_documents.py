"""Chunks of a run: so many portfolios, and fewer where their settings need the room of a document."""

from typing import cast

import pytest

from ordergen_server.repositories.run_store.chunk_documents import SETTINGS_BYTES, chunk_documents
from tests.builders import NOW, RUN_ID

IDS = [str(number) for number in range(7)]
HALF = SETTINGS_BYTES // 2


@pytest.mark.parametrize(
    ("settings", "parts"),
    [
        ({}, ["012", "345", "6"]),
        ({"9": SETTINGS_BYTES}, ["012", "345", "6"]),
        (dict.fromkeys(IDS, SETTINGS_BYTES // 3), ["012", "345", "6"]),
        (dict.fromkeys(IDS, HALF), ["01", "23", "45", "6"]),
        (dict.fromkeys(IDS, HALF + 1), list("0123456")),
        (dict.fromkeys(IDS, SETTINGS_BYTES + 1), list("0123456")),
        ({"1": HALF + 1, "4": SETTINGS_BYTES}, ["012", "345", "6"]),
        ({"1": HALF + 1, "2": HALF, "6": 1}, ["01", "234", "56"]),
    ],
)
def test_chunks_end_where_they_are_full(settings: dict[str, int], parts: list[str]) -> None:
    packed = {key: b"x" * size for key, size in settings.items()}
    found = chunk_documents(RUN_ID, IDS, 3, NOW, 10, settings=packed)
    assert ["".join(cast("list[str]", one["portfolio_ids"])) for one in found] == parts
    assert [(one["number"], one["origin"], one["stride"]) for one in found] == [
        (10 + place, place, len(parts)) for place in range(len(parts))
    ]
    for one, part in zip(found, parts, strict=True):
        own = {key: packed[key] for key in part if key in packed}
        assert one.get("settings", {}) == own


def test_a_run_of_no_portfolios_has_no_chunks() -> None:
    assert chunk_documents(RUN_ID, [], 3, NOW) == []
