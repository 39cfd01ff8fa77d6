"""docs/openapi.json is what the code and the contract make today; it is OpenAPI, and every route is in it."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from fastapi import APIRouter, FastAPI
from openapi_spec_validator import OpenAPIV31SpecValidator, validate
from starlette.routing import BaseRoute, Mount, Route

from ordergen_server.rest.app import create_app
from ordergen_server.rest.settings import RestSettings
from ordergen_server.rest.v2.bindings import SERVICES, bindings
from ordergen_server.rest.v2.comments import comments
from tools import openapi

#: Pages, for eyes.
PAGES = {"/docs", "/docs.js", "/redoc", "/redoc.js", "/openapi.json"}


@pytest.fixture(scope="module")
def app() -> FastAPI:
    return create_app(RestSettings())


@pytest.fixture(scope="module")
def document(app: FastAPI) -> dict[str, Any]:
    return app.openapi()


def routes(of: list[BaseRoute], prefix: str = "") -> Iterator[tuple[str, str]]:
    for one in of:
        if isinstance(one, Mount):
            yield from routes(one.routes, prefix + one.path)
        elif isinstance(
            inner := getattr(one, "original_router", None), APIRouter
        ):  # of FastAPI's include_router
            yield from routes(inner.routes, prefix)
        elif isinstance(one, Route) and one.path not in PAGES:
            yield from ((method.lower(), prefix + one.path_format) for method in one.methods or ())


def operations(document: dict[str, Any]) -> dict[tuple[str, str], dict[str, Any]]:
    return {(method, path): one for path, item in document["paths"].items() for method, one in item.items()}


def test_the_files_are_current() -> None:
    """Otherwise: python -m tools.openapi generate."""
    assert openapi.stale() == []


def test_what_is_stale_is_named(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("sys.argv", ["openapi", "check"])
    monkeypatch.setattr(openapi, "document", lambda: "other")
    assert openapi.main() == 1
    assert capsys.readouterr().out == "stale: docs/openapi.json\n"


def test_the_document_is_openapi(document: dict[str, Any]) -> None:
    validate(json.loads(json.dumps(document)), cls=OpenAPIV31SpecValidator)


def test_every_route_is_in_it_and_nothing_else(app: FastAPI, document: dict[str, Any]) -> None:
    assert set(operations(document)) == set(routes(list(app.routes)))


def test_every_operation_has_a_name_of_its_own(document: dict[str, Any]) -> None:
    names = [one["operationId"] for one in operations(document).values()]
    assert len(names) == len(set(names))
    of_version_2 = {f"{one.method.containing_service.name}_{one.method.name}" for one in bindings()}
    assert of_version_2 <= set(names)


def test_every_answer_has_its_headers(document: dict[str, Any]) -> None:
    for operation in operations(document).values():
        for status, answer in operation["responses"].items():
            assert "x-correlation-id" in answer["headers"]
            assert ("retry-after" in answer["headers"]) == (status in ("429", "503"))
            assert ("www-authenticate" in answer["headers"]) == (status == "401")


def test_statuses_that_a_comment_promises_are_documented(document: dict[str, Any]) -> None:
    told = operations(document)[("put", "/api/v2/model/{model_id}")]["responses"]
    assert told["409"]["description"] == "ABORTED or ALREADY_EXISTS"
    told = operations(document)[("post", "/api/v2/portfolio/{portfolio_id}/rebalance")]["responses"]
    assert told["400"]["description"] == "INVALID_ARGUMENT or FAILED_PRECONDITION"
    assert told["501"]["description"] == "UNIMPLEMENTED"


def test_every_part_of_the_contract_has_its_comment() -> None:
    said = comments()
    for service in SERVICES:
        assert said[service.full_name]
        for method in service.methods:
            assert said[method.full_name]
            for field in (*method.input_type.fields, *method.output_type.fields):
                assert said.get(field.full_name) or method.output_type.full_name.startswith("google.")
