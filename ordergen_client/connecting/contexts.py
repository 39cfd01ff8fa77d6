"""Named servers of a person: how each is reached, in a file of theirs.

current: desk
contexts:
  desk:
    target: ordergen.example:8088
    ca: /home/me/ca.pem
    token_file: /home/me/token
"""

import os
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Final, Self

import yaml

from ordergen_client.whole_file import whole_file


class ContextError(Exception):
    """There is no such context, or their file cannot be read; the message is for people."""


#: Of options that are no text.
_TYPES: Final[dict[str, type | tuple[type, ...]]] = {"tls": bool, "timeout": (int, float)}


@dataclass(frozen=True, slots=True)
class Context:
    """How one server is reached; None is as without a context."""

    target: str | None = None
    tls: bool | None = None
    ca: str | None = None
    certificate: str | None = None
    key: str | None = None
    token_file: str | None = None
    timeout: float | None = None
    actor: str | None = None

    def given(self) -> dict[str, object]:
        """What is not as without a context."""
        return {name: value for name, value in asdict(self).items() if value is not None}

    @classmethod
    def of(cls, name: str, given: object) -> Self:
        """The context that a file has. Raises ContextError with what cannot be."""
        if not isinstance(given, Mapping):
            raise ContextError(f"context {name} must be a mapping of options")
        known = {one.name for one in fields(cls)}
        unknown = [str(key) for key in given if key not in known]
        if unknown:
            raise ContextError(
                f"context {name} has no option {unknown[0]}; it may have {', '.join(sorted(known))}"
            )
        for key, value in given.items():
            if not isinstance(value, _TYPES.get(str(key), str)):
                raise ContextError(f"{key} of context {name} cannot be {value!r}")
        return cls(**given)


@dataclass(frozen=True, slots=True)
class Contexts:
    """All of them, and which is used where none is named."""

    known: Mapping[str, Context]
    current: str | None = None

    def chosen(self, name: str | None) -> Context:
        """The one of a name, or else the current one. Raises ContextError where there is no such one."""
        wanted = name or self.current
        if not wanted:
            return Context()
        if wanted not in self.known:
            there = f"there are {', '.join(sorted(self.known))}" if self.known else "there is none"
            raise ContextError(f"there is no context {wanted}: {there} (ordergen context list)")
        return self.known[wanted]


def contexts_path() -> Path:
    """Where they are kept: $XDG_CONFIG_HOME/ordergen/contexts.yaml, or the like of other systems."""
    if os.name == "nt":
        folder = Path(os.environ.get("APPDATA", "~")).expanduser()
    else:
        folder = Path(os.environ.get("XDG_CONFIG_HOME") or "~/.config").expanduser()
    return folder / "ordergen" / "contexts.yaml"


def read_contexts(path: Path) -> Contexts:
    """The contexts of a file; none where there is no file. Raises ContextError where it cannot be read."""
    try:
        read = yaml.safe_load(path.read_text(encoding="utf-8")) or {}
        return Contexts(
            {str(name): Context.of(str(name), given) for name, given in (read.get("contexts") or {}).items()},
            _current(read.get("current")),
        )
    except FileNotFoundError:
        return Contexts({})
    except ContextError as error:
        raise ContextError(f"{path}: {error}") from error
    except (OSError, UnicodeError, AttributeError, TypeError, yaml.YAMLError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is no file of contexts"
        raise ContextError(f"{path} cannot be read: {why}") from error


def _current(given: object) -> str | None:
    if given is None or isinstance(given, str):
        return given
    raise ContextError(f"current must be the name of a context, not {given!r}")


def write_contexts(path: Path, contexts: Contexts) -> None:
    """Keep contexts, in a file that is whole or as it was. Raises FileNotWrittenError."""
    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    document = {
        "current": contexts.current,
        "contexts": {name: one.given() for name, one in sorted(contexts.known.items())},
    }
    with whole_file(path, force=True) as file:
        file.write(yaml.safe_dump(document, sort_keys=False).encode())
