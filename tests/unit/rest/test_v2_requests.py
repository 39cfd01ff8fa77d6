"""Requests of HTTP are the messages that the contract's rules make them; what is none is told."""

import json
from collections.abc import Mapping
from contextlib import suppress

import pytest
from globeco.ordergen.v1 import model_pb2
from globeco.ordergen.v1 import model_service_pb2 as pb
from google.api import annotations_pb2
from google.protobuf.field_mask_pb2 import FieldMask
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st

from ordergen_server.rest.answering.rpc_errors import malformed
from ordergen_server.rest.v2.bindings import SERVICES, Binding, bindings
from ordergen_server.rest.v2.requests import MalformedRequest, message_from
from tests.contract_messages import http_request, routable

BINDINGS = {one.method.name: one for one in bindings()}
MODEL = "68a1c0ffee0000000000beef"
NO_HEADERS: Mapping[str, str] = {}


def read(
    name: str, body: str | bytes = b"", query: str = "", headers: Mapping[str, str] = NO_HEADERS
) -> Message:
    """The message of an RPC's request whose path names MODEL."""
    binding = BINDINGS[name]
    raw = body.encode("utf-8", "surrogatepass") if isinstance(body, str) else body
    return message_from(binding, raw, query.encode(), dict.fromkeys(binding.variables, MODEL), headers)


def broken(
    name: str, body: str | bytes = b"", query: str = "", headers: Mapping[str, str] = NO_HEADERS
) -> list[tuple[str, str]]:
    with pytest.raises(MalformedRequest) as raised:
        read(name, body, query, headers)
    return [(one.subject, one.rule) for one in raised.value.violations]


def test_every_rpc_with_a_rule_has_its_route() -> None:
    methods = [method for service in SERVICES for method in service.methods]
    ruled = {m.name for m in methods if m.GetOptions().Extensions[annotations_pb2.http].WhichOneof("pattern")}
    assert set(BINDINGS) == ruled == {method.name for method in methods}


@pytest.mark.parametrize("binding", BINDINGS.values(), ids=BINDINGS)
@settings(max_examples=100)
@given(data=st.data())
def test_a_message_is_the_same_after_its_way_through_http(binding: Binding, data: st.DataObject) -> None:
    method = binding.method
    message = data.draw(routable(method))
    sent = http_request(method, message, camel=data.draw(st.booleans()))
    assert sent.verb == binding.verb
    assert message_from(binding, sent.body, sent.query.encode(), sent.variables, NO_HEADERS) == message


@settings(max_examples=500)
@given(body=st.binary(max_size=60), query=st.binary(max_size=30))
def test_bytes_of_any_kind_are_a_message_or_malformed(body: bytes, query: bytes) -> None:
    for binding in BINDINGS.values():
        with suppress(MalformedRequest):
            message_from(binding, body, query, dict.fromkeys(binding.variables, MODEL), NO_HEADERS)


_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(
        ["model", "options", "positions", "target", "value", "name", "version", "strategy", "solver_timeout"]
    ) | st.text(max_size=3), inner, max_size=3),
    max_leaves=12,
)  # fmt: skip


@settings(max_examples=500)
@given(content=_JSON, name=st.sampled_from(sorted(BINDINGS)))
def test_json_of_any_kind_is_a_message_or_malformed(content: object, name: str) -> None:
    try:
        read(name, json.dumps(content))
    except MalformedRequest as error:
        assert malformed(error.violations).status_code == 400  # noqa: PT017 - not every one is malformed


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ('{"model": {"nmae": "x"}}', ("model.nmae", "is not a field of Model")),
        ('{"model": {"positions": [{"target": {"value": 0.1}}]}}',
         ("model.positions[0].target.value", "must be a string of Unicode text")),
        ('{"model": {"version": 9223372036854775808}}',
         ("model.version", "must be an integer of 64 bits, as a string or a number")),
        ('{"model": {"version": "1_0"}}',
         ("model.version", "must be an integer of 64 bits, as a string or a number")),
        ('{"model": {"version": true}}',
         ("model.version", "must be an integer of 64 bits, as a string or a number")),
        ('{"model": []}', ("model", "must be a JSON object")),
        ('{"model": ""}', ("model", "must be a JSON object")),
        ('{"model": {"positions": {}}}', ("model.positions", "must be a JSON array")),
        ('{"model": {"positions": [null]}}', ("model.positions[0]", "must be a JSON object")),
        ('{"model": {"create_time": "yesterday"}}', ("", "Failed to parse model field")),
        ('{"model": {"create_time": 5}}', ("model.create_time", "must be a time such as 2026-11-25")),
        ('{"request_id": {"\\ud800": 1}}', ("request_id", "must be a string of Unicode text")),
        ('{"model": {"name": "a", "name": "b"}}', ("name", "is given twice")),
        ('{"model": {"portfolioIds": [], "portfolio_ids": []}}', ("model.portfolio_ids", "is given twice")),
        ('{"model": {"name": "\\ud800"}}', ("model.name", "must be a string of Unicode text")),
        ('{"\\ud800": 1}', ("\\ud800", "is not a field of CreateModelRequest")),
        ('{"model": {"name": NaN}}', ("", "the body is not JSON: NaN is no number")),
        ("[]", ("", "must be a JSON object")),
        ("null", ("", "must be a JSON object")),
        ("{", ("", "the body is not JSON: ")),
        (b'{"model": {"name": "\xff"}}', ("", "the body is not JSON: 'utf-8' codec")),
        ("\ufeff{}", ("", "the body is not JSON: ")),
        ("[" * 100_000, ("", "the body is nested too deep")),
        ('{"request_id": ' + "9" * 5000 + "}", ("", "the body is not JSON: ")),
    ],
)  # fmt: skip
def test_what_is_wrong_is_named(body: str | bytes, expected: tuple[str, str]) -> None:
    [(subject, rule)] = broken("CreateModel", body)
    assert subject == expected[0]
    assert rule.startswith(expected[1])


def test_everything_that_is_wrong_is_named_at_once() -> None:
    assert broken(
        "StartRebalance", '{"a": 1, "options": {"strategy": true, "lot_sizes": [{"shares": 1.5}]}}'
    ) == [
        ("a", "is not a field of StartRebalanceRequest"),
        ("options.strategy", "must be the name of a value, or its number"),
        ("options.lot_sizes[0].shares", "must be an integer of 64 bits, as a string or a number"),
    ]


@pytest.mark.parametrize(
    ("name", "query", "expected"),
    [
        ("ListModels", "limit=1", ("limit", "is not a parameter of this path")),
        ("ListModels", "page_size=1&page_size=2", ("page_size", "is given twice")),
        ("ListModels", "page_size=2147483648", ("page_size", "must be an integer of 32 bits")),
        ("ListModels", "page_size=", ("page_size", "must be an integer of 32 bits")),
        ("ListModels", "page_size.x=1", ("page_size.x", "is not a parameter of this path")),
        ("ListModels", "order_by=%FF", ("", "the query is not percent-encoded UTF-8")),
        ("GetModel", "model_id=1", ("model_id", "is not a parameter of this path: it stands elsewhere")),
        (
            "UpdateModel",
            "model.name=1",
            ("model.name", "is not a parameter of this path: it stands elsewhere"),
        ),
        ("AddPosition", "version=1", ("version", "is not a parameter of this path: it stands elsewhere")),
        ("WatchRebalance", "view=ALL", ("view", "must be the name of a value, or its number")),
    ],
)
def test_a_parameter_that_cannot_be_is_named(name: str, query: str, expected: tuple[str, str]) -> None:
    assert broken(name, query=query) == [expected]


def test_names_of_fields_are_taken_as_the_contract_writes_them_and_as_json_does() -> None:
    mask = FieldMask(paths=["name", "portfolio_ids"])
    for query in ("update_mask=name,portfolio_ids", "updateMask=name,portfolioIds"):
        model = model_pb2.Model(model_id=MODEL)
        assert read("UpdateModel", query=query) == pb.UpdateModelRequest(model=model, update_mask=mask)
    assert read("ListModels", query="pageSize=3") == pb.ListModelsRequest(page_size=3)


def test_the_body_may_say_what_the_path_says_and_nothing_else() -> None:
    assert read("AddPosition", json.dumps({"model_id": MODEL})) == read("AddPosition", "{}")
    assert broken("AddPosition", '{"model_id": "other"}') == [("model_id", "is not what the path says")]
    assert broken("UpdateModel", '{"model_id": "other"}') == [("model.model_id", "is not what the path says")]


def test_an_idempotency_key_is_the_request_id() -> None:
    key = {"idempotency-key": "k"}
    assert read("StartRebalance", headers=key) == read("StartRebalance", '{"request_id": "k"}')
    assert read("StartRebalance", '{"request_id": "k"}', headers=key) == read("StartRebalance", headers=key)
    assert broken("StartRebalance", '{"request_id": "l"}', headers=key) == [
        ("request_id", "is not what Idempotency-Key says")
    ]
    assert read("GetModel", headers=key) == read("GetModel")


def test_null_is_absent() -> None:
    assert read("AddPosition", '{"position": null, "version": null}') == read("AddPosition")
