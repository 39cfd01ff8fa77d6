"""Every method of the contract has a kind, and no other."""

from ordergen_server.api.admission.kinds import KINDS
from ordergen_server.api.calls import SERVICES


def test_every_method_has_its_kind() -> None:
    assert set(KINDS) == {method.name for service in SERVICES for method in service.methods}
