"""Bytes become the request that protobuf reads in them, or an error; never anything else."""

import pytest
from globeco.ordergen.v1 import model_service_pb2, order_pb2
from google.protobuf.descriptor import MethodDescriptor
from google.protobuf.message import DecodeError
from google.protobuf.message_factory import GetMessageClass
from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.api.calls import SERVICES
from ordergen_server.api.messages.requests import MAXIMUM_ENTRIES, MAXIMUM_FIELDS, decoder
from ordergen_server.domain.errors import InvalidArgument, OrderGenerationError, Unsupported

METHODS = [method for service in SERVICES for method in service.methods]
CREATE, REVIEW = (
    next(method for method in METHODS if method.name == name) for name in ("CreateModel", "ReviewRebalance")
)
SENT = "as stubs of our protos send it"


@st.composite
def fields(draw: st.DrawFn, depth: int = 3) -> bytes:
    """Fields as protobuf writes them: known and unknown, of any type but groups, nested, some cut off."""
    raw = b""
    for _ in range(draw(st.integers(0, 4))):
        number, wire_type = draw(st.integers(1, 15)), draw(st.sampled_from([0, 1, 2, 2, 2, 5]))
        raw += bytes([number << 3 | wire_type])
        if wire_type == 0:
            raw += draw(st.sampled_from([b"\x01", b"\xff\x01", b"\x80" * 9 + b"\x01", b"\x80" * 11, b"\x80"]))
        elif wire_type == 2:
            body = draw(fields(depth - 1)) if depth else draw(st.binary(max_size=8))
            raw += bytes([min(127, len(body) + draw(st.sampled_from([0, 0, 0, 1])))]) + body[:127]
        else:
            raw += draw(st.binary(max_size=8))
    return raw


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(METHODS), fields())
def test_what_protobuf_reads_is_the_request_and_what_it_does_not_is_an_error(
    method: MethodDescriptor, raw: bytes
) -> None:
    found = decoder(method)(raw)
    if isinstance(found, InvalidArgument) and "together" in found.message:
        return  # of what excludes each other protobuf takes the last
    try:
        expected = GetMessageClass(method.input_type).FromString(raw)
    except DecodeError:
        assert refused(found) == [("request", f"must be a {method.input_type.full_name}, {SENT}")]
    else:
        assert found == expected or isinstance(found, Unsupported)


@settings(max_examples=500, deadline=None)
@given(st.sampled_from(METHODS), st.binary(max_size=64))
def test_bytes_of_any_kind_are_a_request_or_an_error(method: MethodDescriptor, raw: bytes) -> None:
    assert isinstance(decoder(method)(raw), GetMessageClass(method.input_type) | OrderGenerationError)


def refused(error: object) -> list[tuple[str, str]]:
    assert isinstance(error, OrderGenerationError)
    return [(one.subject, one.rule) for one in error.violations]


def test_every_repeated_field_of_a_request_has_a_bound() -> None:
    """Otherwise decoding it fails with a KeyError."""
    for method in METHODS:
        decoder(method)(b"")
    assert {name for name in MAXIMUM_ENTRIES if ".Model." in name} == {
        "globeco.ordergen.v1.Model.positions",
        "globeco.ordergen.v1.Model.portfolio_ids",
    }


@pytest.mark.parametrize("parts", [1, 2])
def test_entries_are_counted_over_all_parts_of_a_message(parts: int) -> None:
    """Protobuf merges what is sent of one field in several parts."""

    def sent(count: int) -> bytes:
        body = b"\x1a\x00" * (count // parts)
        return (b"\x0a" + bytes([len(body) & 0x7F | 0x80, len(body) >> 7]) + body) * parts

    assert not isinstance(decoder(CREATE)(sent(100)), OrderGenerationError)
    assert refused(decoder(CREATE)(sent(102))) == [("model.positions", "must have at most 100 entries")]


def test_fields_are_counted_all_together() -> None:
    assert not isinstance(decoder(CREATE)(b"\x30\x01" * MAXIMUM_FIELDS), OrderGenerationError)
    assert refused(decoder(CREATE)(b"\x30\x01" * (MAXIMUM_FIELDS + 1))) == [
        ("request", "must have at most 320,000 fields in all")
    ]


def test_a_comment_may_be_longer_than_other_texts() -> None:
    decode = decoder(REVIEW)

    def said(comment: str) -> object:
        return decode(order_pb2.ReviewRebalanceRequest(comment=comment).SerializeToString())

    assert not isinstance(said("x" * 4096), OrderGenerationError)
    assert refused(said("x" * 4097)) == [("comment", "must have at most 4,096 bytes, not 4,097")]


def test_what_a_newer_contract_has_of_a_review_is_not_passed_over() -> None:
    assert isinstance(decoder(REVIEW)(bytes([0x98, 0x06, 0x01])), Unsupported)


def test_a_text_is_counted_in_bytes() -> None:
    def named(name: str) -> object:
        request = model_service_pb2.CreateModelRequest()
        request.model.name = name
        return decoder(CREATE)(request.SerializeToString())

    assert not isinstance(named("\N{GRINNING FACE}" * 256), OrderGenerationError)
    assert refused(named("\N{GRINNING FACE}" * 257)) == [
        ("model.name", "must have at most 1,024 bytes, not 1,028")
    ]
