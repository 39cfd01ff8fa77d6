"""What hatchling is told about the client's wheel: its files, and the stubs of the contract beside them."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE, STUBS = "ordergen_client", "globeco/ordergen"
NOT_OF_THE_PACKAGE = {"pyproject.toml", "LICENSE", "__pycache__"}


class ClientWheel(BuildHookInterface[Any]):
    """Fills a wheel; an editable installation finds all of it where it is, and has copies of nothing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See BuildHookInterface; the version is `standard` or `editable`."""
        if version == "editable":
            return
        root = Path(self.root)
        ours = {path for path in root.iterdir() if path.name not in NOT_OF_THE_PACKAGE}
        places = {str(path): f"{PACKAGE}/{path.name}" for path in sorted(ours)}
        build_data["force_include"] = {**places, str(root.parent / "generated" / STUBS): STUBS}
