"""`ordergen completion` and `ordergen version`."""

import platform
from importlib.metadata import version as installed
from typing import Final

import click
from click.shell_completion import get_completion_class

from ordergen_client.commands.shared.failures import Failure
from ordergen_client.commands.shared.options import with_output
from ordergen_client.showing.output import Output

_PACKAGES: Final = "globeco-ordergen-client", "grpcio", "protobuf"


_HELP: Final = """Print what completes commands and options in a shell.

\b
bash: eval "$(ordergen completion bash)"        in ~/.bashrc
zsh:  eval "$(ordergen completion zsh)"         in ~/.zshrc
fish: ordergen completion fish > ~/.config/fish/completions/ordergen.fish
"""


@click.command(help=_HELP)
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(ctx: click.Context, shell: str) -> None:
    """Print what completes commands and options in a shell."""
    made = get_completion_class(shell)
    if made is None:
        raise Failure(f"There is no completion for {shell}.")
    click.echo(made(ctx.find_root().command, {}, "ordergen", "_ORDERGEN_COMPLETE").source())


@click.command()
@with_output
def version(*, output: Output) -> None:
    """Print the versions of this command and of what it stands on; `ordergen doctor` tells the server's."""
    found = {name: installed(name) for name in _PACKAGES} | {"python": platform.python_version()}
    output.record(found, found)
