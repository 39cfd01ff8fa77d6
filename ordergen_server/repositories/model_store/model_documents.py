"""Models as they are stored."""

from functools import lru_cache

from bson import decode
from bson.raw_bson import RawBSONDocument

from ordergen_server.domain.models import Model
from ordergen_server.repositories.mongodb.codec import CODEC_OPTIONS, Document
from ordergen_server.repositories.mongodb.documents import from_document, take_id

#: Models kept as values, and the bytes that a kept one has at most; in memory it takes some 80 kB then.
KEPT_MODELS, KEPT_BYTES = 256, 32 * 1024


#: The projection that leaves out portfolios, and what is remembered of changes.
WITHOUT_PORTFOLIOS = {"portfolio_ids": 0, "change_ids": 0}


def model_of(document: Document) -> Model:
    """The model of a document; without portfolios where it was read `WITHOUT_PORTFOLIOS`."""
    flat = {"portfolio_ids": [], **take_id(document, "model_id")}
    return from_document({**flat, "content": flat}, Model)


def stored_model(document: RawBSONDocument) -> Model:
    """The model of a document that the driver has not decoded."""
    stored = bytes(document.raw)  # no view of a whole batch, which would be kept with it
    return _kept_model(stored) if len(stored) <= KEPT_BYTES else _decoded(stored)


def _decoded(stored: bytes) -> Model:
    return model_of(decode(stored, CODEC_OPTIONS))


# Models are read far more often than changed, and decoding one costs more than reading it: what was
# decoded before is known by its bytes, so no change can be missed.
_kept_model = lru_cache(maxsize=KEPT_MODELS)(_decoded)
