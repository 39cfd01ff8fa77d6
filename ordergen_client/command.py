"""Where the `ordergen` command begins and ends: every failure is a line, and no traceback."""

import sys


def main() -> None:
    """Run the command, and leave with its exit code."""
    try:
        sys.exit(_ended())
    except KeyboardInterrupt:
        sys.exit(130)


def _ended() -> int:
    try:
        import click  # noqa: PLC0415 - it needs an extra

        from ordergen_client.cli import main as command  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich", "yaml"}:
            raise
        sys.exit(f"ordergen needs {error.name}: install globeco-ordergen-client[cli].")
    try:
        code = command.main(prog_name="ordergen", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        return end.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except click.Abort:
        click.echo("Interrupted.", err=True)
        return 130
    except BrokenPipeError:
        return _closed(0)
    except OSError as error:
        if error.filename is not None:
            raise
        click.echo(f"Error: the output cannot be written: {error.strerror or error}", err=True)
        return _closed(1)
    return code if isinstance(code, int) else 0


def _closed(code: int) -> int:
    """Leave standard output alone: whoever read it has gone, and what is left to write goes nowhere."""
    import os  # noqa: PLC0415 - seldom needed

    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code
