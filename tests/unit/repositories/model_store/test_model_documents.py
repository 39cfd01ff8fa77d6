"""Models from the bytes that are stored."""

from dataclasses import replace
from datetime import datetime
from decimal import Decimal

import pytest
from bson import ObjectId, encode
from bson.raw_bson import RawBSONDocument

from ordergen_server.domain.models import ModelContent, Position
from ordergen_server.repositories.model_store.model_documents import KEPT_BYTES, model_of, stored_model
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS
from ordergen_server.repositories.mongodb.documents import to_document
from tests.builders import MODEL_ID, NOW, content, model, portfolio_id, position, security_id


def stored(given: ModelContent, version: int = 3) -> RawBSONDocument:
    document = {
        "_id": ObjectId(MODEL_ID),
        **to_document(given),
        "version": version,
        "create_time": NOW,
        "update_time": NOW,
        "change_ids": [ObjectId()],
    }
    return RawBSONDocument(encode(document, codec_options=CODEC_OPTIONS))


def test_a_model_comes_back_as_it_was() -> None:
    positions = (position(1), position(2, "0.2"))
    assert model(*positions) == stored_model(stored(content(positions=positions)))


def test_the_same_bytes_are_decoded_once() -> None:
    document = stored(content())
    assert stored_model(document) is stored_model(RawBSONDocument(bytes(bytearray(document.raw))))


def test_no_change_is_missed() -> None:
    """Not a change of the version alone, nor of digits that leave the number what it is."""
    one = Decimal("0.1")
    texts = []
    for drift in (one, Decimal("0.10")):
        for version in (3, 4):
            given = content(positions=(Position(security_id(1), one, one, drift),))
            found = stored_model(stored(given, version))
            texts.append((found.version, str(found.positions[0].high_drift)))
    expected = [(3, "0.1"), (4, "0.1"), (3, "0.10"), (4, "0.10")]
    assert expected == texts


def test_bytes_and_documents_are_the_same_model() -> None:
    document = stored(content())
    decoded = {**document, **to_document(content())}
    assert model_of(decoded).content == stored_model(document).content


def test_a_very_large_model_is_not_kept() -> None:
    document = stored(content(portfolio_ids=tuple(map(portfolio_id, range(1000)))))
    assert len(document.raw) > KEPT_BYTES
    first, second = stored_model(document), stored_model(document)
    assert first == second
    assert first is not second


@pytest.mark.parametrize("time", [None, NOW])
def test_the_time_that_a_server_of_before_has_stored_is_read(time: datetime | None) -> None:
    document = {**stored(content()), "last_rebalance_time": time}
    found = stored_model(RawBSONDocument(encode(document)))
    assert found == replace(stored_model(stored(content())), last_rebalance_time=time)
