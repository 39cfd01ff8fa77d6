"""Models as they are stored."""

from functools import lru_cache

from bson import decode
from bson.raw_bson import RawBSONDocument

from ordergen_server.domain.models import Model
from ordergen_server.repositories.database import CODEC_OPTIONS, Document
from ordergen_server.repositories.documents import from_document, take_id

#: Models kept as values, some 60 kB each at most.
KEPT_MODELS = 256


def model_of(document: Document) -> Model:
    """The model of a document."""
    flat = take_id(document, "model_id")
    return from_document({**flat, "content": flat}, Model)


def stored_model(document: RawBSONDocument) -> Model:
    """The model of a document that the driver has not decoded."""
    return _model_of_bytes(document.raw)


# Models are read far more often than changed, and decoding one costs more than reading it: what was
# decoded before is known by its bytes, so no change can be missed.
@lru_cache(maxsize=KEPT_MODELS)
def _model_of_bytes(stored: bytes) -> Model:
    return model_of(decode(stored, CODEC_OPTIONS))
