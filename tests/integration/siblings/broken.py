"""What a sibling that is broken for good does, and the time of a caller who is patient with it."""

from ordergen_server.sandbox.services.faults import Fault

__all__ = ["BOUND_SECONDS", "BROKEN", "PATIENT"]

#: Less than the 60 s after which some siblings ask to be called again.
PATIENT = 50.0
#: What hangs, hangs without an end, and the pauses asked for are longer.
BOUND_SECONDS = 30.0
BROKEN = [
    Fault(kind="status", status=500),
    Fault(kind="status", status=503),
    Fault(kind="hang"),
    Fault(kind="stall"),
    Fault(kind="reset"),
    Fault(kind="truncate"),
    Fault(kind="garbage"),
    Fault(kind="body", body='{"not": "a list"}'),
    Fault(kind="body", body="[" * 100_000),
]
