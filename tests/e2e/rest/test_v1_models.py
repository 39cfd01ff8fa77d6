"""Models over REST, as portals write and read them; the gRPC API is asked what they are."""

import uuid
from collections.abc import Mapping
from typing import Any

import pytest
from globeco.ordergen.v1 import model_service_pb2

from tests.e2e.api import Api
from tests.e2e.rest.forms import NOWHERE, created, fields, form, model_of, new_id, position
from tests.fronts import Front
from tests.limits import PATIENCE

MODELS = "/api/v1/models"
A, B = new_id(), new_id()


def path(model: Mapping[str, Any], part: str = "") -> str:
    return f"/api/v1/model/{model['model_id']}{part}"


def test_a_model_is_answered_as_it_was_sent(front: Front, rest_api: Api) -> None:
    """Weights are strings, times null until there is one, and the version counts from 1."""
    sent = form([position(A, "0.090", "0.05", "0.0100")], [new_id(), new_id()])
    answer = front.ask("POST", MODELS, sent)
    assert answer.status == 201
    assert answer.headers["content-type"] == "application/json"
    model = answer.json
    assert model == {
        "model_id": model["model_id"],
        "name": sent["name"],
        "positions": [position(A, "0.090", "0.05", "0.0100")],
        "portfolios": sent["portfolios"],
        "last_rebalance_date": None,
        "version": 1,
    }
    assert front.ask("GET", path(model)).json == model == model_of(rest_api.get(model["model_id"]))


@pytest.mark.parametrize(
    ("literal", "stored"),
    [
        ("0.095", "0.095"),
        ("0.0950", "0.0950"),
        ('"0.095"', "0.095"),
        ("9.5e-2", "0.095"),
        ("0.095000000000000000000000000000", "0.095000000000000000000000000000"),
        ("0.5", "0.5"),
    ],
)
def test_a_number_is_read_by_its_digits(front: Front, literal: str, stored: str) -> None:
    """0.095 as a float is another number: no multiple of 0.005."""
    raw = (
        f'{{"name":"{uuid.uuid4()}","portfolios":[],"positions":[{{"security_id":"{A}","target":{literal},'
        '"high_drift":0.1234567890123456789012345678,"low_drift":0.1}]}'
    )
    answer = front.ask("POST", MODELS, raw=raw.encode())
    assert answer.status == 201, answer.body
    assert answer.json["positions"] == [position(A, stored, "0.1234567890123456789012345678", "0.1")]


def test_a_number_that_only_its_float_would_allow_is_refused(front: Front) -> None:
    body = f'{{"name":"{uuid.uuid4()}","portfolios":[],"positions":[{{"security_id":"{A}",'
    body += '"target":0.09500000000000000000001,"high_drift":0.1,"low_drift":0.1}]}'
    assert fields(front.ask("POST", MODELS, raw=body.encode())) == [["body", "positions", 0, "target"]]


@pytest.mark.parametrize(
    ("changed", "broken"),
    [
        ({"portfolios": [None]}, [["body", "portfolios", 0]]),
        ({"portfolios": [A, None, B]}, [["body", "portfolios", 1]]),
        ({"portfolios": None}, [["body", "portfolios"]]),
        ({"positions": None}, [["body", "positions"]]),
        ({"name": 10**30}, [["body", "name"]]),
        ({"name": "\ud800"}, [["body", "name"]]),
        ({"name": ""}, [["body", "name"]]),
        ({"portfolios": ["short"]}, [["body", "portfolios", 0]]),
        ({"portfolios": [A, A]}, [["body", "portfolios", 1]]),
        ({"positions": [position(A, True)]}, [["body", "positions", 0, "target"]]),
        ({"positions": [position(A, "NaN")]}, [["body", "positions", 0, "target"]]),
        ({"positions": [position(A, "ten")]}, [["body", "positions", 0, "target"]]),
        ({"positions": [position(A, None)]}, [["body", "positions", 0, "target"]]),
        ({"positions": [position(A, "1e99999")]}, [["body", "positions", 0, "target"]]),
        ({"positions": [position(A, "0.1", "0.05", "0.06")]}, [["body", "positions", 0, "low_drift"]]),
        ({"positions": [position(A, "0.1"), position(A, "0.1")]}, [["body", "positions", 1, "security_id"]]),
        ({"positions": [position(A, "0.5"), position(B, "0.5")]}, [["body", "positions"]]),
        (
            {"name": " ", "positions": [position("x", "0.0123")]},
            [
                ["body", "name"],
                ["body", "positions", 0, "security_id"],
                ["body", "positions", 0, "target"],
            ],
        ),
    ],
)
def test_every_rule_that_a_body_breaks_is_told(
    front: Front, changed: dict[str, object], broken: list[list[object]]
) -> None:
    assert sorted(map(str, fields(front.ask("POST", MODELS, {**form(), **changed})))) == sorted(
        map(str, broken)
    )


@pytest.mark.parametrize("missing", ["name", "portfolios"])
def test_a_field_that_is_missing(front: Front, missing: str) -> None:
    sent = {name: value for name, value in form().items() if name != missing}
    answer = front.ask("POST", MODELS, sent)
    assert (fields(answer), answer.json["detail"][0]["type"]) == ([["body", missing]], "missing")


@pytest.mark.parametrize("raw", [b"", b"null", b"[]", b'"text"', b"{", b'{"name": NaN}', b"7"])
def test_a_body_that_is_no_object(front: Front, raw: bytes) -> None:
    assert front.ask("POST", MODELS, raw=raw).status == 422


@pytest.mark.parametrize(
    "raw",
    [b"\xff\xfe\xfd", b"[" * 100_000, b'{"name":' + b"9" * 5000 + b"}", b'{"name":1e9999999999999999999}'],
)
def test_a_body_that_cannot_be_read(front: Front, raw: bytes) -> None:
    answer = front.ask("POST", MODELS, raw=raw)
    assert (answer.status, list(answer.json)) in ((400, ["detail"]), (422, ["detail"])), answer.body


def test_what_was_sent_is_told_back_where_it_is_short(front: Front) -> None:
    sent = form([position(A, "0.0123")], ["x" * 500])
    told = {tuple(one["loc"]): one["input"] for one in front.ask("POST", MODELS, sent).json["detail"]}
    assert told["body", "positions", 0, "target"] == "0.0123"
    assert len(told["body", "portfolios", 0]) < 200


def test_a_model_is_replaced_as_a_form_sends_it(front: Front, rest_api: Api) -> None:
    """All that was read comes back, with floats, and the time as it was answered."""
    model = created(front, [position(A)], [new_id()])
    changed = {
        **model,
        "name": f"{model['name']} II",
        "positions": [position(B, 0.095, 0.05, 0.01)],
        "portfolios": [new_id()],
    }
    answer = front.ask("PUT", path(model), changed)
    expected = {**changed, "positions": [position(B, "0.095", "0.05", "0.01")], "version": 2}
    assert (answer.status, answer.json) == (200, expected)
    assert model_of(rest_api.get(model["model_id"])) == expected


@pytest.mark.parametrize(
    "time", [None, "2026-11-25T11:57:21.001000", "2026-11-25T11:57:21Z", "2026-11-25T11:57:21.5+02:00"]
)
def test_the_time_of_the_last_rebalance_is_the_servers(front: Front, time: str | None) -> None:
    model = created(front)
    answer = front.ask("PUT", path(model), {**model, "last_rebalance_date": time})
    assert (answer.status, answer.json["last_rebalance_date"]) == (200, None)


def test_a_model_may_be_replaced_without_the_time(front: Front) -> None:
    model = created(front)
    del model["last_rebalance_date"]
    assert front.ask("PUT", path(model), model).status == 200


@pytest.mark.parametrize("version", [7, 2**63 - 1])
def test_a_version_that_is_not_current(front: Front, version: int) -> None:
    model = created(front)
    for answer in (
        front.ask("PUT", path(model), {**model, "version": version}),
        front.ask("DELETE", path(model) + f"?version={version}"),
    ):
        assert (answer.status, answer.json["current_version"]) == (409, "1")
        assert isinstance(answer.json["detail"], str)


@pytest.mark.parametrize(
    ("query", "loc"),
    [("", "version"), ("?version=", "version"), ("?version=one", "version"), ("?version=-1", "version"),
     ("?version=0", "version"), (f"?version={2**63}", "version")],
)  # fmt: skip
def test_a_version_that_is_none(front: Front, query: str, loc: str) -> None:
    assert fields(front.ask("DELETE", path(created(front)) + query)) == [["query", loc]]


def test_a_model_is_deleted_once(front: Front) -> None:
    model = created(front)
    answer = front.ask("DELETE", path(model) + "?version=1")
    assert (answer.status, answer.body) == (204, b"")
    assert "content-type" not in answer.headers
    assert front.ask("DELETE", path(model) + "?version=1").status == 404
    assert front.ask("GET", path(model)).status == 404


def test_positions_are_added_changed_and_removed(front: Front, rest_api: Api) -> None:
    """Each answers the whole model; DELETE has the position in its body, and every value must match."""
    model = created(front, [position(A)])
    added = front.ask("POST", path(model, "/position"), position(B, 0.2, 0.1, 0.05))
    assert (added.status, added.json["positions"][1]) == (200, position(B, "0.2", "0.1", "0.05"))
    changed = front.ask("PUT", path(model, "/position"), position(B, 0.25, 0.1, 0.1))
    assert (changed.status, changed.json["positions"][1]) == (200, position(B, "0.25", "0.1", "0.1"))
    other = front.ask("DELETE", path(model, "/position"), position(B, 0.25, 0.1, 0.05))
    assert other.status in (404, 409, 422)
    removed = front.ask("DELETE", path(model, "/position"), position(B, "0.250", 0.1, 0.1))
    assert (removed.status, removed.json["positions"]) == (200, [position(A)])
    assert removed.json == model_of(rest_api.get(model["model_id"]))
    assert removed.json["version"] == 4


def test_a_position_that_is_there_and_one_that_is_not(front: Front) -> None:
    model = created(front, [position(A)])
    assert front.ask("POST", path(model, "/position"), position(A)).status == 409
    assert front.ask("PUT", path(model, "/position"), position(B)).status == 404
    assert front.ask("DELETE", path(model, "/position"), position(B)).status == 404
    assert fields(front.ask("POST", path(model, "/position"), position(B, "0.0123"))) == [["body", "target"]]


def test_portfolios_are_added_and_removed(front: Front, rest_api: Api) -> None:
    """Those that are there, or are not, or are named twice, change nothing."""
    first, second, third = new_id(), new_id(), new_id()
    model = created(front, [], [first])
    added = front.ask("POST", path(model, "/portfolio"), {"portfolios": [first, second, second]})
    assert (added.status, added.json["portfolios"]) == (200, [first, second])
    removed = front.ask("DELETE", path(model, "/portfolio"), {"portfolios": [third, first, first]})
    assert (removed.status, removed.json["portfolios"]) == (200, [second])
    assert removed.json == model_of(rest_api.get(model["model_id"]))
    assert fields(front.ask("POST", path(model, "/portfolio"), {"portfolios": []})) == [
        ["body", "portfolios"]
    ]
    assert fields(front.ask("POST", path(model, "/portfolio"), {"portfolios": ["x"]})) == [
        ["body", "portfolios", 0]
    ]


def test_names_and_portfolios_are_taken_once(front: Front) -> None:
    portfolio = new_id()
    model = created(front, [], [portfolio])
    for taken in (form(name=model["name"]), form([], [portfolio])):
        answer = front.ask("POST", MODELS, taken)
        assert (answer.status, type(answer.json["detail"])) == (409, str)


def test_the_same_key_answers_what_was_first_made(front: Front) -> None:
    headers, sent = {"Idempotency-Key": str(uuid.uuid4())}, form()
    first, second = (front.ask("POST", MODELS, sent, headers=headers) for _ in range(2))
    assert (second.status, second.json) == (201, first.json)
    assert front.ask("POST", MODELS, form(), headers={"Idempotency-Key": "again"}).status == 422


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
@pytest.mark.parametrize("name", ["x", "0" * 23, "g" * 24, "0" * 25, "0" * 2000, "%00" * 24, "%ff"])
def test_a_model_whose_id_is_none(front: Front, method: str, name: str) -> None:
    body = {**form(), "version": 1} if method == "PUT" else None
    answer = front.ask(method, f"/api/v1/model/{name}?version=1", body)
    assert (answer.status, type(answer.json["detail"])) == (400, str)


@pytest.mark.parametrize(
    ("method", "part", "body"),
    [
        ("GET", "", None),
        ("PUT", "", {**form(), "version": 1}),
        ("DELETE", "?version=1", None),
        ("POST", "/position", position(A)),
        ("PUT", "/position", position(A)),
        ("DELETE", "/position", position(A)),
        ("POST", "/portfolio", {"portfolios": [A]}),
        ("DELETE", "/portfolio", {"portfolios": [A]}),
        ("POST", "/rebalance", None),
    ],
)
def test_a_model_that_is_not_there(front: Front, method: str, part: str, body: object) -> None:
    answer = front.ask(method, f"/api/v1/model/{NOWHERE}{part}", body)
    assert (answer.status, list(answer.json)) == (404, ["detail"])


def test_an_id_may_be_written_in_capitals(front: Front) -> None:
    model = created(front)
    assert front.ask("GET", f"/api/v1/model/{model['model_id'].upper()}").json == model


@pytest.mark.parametrize("method", ["PATCH", "POST"])
def test_a_method_that_a_path_does_not_have(front: Front, method: str) -> None:
    answer = front.ask(method, f"/api/v1/model/{NOWHERE}", {})
    assert (answer.status, list(answer.json)) == (405, ["detail"])


@pytest.mark.parametrize("method", ["GET", "POST"])
def test_a_trailing_slash_leads_to_the_path_without(front: Front, method: str) -> None:
    """With the method and the query that it has."""
    answer = front.ask(method, f"{MODELS}/?limit=1", form() if method == "POST" else None)
    assert (answer.status, answer.headers["location"]) == (307, f"{front.url}{MODELS}?limit=1")


def listed(front: Front, query: str = "") -> list[str]:
    answer = front.ask("GET", MODELS + query)
    assert answer.status == 200, answer.body
    return [one["model_id"] for one in answer.json]


def test_models_are_listed_by_every_order(front: Front, rest_api: Api) -> None:
    """As the API lists them, all of them where nobody says how many."""
    for _ in range(3):
        created(front)
    everything = {
        one.model_id: one
        for one in rest_api.models.ListModels(
            model_service_pb2.ListModelsRequest(page_size=1000), timeout=PATIENCE
        ).models
    }
    ids = sorted(everything)
    answer = front.ask("GET", MODELS)
    assert [model_of(everything[one["model_id"]]) for one in answer.json] == answer.json
    assert listed(front) == ids
    assert listed(front, "?sort_by=model_id") == listed(front, "?sort_by=%2Bmodel_id") == ids
    assert listed(front, "?sort_by=+model_id") == ids  # a plus that is not encoded is a space
    assert listed(front, "?sort_by=-model_id") == ids[::-1]
    by_name = sorted(ids, key=lambda one: everything[one].name)
    assert listed(front, "?sort_by=name") == by_name
    assert listed(front, "?sort_by=-name,model_id") == by_name[::-1]
    rebalanced = listed(front, "?sort_by=last_rebalance_date,-model_id")
    assert sorted(rebalanced) == ids
    assert listed(front, "?sort_by=") == listed(front, "?sort_by=,") == ids


def test_a_page_is_as_long_as_was_asked_for(front: Front) -> None:
    for _ in range(3):
        created(front)
    ids = listed(front)
    assert listed(front, "?limit=2") == ids[:2]
    assert listed(front, "?offset=1&limit=2") == ids[1:3]
    assert listed(front, "?offset=1") == ids[1:]
    assert listed(front, f"?offset={len(ids)}&limit=2") == []
    assert listed(front, f"?offset={2**70}") == []
    assert listed(front, "?limit=0") == []
    assert listed(front, f"?limit={2**70}") == ids


@pytest.mark.parametrize(
    ("query", "status"),
    [
        ("offset=-1", 400),
        ("limit=-1", 400),
        ("sort_by=size", 400),
        ("sort_by=--name", 400),
        ("sort_by=name,name", 400),
        ("sort_by=name%20desc", 400),
        ("offset=one", 422),
        ("limit=1.5", 422),
    ],
)
def test_a_page_that_cannot_be(front: Front, query: str, status: int) -> None:
    assert front.ask("GET", f"{MODELS}?{query}").status == status
