"""What hatchling is told about the client's wheel: its files, and the stubs of the contract beside them."""

from pathlib import Path
from typing import Any

from hatchling.builders.hooks.plugin.interface import BuildHookInterface

PACKAGE, STUBS = "ordergen_client", "globeco/ordergen"


class ClientWheel(BuildHookInterface[Any]):
    """Fills a wheel; an editable installation finds all of it where it is, and has copies of nothing."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """See BuildHookInterface; the version is `standard` or `editable`."""
        if version == "editable":
            return
        root = Path(self.root)
        places = {str(path): f"{PACKAGE}/{path.name}" for path in sorted(root.iterdir()) if _is_ours(path)}
        build_data["force_include"] = {**places, str(root.parent / "generated" / STUBS): STUBS}


def _is_ours(path: Path) -> bool:
    """Whether it is a module, a package or the mark of types: not what builds them, nor what was built."""
    return path.suffix == ".py" or path.name == "py.typed" or (path / "__init__.py").is_file()
