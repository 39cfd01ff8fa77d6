"""Commands that are imported once they are asked for: `ordergen --help` reads no gRPC."""

from collections.abc import Mapping
from importlib import import_module
from typing import Any

import click


class LazyGroup(click.Group):
    """A group of commands by where they are.

    Args:
        places: by name, `module:attribute` and a line of help.
        hidden: the names of those that are not shown.
    """

    def __init__(
        self,
        *args: Any,  # noqa: ANN401 - click's
        places: Mapping[str, tuple[str, str]],
        hidden: frozenset[str] = frozenset(),
        **options: Any,  # noqa: ANN401 - click's
    ) -> None:
        super().__init__(*args, **options)
        self.places = places
        self._hidden = hidden

    def list_commands(self, ctx: click.Context) -> list[str]:
        """See Group."""
        del ctx
        return [name for name in self.places if name not in self._hidden]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """See Group."""
        del ctx
        if cmd_name not in self.places:
            return None
        module, _colon, attribute = self.places[cmd_name][0].partition(":")
        found: click.Command = getattr(import_module(module), attribute)
        return found

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """See Group; a name that is near to one is told."""
        try:
            return super().resolve_command(ctx, args)
        except click.UsageError as error:
            from difflib import get_close_matches  # noqa: PLC0415 - seldom needed

            near = get_close_matches(args[0], self.list_commands(ctx), 1) if args else []
            if near:
                raise click.UsageError(f"{error.message} Did you mean {near[0]!r}?", ctx) from None
            raise

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write their lines of help, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, self.places[name][1]) for name in self.list_commands(ctx)])
