"""What is refused of each field of each request, over the real port; and what lies just within its rule."""

import uuid
from collections.abc import Callable, Iterator
from functools import reduce
from pathlib import Path
from typing import Any

import pytest
from globeco.ordergen.v1 import (
    model_pb2,
    model_service_pb2,
    order_pb2,
    portfolio_settings_pb2,
    rebalance_pb2,
    rebalance_service_pb2,
)
from google.protobuf.message import Message
from google.protobuf.message_factory import GetMessageClass
from google.protobuf.timestamp_pb2 import Timestamp
from grpc import StatusCode
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.builders import MODEL_ID, RUN_ID, portfolio_id, security_id
from tests.e2e.api import Api, failure, served
from tests.e2e.request_fields import PAGE, Field, all_fields, page
from tests.e2e.request_values import Entries
from tests.limits import PATIENCE

Options = rebalance_pb2.RebalanceOptions
Restriction, LotSize = rebalance_pb2.Restriction, rebalance_pb2.LotSize
TESTS = Path(__file__).parents[1]
FIELDS = list(all_fields())
BREAKABLE = [field for field in FIELDS if field.rule.broken is not None]
#: What callers change of settings.
SETTINGS = (
    *("do_not_trade", "minimum_cash", "minimum_trade_value", "restrictions"),
    *("maximum_turnover_weight", "note", "security_limits"),
)
#: So many requests that break one rule; a fifth of them for every change (tests/limits.py).
REQUESTS = 10_000


@pytest.fixture(scope="module")
def api(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Api]:
    """One server for all of them: it answers on after each."""
    with served(mongodb_uri, f"ordergen-test-{uuid.uuid4().hex}", clean_siblings) as running:
        yield running


def number(message: Message, name: str, text: str) -> None:
    getattr(message, name).value = text


def valid(field: Field) -> Any:  # noqa: ANN401 - a request of whichever method
    """A request in which every field keeps its rule."""
    request: Any = GetMessageClass(field.method.input_type)()
    names = {one.name for one in field.method.input_type.fields}
    for name, value in (
        ("model_id", MODEL_ID),
        ("rebalance_id", RUN_ID),
        ("submission_id", RUN_ID),
        ("portfolio_id", portfolio_id(1)),
        ("version", 1),
    ):
        if name in names:
            setattr(request, name, value)
    if "model" in names:
        _fill_model(request.model)
    if "position" in names:
        _fill_position(request.position)
    if "portfolio_ids" in names:
        request.portfolio_ids.append(portfolio_id(1))
    if "draft_positions" in names:
        _fill_position(request.draft_positions.add())
        request.validate_only = True
    if "options" in names:
        _fill_options(request.options)
        _fill_flows(request, names)
    if "variants" in names:
        _fill_variants(request)
    _fill_texts(request, names & {"securities", "portfolios"})
    _fill_change(request, names)
    _fill_what_follows(request, names)
    return request


def _fill_change(request: Any, names: set[str]) -> None:  # noqa: ANN401 - whichever request
    if "portfolio_settings" in names:
        _fill_settings(request.portfolio_settings)
        request.update_mask.paths.extend(SETTINGS)
    elif "update_mask" in names:
        request.update_mask.paths.extend(["name", "positions", "portfolio_ids"])


def _fill_what_follows(request: Any, names: set[str]) -> None:  # noqa: ANN401 - one about a run that has ended
    if "decision" in names:
        request.decision, request.comment = order_pb2.REVIEW_DECISION_APPROVED, "x" * 4096
    if "filled_quantity" in names:
        request.security_id, request.transaction_type = security_id(1), rebalance_pb2.TRANSACTION_TYPE_BUY
        number(request, "filled_quantity", "1")


def _fill_model(model: model_pb2.Model) -> None:
    model.model_id, model.name, model.version = MODEL_ID, "Growth", 1
    _fill_position(model.positions.add())
    model.portfolio_ids.append(portfolio_id(1))


def _fill_settings(settings: portfolio_settings_pb2.PortfolioSettings) -> None:
    settings.portfolio_id, settings.version = portfolio_id(1), 1
    settings.do_not_trade.reason = "Closed."
    settings.restrictions.add(security_id=security_id(1), type=rebalance_pb2.RESTRICTION_TYPE_HOLD)
    _fill_weights(settings.security_limits.add(security_id=security_id(1)))


def _fill_position(position: model_pb2.Position) -> None:
    position.security_id = security_id(1)
    for name, text in (("target", "0.1"), ("low_drift", "0.05"), ("high_drift", "0.05")):
        number(position, name, text)


def _fill_texts(request: Any, names: set[str]) -> None:  # noqa: ANN401 - a request of whichever method
    for name in names:
        getattr(request, name).append("Growth")


def _fill_variants(request: rebalance_service_pb2.CompareOptionsRequest) -> None:
    for name in ("One", "Other"):
        variant = request.variants.add(name=name)
        _fill_options(variant.options)
        _fill_position(variant.draft_positions.add())


def _fill_options(options: Options) -> None:
    options.restrictions.add(security_id=security_id(1), type=rebalance_pb2.RESTRICTION_TYPE_HOLD)
    options.lot_sizes.add(security_id=security_id(1), shares=10)
    _fill_weights(options.security_limits.add(security_id=security_id(1)))
    _fill_weights(options.group_limits.add(name="Technology", security_ids=[security_id(1)]))


def _fill_weights(limit: rebalance_pb2.SecurityLimit | rebalance_pb2.GroupLimit) -> None:
    number(limit, "minimum_weight", "0.1")
    number(limit, "maximum_weight", "0.5")


def _fill_flows(request: Any, names: set[str]) -> None:  # noqa: ANN401 - one that begins a run
    if "cash_flow" in names:
        number(request, "cash_flow", "-5.25")
    else:
        number(request.cash_flows.add(portfolio_id=portfolio_id(1)), "amount", "1000")


def broken(field: Field, value: object) -> tuple[Message, str]:
    """A request in which one field breaks its rule, and the path that must be told."""
    request = valid(field)
    *above, name = field.path.split(".")
    owner = reduce(_below, above, request)
    plain = name.removesuffix("[]")
    path = field.path.replace("[]", "[0]")
    if isinstance(value, Entries):
        entries = getattr(owner, plain)
        sample = entries[0]
        del entries[:]
        entries.extend([sample] * value.count)
        # One too many, or two of the same, or none at all.
        same = "portfolio_id" if plain == "cash_flows" else "security_id"
        return request, path.removesuffix("[0]") if value.count != 2 else f"{path[:-3]}[1].{same}"
    if field.descriptor.is_repeated:
        getattr(owner, plain)[0] = value
    elif isinstance(value, tuple):
        parts = ("seconds", "nanos") if len(value) == 2 else ("year", "month", "day")
        for part, number_of_it in zip(parts, value, strict=True):
            setattr(getattr(owner, plain), part, number_of_it)
    elif field.descriptor.message_type:
        getattr(owner, plain).value = value
    else:
        setattr(owner, plain, value)
    return request, path


def _below(message: Any, name: str) -> Any:  # noqa: ANN401 - whichever message
    inner = getattr(message, name.removesuffix("[]"))
    return inner[0] if name.endswith("[]") else inner


def called(api: Api, field: Field, request: Message) -> Callable[[], object]:
    """The call of a field's method."""
    stubs = {
        "ModelService": api.models,
        "RebalanceService": api.rebalances,
        "ReferenceService": api.references,
    }
    method = getattr(stubs[field.method.containing_service.name], field.method.name)
    if field.method.server_streaming:
        return lambda: list(method(request, timeout=PATIENCE))
    return lambda: method(request, timeout=PATIENCE, metadata=(("x-actor", "ann"),))


def test_every_field_of_every_request_has_a_row() -> None:
    for field in FIELDS:
        assert field.rule.text, field.name


def test_every_row_names_a_test_that_there_is() -> None:
    for field in FIELDS:
        path, _, name = field.rule.test.partition("::")
        assert f"def {name}(" in (TESTS / path).read_text(), field.rule.test


def test_the_page_is_current() -> None:
    """Otherwise: python -m tests.e2e.request_fields."""
    assert PAGE.read_text() == page()


@settings(max_examples=REQUESTS, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(st.data())
def test_no_request_that_breaks_one_rule_is_taken(api: Api, data: st.DataObject) -> None:
    field = data.draw(st.sampled_from(BREAKABLE))
    assert field.rule.broken is not None
    request, path = broken(field, data.draw(field.rule.broken))
    found = failure(called(api, field, request))
    assert (found.code, found.info.reason) == (StatusCode.INVALID_ARGUMENT, "INVALID_ARGUMENT"), field.name
    assert path in found.fields, field.name
    assert found.message.startswith(found.fields[0])


@pytest.mark.parametrize("field", BREAKABLE, ids=lambda field: field.name)
def test_what_is_valid_is_not_refused_as_broken(api: Api, field: Field) -> None:
    """So that it is the broken field which is told above: the model and the run are merely not there."""
    answered = {"ListModels", "ListRebalances", "ListPortfolioSettings"}
    if field.method.name in answered | {"ResolveSecurities", "ResolvePortfolios"}:
        assert called(api, field, valid(field))()
    elif field.method.name == "UpdatePortfolioSettings":  # there are none, whose version is 0
        assert failure(called(api, field, valid(field))).code is StatusCode.ABORTED
    elif field.method.name != "CreateModel":
        assert failure(called(api, field, valid(field))).code is StatusCode.NOT_FOUND


def test_what_must_be_there_is_told_by_its_own_required_fields(api: Api) -> None:
    service, position, target = model_service_pb2, "position.security_id", "position.target"
    calls: list[tuple[Message, Callable[..., object], list[str]]] = [
        (service.CreateModelRequest(), api.models.CreateModel, ["model.name"]),
        (
            service.UpdateModelRequest(),
            api.models.UpdateModel,
            ["model.model_id", "model.name", "model.version"],
        ),
        (service.AddPositionRequest(model_id=MODEL_ID), api.models.AddPosition, [position, target]),
        (service.UpdatePositionRequest(model_id=MODEL_ID), api.models.UpdatePosition, [position, target]),
        (service.RemovePositionRequest(model_id=MODEL_ID), api.models.RemovePosition, [position]),
    ]
    for request, method, paths in calls:
        found = failure(lambda call=method, sent=request: call(sent, timeout=PATIENCE))  # type: ignore[misc]
        assert found.code is StatusCode.INVALID_ARGUMENT
        assert sorted(found.fields) == paths


def test_what_the_server_gives_is_not_taken_from_a_caller(api: Api) -> None:
    long_ago = Timestamp(seconds=1)
    given_by_caller = model_pb2.Model(
        name=uuid.uuid4().hex,
        model_id=MODEL_ID,
        version=77,
        create_time=long_ago,
        update_time=long_ago,
        last_rebalance_time=long_ago,
        update_actor="somebody else",
    )
    created = api.create(given_by_caller)
    assert created.model_id != MODEL_ID
    assert created.version == 1
    assert created.create_time.seconds > 1
    assert created.create_time == created.update_time
    assert not created.HasField("last_rebalance_time")
    assert created.update_actor == ""


def test_an_option_of_a_newer_contract_is_not_passed_over(api: Api) -> None:
    """Field 99 of the options, of their minimum cash and of the request: each is named."""
    newer = bytes([0x98, 0x06, 0x01])
    for method, path in (
        (api.rebalances.RebalancePortfolio, "99"),
        (api.rebalances.RebalancePortfolio, "options.99"),
        (api.rebalances.RebalancePortfolio, "options.minimum_cash.99"),
        (api.rebalances.StartRebalance, "options.99"),
    ):
        request: Any = (
            rebalance_service_pb2.StartRebalanceRequest(model_id=MODEL_ID)
            if method is api.rebalances.StartRebalance
            else rebalance_service_pb2.RebalancePortfolioRequest(portfolio_id=portfolio_id(1))
        )
        owner = reduce(getattr, path.split(".")[:-1], request)
        owner.MergeFromString(newer)
        found = failure(lambda call=method, sent=request: call(sent, timeout=PATIENCE))  # type: ignore[misc]
        assert (found.code, found.info.reason) == (StatusCode.UNIMPLEMENTED, "UNSUPPORTED")
        assert found.info.metadata == {"feature": path}


def test_a_floor_is_not_dropped_for_an_overdraft_that_is_sent_with_it(api: Api) -> None:
    """By protobuf the last of them would count, and nobody would hear of the other."""
    kept = Options()
    number(kept.minimum_cash, "amount", "100")
    floor = kept.SerializeToString()
    overdraft = Options(allow_overdraft=False).SerializeToString()
    call: Any = api.channel.unary_unary("/globeco.ordergen.v1.RebalanceService/RebalancePortfolio")
    for options, path in (
        (floor + overdraft, "options.allow_overdraft"),
        (overdraft + floor, "options.minimum_cash"),
    ):
        body = inside(2, options)
        found = failure(lambda body=body: call(body, timeout=PATIENCE))  # type: ignore[misc]
        assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, [path])


@pytest.mark.parametrize(
    "body",
    [b"\xff", b"\x0a\x05ab", b"\x0a\x02\xff\xfe", b"\x0b", b"\x08", b"\x0a" + b"\xff" * 12, b"\x09\x01"],
    ids=["tag", "cut off", "no UTF-8", "group", "no value", "length", "fixed"],
)
def test_a_body_that_is_no_message(api: Api, body: bytes) -> None:
    call = api.channel.unary_unary(
        "/globeco.ordergen.v1.ModelService/GetModel",
        request_serializer=lambda raw: raw,
        response_deserializer=model_pb2.Model.FromString,
    )
    found = failure(lambda: call(body, timeout=PATIENCE))
    assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, ["request"])
    assert "globeco.ordergen.v1.GetModelRequest" in found.message


def test_masses_are_refused_before_they_are_parsed(api: Api) -> None:
    """Lists that took a minute of processor time, or gigabytes; told by the first bound that they break."""
    restriction = Restriction(security_id=security_id(1), type=rebalance_pb2.RESTRICTION_TYPE_HOLD)
    portfolio, create = "RebalanceService/RebalancePortfolio", "ModelService/CreateModel"
    for method, body, path in (
        (portfolio, inside(2, Options(restrictions=[restriction] * 100_000)), "options.restrictions"),
        (create, inside(1, b"\x1a\x00" * 1_900_000), "model.positions"),
        (create, inside(1, b"\x30\x01" * 1_000_000), "request"),
    ):
        call: Any = api.channel.unary_unary(f"/globeco.ordergen.v1.{method}")
        found = failure(lambda call=call, body=body: call(body, timeout=PATIENCE))  # type: ignore[misc]
        assert (found.code, found.fields) == (StatusCode.INVALID_ARGUMENT, [path])


def inside(field: int, body: bytes | Message) -> bytes:
    """A message within a field of another, as protobuf writes it."""
    raw = body if isinstance(body, bytes) else body.SerializeToString()
    return bytes([field << 3 | 2]) + _length(len(raw)) + raw


def _length(count: int) -> bytes:
    """A count as protobuf writes it."""
    groups = []
    while count > 0x7F:
        groups.append(count & 0x7F | 0x80)
        count >>= 7
    return bytes([*groups, count])
