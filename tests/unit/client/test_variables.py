"""Slips in the names of variables: each is told, and none of another program is taken for one."""

import pytest

from ordergen_client.commands.shared.options import OTHERS, VARIABLES
from ordergen_client.variables import misspelt
from ordergen_server.configuration.secret_files import variable
from ordergen_server.configuration.settings import Settings
from ordergen_server.legacy.settings import LegacySettings
from ordergen_server.rest.settings import RestSettings


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("ORDERGEN_TAGRET", "ORDERGEN_TARGET"),
        ("ORDERGEN_TARGETS", "ORDERGEN_TARGET"),
        ("ORDERGEN_TOKENFILE", "ORDERGEN_TOKEN_FILE"),
        ("ORDERGEN_CONTEXTS", "ORDERGEN_CONTEXT"),
    ],
)
def test_a_slip_is_told(given: str, meant: str) -> None:
    assert misspelt({given: "x", "PATH": "y"}, VARIABLES, OTHERS) == {given: meant}


def test_none_of_the_servers_variables_is_a_slip_of_the_commands() -> None:
    servers = [
        variable(settings, name)
        for settings in (Settings, RestSettings, LegacySettings)
        for name in settings.model_fields
    ]
    assert misspelt(dict.fromkeys([*servers, *VARIABLES], ""), VARIABLES, OTHERS) == {}
