"""The command: every `ordergen ... --help`, as it is printed."""

from collections.abc import Iterator

import click

from ordergen_client.cli import main
from tools.site.markdown import fenced, section

NAME = "ordergen"
#: Columns that help is wrapped at: those of the site's blocks on a wide screen.
COLUMNS = 84


def commands() -> str:
    """The help of the command and of everything below it as Markdown, from headings of level 2 on."""
    return "\n".join(line for context in _contexts(main, NAME, None) for line in _described(context))


def _described(context: click.Context) -> Iterator[str]:
    path = context.command_path
    yield from section(2, f"`{path}`", f"command-{path.replace(' ', '-')}")
    yield from fenced(context.get_help())


def _contexts(command: click.Command, name: str, above: click.Context | None) -> Iterator[click.Context]:
    """A command and those below it, without those that are hidden."""
    settings = {**command.context_settings, "terminal_width": COLUMNS, "max_content_width": COLUMNS}
    context = click.Context(command, above, info_name=name, **settings)
    yield context
    if isinstance(command, click.Group):
        for inner in command.list_commands(context):
            found = command.get_command(context, inner)
            if found and not found.hidden:
                yield from _contexts(found, inner, context)
