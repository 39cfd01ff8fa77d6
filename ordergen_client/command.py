"""Where the `ordergen` command begins: it says what it lacks in a line."""

import sys


def main() -> None:
    """Run the command."""
    try:
        from ordergen_client.cli import main as command  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich"}:
            raise
        sys.exit(f"ordergen needs {error.name}: install globeco-ordergen-client[cli].")
    command()
