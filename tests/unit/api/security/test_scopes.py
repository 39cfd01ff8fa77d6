"""Each call of the contract needs one scope, but for one that tells callers which they have."""

from ordergen_server.api.calls import SERVICES
from ordergen_server.api.security.scopes import ANY_SCOPE, SCOPE_OF
from ordergen_server.domain.subjects import READ, SCOPES

DIAGNOSE = "/globeco.ordergen.v1.DiagnosticsService/Diagnose"


def test_every_call_has_a_row_and_every_row_a_call() -> None:
    calls = {f"/{one.full_name}/{method.name}" for one in SERVICES for method in one.methods}
    assert calls == set(SCOPE_OF)


def test_scopes_are_those_that_there_are() -> None:
    assert {path for path, scope in SCOPE_OF.items() if scope not in SCOPES} == {DIAGNOSE}
    assert SCOPE_OF[DIAGNOSE] == ANY_SCOPE


def test_what_only_reads_needs_the_scope_to_read_and_nothing_else_does() -> None:
    verbs = ("Get", "List", "Watch", "Resolve", "Check", "Aggregate", "Allocate", "Reconcile")
    reading = {path for path in SCOPE_OF if path.rpartition("/")[2].startswith(verbs)}
    assert {path for path, scope in SCOPE_OF.items() if scope == READ} == reading
