"""The tree of errors; errors are values."""

from decimal import Decimal

import pytest

from ordergen_server.domain import errors
from ordergen_server.domain.errors import OrderGenerationError, Resource, Violation, error_types
from ordergen_server.domain.market import MarketSnapshot, Quote, missing
from tests.builders import NOW, security_id, snapshot


def drawn(kind: type[OrderGenerationError]) -> str:
    """The line of the module's docstring that draws an error."""
    assert errors.__doc__
    return next(line for line in errors.__doc__.splitlines() if kind.__name__ in line.split())


@pytest.mark.parametrize("kind", error_types().values(), ids=error_types())
def test_the_tree_is_drawn_as_it_is(kind: type[OrderGenerationError]) -> None:
    """Each error is in the drawing, a step to the right of its parent."""
    indent = drawn(kind).index(kind.__name__)
    if kind is OrderGenerationError:
        assert indent == 4
        return
    parent = kind.__bases__[0]
    assert issubclass(parent, OrderGenerationError)
    assert indent == drawn(parent).index(parent.__name__) + 4
    assert kind.__doc__


def test_every_error_is_found_by_its_name() -> None:
    assert len(error_types()) == 30
    assert all(name == kind.__name__ for name, kind in error_types().items())
    assert set(error_types(errors.DataProblem)) == {"DataProblem", "MissingData", "BadData", "StalePrice"}


def test_errors_are_equal_where_all_they_say_is() -> None:
    def build(kind: type[OrderGenerationError] = errors.NotFound, **changed: object) -> OrderGenerationError:
        said: dict[str, object] = {
            "metadata": {"a": "b"},
            "violations": [Violation("subject", "rule")],
            "resource": Resource("Model", "1"),
            "retry_after_seconds": 1.5,
        }
        return kind("message", **{**said, **changed})  # type: ignore[arg-type]

    assert build() == build()
    assert hash(build()) == hash(build())
    assert build() != build(errors.Aborted)
    assert build() != "message"
    assert build() != build(metadata={})
    assert build() != build(violations=[])
    assert build() != build(resource=None)
    assert build() != build(retry_after_seconds=2.0)
    assert str(build()) == "message"


def test_a_snapshot_answers_what_it_has() -> None:
    assert snapshot({1: "12.5"}).quote(security_id(1)) == Quote("T1", Decimal("12.5"))


def test_a_security_no_one_knows_is_named() -> None:
    one = security_id(1)
    with pytest.raises(errors.MissingData) as raised:
        snapshot({}).quote(one)
    assert raised.value == missing("security", "security", one, one)
    assert raised.value.message == (
        f"Security {one}: the security service has no security {one};"
        " it must be added there, or leave the model and the portfolio."
    )
    assert raised.value.violations[0].kind == "MISSING_SECURITY"


def test_a_bad_record_is_raised_as_it_was_found_and_collects_no_frames() -> None:
    problem = errors.BadData("bad price")
    market = MarketSnapshot({"id": problem}, NOW)
    lengths = set()
    for _ in range(3):
        with pytest.raises(errors.BadData) as raised:
            market.quote("id")
        assert raised.value is problem
        lengths.add(len(raised.traceback))
    assert len(lengths) == 1
