"""Each call of the contract needs one scope."""

from ordergen_server.api.calls import SERVICES
from ordergen_server.api.security.scopes import SCOPE_OF
from ordergen_server.domain.subjects import READ, SCOPES


def test_every_call_has_a_row_and_every_row_a_call() -> None:
    calls = {f"/{one.full_name}/{method.name}" for one in SERVICES for method in one.methods}
    assert calls == set(SCOPE_OF)


def test_scopes_are_those_that_there_are() -> None:
    assert set(SCOPE_OF.values()) <= SCOPES


def test_what_only_reads_needs_the_scope_to_read_and_nothing_else_does() -> None:
    verbs = ("Get", "List", "Watch", "Resolve")
    reading = {path for path in SCOPE_OF if path.rpartition("/")[2].startswith(verbs)}
    assert {path for path, scope in SCOPE_OF.items() if scope == READ} == reading
