"""docs/configuration.md is what the settings make, and what is written elsewhere agrees with it."""

import re

from ordergen_client.commands.import_legacy import import_legacy
from ordergen_client.commands.shared.options import VARIABLES
from tests.unit.deployment.manifests import ROOT
from tools import configuration


def test_the_page_is_current() -> None:
    """Otherwise: python -m tools.configuration generate."""
    assert configuration.PAGE.read_text() == configuration.page()


def test_the_table_has_a_described_row_for_every_setting() -> None:
    rows = re.findall(r"^\| `(ORDERGEN_\w+)` \| (\S+) \| (.+) \|$", configuration.page(), re.MULTILINE)
    assert [name for name, _, _ in rows] == [
        configuration.variable(one, settings)
        for settings in configuration.TABLES
        for one in settings.model_fields
    ]


def test_every_variable_that_is_written_about_exists() -> None:
    client = {str(one.envvar) for one in import_legacy.params if one.envvar} | set(VARIABLES)
    known = configuration.variables() | client | {"ORDERGEN_LEGACY_MONGODB_URI_FILE"}
    texts = [*(ROOT / "docs").rglob("*.md"), *(ROOT / "kubernetes").rglob("*.yaml"), ROOT / "Dockerfile"]
    written = {name for path in texts for name in re.findall(r"ORDERGEN_[A-Z_]*[A-Z]", path.read_text())}
    assert set() == written - known
