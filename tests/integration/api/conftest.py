"""Servers of ModelService: one a test module, and one a test for what lists everything."""

from collections.abc import Iterator

import pytest
from globeco.ordergen.v1.model_service_pb2_grpc import ModelServiceStub

from tests.databases import temporary_database
from tests.integration.api.model_calls import server


@pytest.fixture(scope="module")
def service(mongodb_uri: str) -> Iterator[ModelServiceStub]:
    """A server shared by the tests of a module."""
    with temporary_database(mongodb_uri) as name, server(mongodb_uri, name) as stub:
        yield stub


@pytest.fixture
def empty_service(mongodb_uri: str, database_name: str) -> Iterator[ModelServiceStub]:
    """A server without models."""
    with server(mongodb_uri, database_name) as stub:
        yield stub
