"""Keeping models."""

import pytest

from ordergen_server.domain.errors import AlreadyExists
from ordergen_server.domain.models import Model
from ordergen_server.services.models import ModelEditor
from tests.builders import NOW, content, position
from tests.fakes import MemoryModels


def test_a_model_is_created_without_positions_of_target_zero() -> None:
    models = MemoryModels()
    created = ModelEditor(models, lambda: NOW).create(content(positions=(position(1), position(2, "0"))))
    assert created == Model(created.model_id, content(positions=(position(1),)), 1, NOW, NOW, None)
    assert models.get(created.model_id) == created


def test_a_name_is_taken_once() -> None:
    editor = ModelEditor(MemoryModels(), lambda: NOW)
    editor.create(content())
    with pytest.raises(AlreadyExists):
        editor.create(content())
