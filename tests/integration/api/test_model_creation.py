"""CreateModel, GetModel and DeleteModel over the wire."""

import time
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from globeco.ordergen.v1 import model_pb2
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub
from google.protobuf import empty_pb2, field_mask_pb2

from ordergen_server.api.messages.numbers import NUMBER_RULE
from ordergen_server.domain.requests.ids import USED_BEFORE
from tests.builders import security_id
from tests.integration.api.model_calls import (
    attempt,
    create,
    failure,
    get,
    line,
    lines,
    model,
    new_portfolios,
    no_model,
    outdated,
    pb,
    refused,
    taken,
)

NO_MODEL = "0123456789abcdef01234567"
TOO_LONG = "x" * 256
ENTITY_ID = "must be exactly 24 alphanumeric characters"


def test_a_model_is_answered_as_stored(service: ModelServiceStub) -> None:
    portfolios = new_portfolios(2)
    before = time.time()
    created = create(service, model("As stored", portfolios=portfolios))
    assert get(service, created.model_id) == created
    assert len(created.model_id) == 24
    assert (created.name, list(created.portfolio_ids), created.version) == ("As stored", portfolios, 1)
    assert lines(created) == [
        (security_id(1), "0.1", "0.05", "0.05"),
        (security_id(2), "0.2", "0.05", "0.05"),
    ]
    assert created.create_time == created.update_time
    assert abs(created.create_time.ToNanoseconds() / 1e9 - before) < 60
    assert not created.HasField("last_rebalance_time")


def test_what_the_server_gives_is_ignored_in_a_new_model(service: ModelServiceStub) -> None:
    given = model(model_id=NO_MODEL, version=7)
    given.last_rebalance_time.FromJsonString("2020-01-01T00:00:00Z")
    given.create_time.FromJsonString("2020-01-01T00:00:00Z")
    created = create(service, given)
    assert created.model_id != NO_MODEL
    assert created.version == 1
    assert not created.HasField("last_rebalance_time")
    assert created.create_time.ToSeconds() > given.create_time.ToSeconds()


def test_positions_of_target_zero_are_dropped(service: ModelServiceStub) -> None:
    created = create(service, model(positions=[line(1, "0"), line(2, "0.2"), line(3, "0.000")]))
    assert [one[0] for one in lines(created)] == [security_id(2)]
    assert get(service, created.model_id) == created


@pytest.mark.parametrize("positions", [[], [line(1, "0.95")], [line(n, "0.005") for n in range(100)]])
def test_a_model_at_the_limits_is_accepted(
    service: ModelServiceStub, positions: list[model_pb2.Position]
) -> None:
    assert len(create(service, model(positions=positions)).positions) == len(positions)


def test_numbers_keep_their_digits(service: ModelServiceStub) -> None:
    drift = "0." + "1" * 30
    created = create(service, model(positions=[line(1, "0.1000", "", drift), line(2, "5E-3", "1e-30", "1")]))
    assert lines(get(service, created.model_id)) == [
        (security_id(1), "0.1000", "0", drift),
        (security_id(2), "0.005", "0." + "0" * 29 + "1", "1"),
    ]


def test_a_name_may_have_255_characters_of_any_script(service: ModelServiceStub) -> None:
    name = "証" * 254 + "\U0001f4c8"
    assert create(service, model(name)).name == name


@pytest.mark.parametrize(
    ("broken", "violations"),
    [
        (model(""), [("model.name", "must not be blank, not ''")]),
        (model(" \t\n"), [("model.name", "must not be blank, not ' \\t\\n'")]),
        (model(TOO_LONG), [("model.name", "must have at most 255 characters, not 256")]),
        (
            model(positions=[line("short"), line("SECURITY0000000000000-01")]),
            [
                (
                    f"model.positions[{n}].security_id",
                    f"{ENTITY_ID}, not {id_!r}",
                )
                for n, id_ in enumerate(["short", "SECURITY0000000000000-01"])
            ],
        ),
        (
            model(positions=[line(1, "")]),
            [("model.positions[0].target", "must be given")],
        ),
        (
            model(positions=[line(1, "0.001"), line(2, "-0.005"), line(3, "0.955"), line(4, "NaN")]),
            [
                ("model.positions[3].target", f"{NUMBER_RULE}, not 'NaN'"),
                ("model.positions[0].target", "must be a multiple of 0.005, not 0.001"),
                ("model.positions[1].target", "must be from 0 to 0.95, not -0.005"),
                ("model.positions[2].target", "must be from 0 to 0.95, not 0.955"),
                ("model.positions", "must have targets that add up to at most 0.95, not 0.951"),
            ],
        ),
        (
            model(positions=[line(1, "0.1", "-0.1", "1.1"), line(2, "0.1", "0.3", "0.2")]),
            [
                ("model.positions[0].low_drift", "must be from 0 to 1, not -0.1"),
                ("model.positions[0].high_drift", "must be from 0 to 1, not 1.1"),
                ("model.positions[1].low_drift", "must not exceed high_drift (0.2), not 0.3"),
            ],
        ),
        (
            model(positions=[line(1, "0.1", "1e"), line(2, "0.1", "0", "0." + "1" * 35)]),
            [
                ("model.positions[0].low_drift", f"{NUMBER_RULE}, not '1e'"),
                (
                    "model.positions[1].high_drift",
                    f"{NUMBER_RULE}, not '0.{'1' * 35}'",
                ),
            ],
        ),
        (
            model(positions=[line(1), line(2), line(1, "0.2")]),
            [("model.positions[2].security_id", f"must be in the model only once, not {security_id(1)!r}")],
        ),
        (
            model(positions=[line(1, "0.5"), line(2, "0.455")]),
            [("model.positions", "must have targets that add up to at most 0.95, not 0.955")],
        ),
        (
            model(positions=[line(n, "0.005") for n in range(101)]),
            [("model.positions", "must have at most 100 entries")],
        ),
        (
            model(portfolios=["no", "P" * 24, "P" * 24]),
            [
                ("model.portfolio_ids[0]", "must be exactly 24 alphanumeric characters, not 'no'"),
                ("model.portfolio_ids[2]", f"must be in the model only once, not {'P' * 24!r}"),
            ],
        ),
        (
            model(portfolios=range(100_001)),
            [("model.portfolio_ids", "must have at most 100,000 entries")],
        ),
    ],
)
def test_a_broken_rule_is_told_with_its_path_and_value(
    service: ModelServiceStub, broken: model_pb2.Model, violations: list[tuple[str, str]]
) -> None:
    assert failure(lambda: create(service, broken)) == refused(violations)


def test_all_broken_rules_are_told_at_once(service: ModelServiceStub) -> None:
    broken = model("", [line("x", "0.001", "0.3", "0.2")], ["y"])
    request = pb.CreateModelRequest(model=broken, request_id="1")
    told = failure(lambda: service.CreateModel(request))
    assert told.paths == [
        "model.name",
        "model.positions[0].security_id",
        "model.positions[0].target",
        "model.positions[0].low_drift",
        "model.portfolio_ids[0]",
        "request_id",
    ]


def test_of_many_broken_rules_the_first_are_told_and_the_others_counted(service: ModelServiceStub) -> None:
    told = failure(lambda: create(service, model(positions=[line(n, "0.001") for n in range(100)])))
    assert len(told.violations) + int(told.metadata["more_violations"]) == 100
    assert 20 <= len(told.violations) <= 32


def test_a_name_is_taken_once(service: ModelServiceStub) -> None:
    first = create(service)
    assert failure(lambda: create(service, model(first.name))) == taken("Model", first.name, first.model_id)


def test_a_portfolio_belongs_to_one_model(service: ModelServiceStub) -> None:
    portfolios = new_portfolios(3)
    first = create(service, model(portfolios=portfolios[1:]))
    told = failure(lambda: create(service, model(portfolios=portfolios[:2])))
    assert told == taken("Portfolio", portfolios[1], first.model_id)


def repeatable(message: model_pb2.Model, request_id: str | None = None) -> pb.CreateModelRequest:
    return pb.CreateModelRequest(model=message, request_id=request_id or str(uuid.uuid4()))


def test_the_same_request_creates_once(service: ModelServiceStub) -> None:
    request = repeatable(model(portfolios=new_portfolios(1)))
    first = service.CreateModel(request)
    assert service.CreateModel(request) == first


def test_the_same_request_in_the_other_case_creates_once(service: ModelServiceStub) -> None:
    request = repeatable(model())
    first = service.CreateModel(request)
    assert service.CreateModel(repeatable(request.model, request.request_id.upper())) == first


def test_the_same_request_id_with_another_body_is_refused(service: ModelServiceStub) -> None:
    request = repeatable(model())
    service.CreateModel(request)
    request.model.positions[0].target.value = "0.105"
    told = failure(lambda: service.CreateModel(request))
    assert told == refused([("request_id", USED_BEFORE)])


def test_a_repeated_request_answers_the_first_result_whatever_became_of_it(service: ModelServiceStub) -> None:
    request = repeatable(model())
    first = service.CreateModel(request)
    change = model(model_id=first.model_id, version=1)
    mask = field_mask_pb2.FieldMask(paths=["name"])
    service.UpdateModel(pb.UpdateModelRequest(model=change, update_mask=mask))
    assert service.CreateModel(request) == first
    service.DeleteModel(pb.DeleteModelRequest(model_id=first.model_id, version=2))
    assert service.CreateModel(request) == first
    assert failure(lambda: get(service, first.model_id)) == no_model(first.model_id)


def test_a_request_that_failed_may_be_repeated(service: ModelServiceStub) -> None:
    first = create(service)
    request = repeatable(model(first.name))
    told = failure(lambda: service.CreateModel(request))
    assert told == taken("Model", first.name, first.model_id)
    service.DeleteModel(pb.DeleteModelRequest(model_id=first.model_id, version=1))
    assert service.CreateModel(request).name == first.name


def test_the_same_request_at_once_creates_once(service: ModelServiceStub) -> None:
    for _ in range(5):
        request = repeatable(model(portfolios=new_portfolios(2)))
        with ThreadPoolExecutor(8) as callers:
            answers = list(callers.map(service.CreateModel, [request] * 8))
        assert [one for one in answers if one != answers[0]] == []
        assert get(service, answers[0].model_id) == answers[0]


@pytest.mark.parametrize(
    "request_id",
    [
        "1",
        "d9428888-122b-11e1-b85c-61cd3cbb3210",  # of version 1
        "3f2504e04f8941d39a0c0305e82c3301",
        "{3f2504e0-4f89-41d3-9a0c-0305e82c3301}",
    ],
)
def test_a_request_id_is_a_uuid4(service: ModelServiceStub, request_id: str) -> None:
    told = failure(lambda: service.CreateModel(repeatable(model(), request_id)))
    assert told == refused([("request_id", f"must be a UUID of version 4, not {request_id!r}")])


def test_a_model_that_is_not_there_is_not_found(service: ModelServiceStub) -> None:
    assert failure(lambda: get(service, NO_MODEL)) == no_model(NO_MODEL)
    told = failure(lambda: service.DeleteModel(pb.DeleteModelRequest(model_id=NO_MODEL, version=1)))
    assert told == no_model(NO_MODEL)


@pytest.mark.parametrize("model_id", ["", "0123", "0123456789ABCDEF01234567", "z" * 24])
def test_a_model_id_is_24_lower_case_hexadecimal_characters(service: ModelServiceStub, model_id: str) -> None:
    rule = f"must be 24 lower-case hexadecimal characters, not {model_id!r}"
    assert failure(lambda: get(service, model_id)) == refused([("model_id", rule)])


def test_a_deleted_model_is_gone_and_its_name_and_portfolios_free(service: ModelServiceStub) -> None:
    first = create(service, model(portfolios=new_portfolios(2)))
    gone = service.DeleteModel(pb.DeleteModelRequest(model_id=first.model_id, version=1))
    assert gone == empty_pb2.Empty()
    assert failure(lambda: get(service, first.model_id)) == no_model(first.model_id)
    again = create(service, model(first.name, portfolios=list(first.portfolio_ids)))
    assert again.model_id != first.model_id


def test_deleting_needs_the_current_version(service: ModelServiceStub) -> None:
    first = create(service)
    told = failure(lambda: service.DeleteModel(pb.DeleteModelRequest(model_id=first.model_id, version=2)))
    assert told == outdated(first.model_id, 1)
    for version in (0, -1):
        request = pb.DeleteModelRequest(model_id="x", version=version)
        told = failure(partial(service.DeleteModel, request))
        assert told.violations == [
            ("model_id", "must be 24 lower-case hexadecimal characters, not 'x'"),
            ("version", f"must be the version that was read, not {version}"),
        ]
    assert get(service, first.model_id) == first


def test_of_many_who_delete_one_does(service: ModelServiceStub) -> None:
    request = pb.DeleteModelRequest(model_id=create(service).model_id, version=1)

    with ThreadPoolExecutor(8) as callers:
        answers = list(callers.map(lambda _: attempt(lambda: service.DeleteModel(request)), range(8)))
    assert answers.count(empty_pb2.Empty()) == 1
    assert answers.count(no_model(request.model_id)) == 7
