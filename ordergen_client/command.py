"""Where the `ordergen` command begins and ends: every failure is a line, and no traceback."""

import io
import os
import sys

_INTERRUPTED = 130


def main() -> None:
    """Run the command, and leave with its exit code."""
    # What gRPC logs by itself is about its own code; what is wrong is told by ours.
    os.environ.setdefault("GRPC_VERBOSITY", "NONE")
    try:
        sys.exit(_ended())
    except KeyboardInterrupt:
        sys.exit(_INTERRUPTED)


def _ended() -> int:
    try:
        import click  # noqa: PLC0415 - it needs an extra

        from ordergen_client.cli import main as command  # noqa: PLC0415 - it needs an extra
    except ModuleNotFoundError as error:
        if error.name not in {"click", "rich", "yaml"}:
            raise
        sys.exit(f"ordergen needs {error.name}: install globeco-ordergen-client[cli].")
    if sys.stdout is None:
        sys.exit("Error: standard output is closed.")
    _write_whatever_is_said()
    try:
        code = command.main(prog_name="ordergen", standalone_mode=False)
        sys.stdout.flush()
    except click.exceptions.Exit as end:
        code = end.exit_code
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        click.echo("Interrupted.", err=True)
        code = _INTERRUPTED
    except OSError as error:
        code = _unwritten(error)
    return code if isinstance(code, int) else 0


def _write_whatever_is_said() -> None:
    """A name that a terminal cannot show stops nothing: it gets the codes of its characters."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")


def _unwritten(error: OSError) -> int:
    """What failed was to write, for a file that cannot be opened is told where it is opened."""
    if error.filename is not None:
        raise error
    if not isinstance(error, BrokenPipeError):
        sys.stderr.write(f"Error: the output cannot be written: {error.strerror or error}\n")
    # Whoever read it has gone, and what is left to write goes nowhere.
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return 0 if isinstance(error, BrokenPipeError) else 1
