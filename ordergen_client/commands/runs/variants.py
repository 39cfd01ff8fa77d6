"""Variants of options as a file that people write: YAML, whose numbers are read digit for digit."""

import inspect
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from pathlib import Path
from typing import Any, Final

import click
import yaml

from ordergen_client.client import Client
from ordergen_client.commands.models.lines import Line, line_of
from ordergen_client.commands.shared import finding
from ordergen_client.commands.shared.decimals import exact
from ordergen_client.records.desk.comparisons import Variant
from ordergen_client.records.options.options import RebalanceOptions
from ordergen_client.records.values import Position

_FIELDS: Final = ("name", "options", "positions")
_OPTIONS: Final = tuple(inspect.signature(RebalanceOptions).parameters)
#: Mistakes of a file that are told.
_TOLD: Final = 10


@dataclass(frozen=True, slots=True)
class _Written:
    """A variant as it is written: securities by id or ticker."""

    where: str
    name: str
    options: Mapping[str, Any]
    lines: tuple[Line, ...]

    def securities(self) -> Iterator[str]:
        """All that are named."""
        yield from (line.security for line in self.lines)
        for value in self.options.values():
            if isinstance(value, Mapping):
                yield from map(str, value)


def read_variants(client: Client, path: Path) -> list[Variant]:
    """The variants of a file. Raises click.UsageError with its mistakes, Failure for unknown securities."""
    mistakes: list[str] = []
    written = list(_written(_document(path), mistakes))
    _refuse(path, mistakes)
    ids = finding.securities(client, [one for each in written for one in each.securities()])
    found = [_variant(one, ids, mistakes) for one in written]
    _refuse(path, mistakes)
    return [one for one in found if one]


def _refuse(path: Path, mistakes: list[str]) -> None:
    if mistakes:
        left = f"\n  and {len(mistakes) - _TOLD:,} more" if len(mistakes) > _TOLD else ""
        raise click.UsageError(f"{path}:" + "".join(f"\n  {one}" for one in mistakes[:_TOLD]) + left)


def _document(path: Path) -> object:
    try:
        return yaml.load(path.read_text(encoding="utf-8-sig"), _Exact)  # noqa: S506 - a safe loader with less
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise click.UsageError(f"{path} cannot be read: {why}") from error
    except (yaml.YAMLError, RecursionError) as error:
        raise click.UsageError(f"{path} is no YAML: {_why(error)}") from error


def _why(error: Exception) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"{error.problem} in line {error.problem_mark.line + 1}"
    return str(error).partition("\n")[0]


def _written(document: object, mistakes: list[str]) -> Iterator[_Written]:
    listed = document.get("variants") if isinstance(document, dict) and len(document) == 1 else None
    if not isinstance(listed, list) or not listed:
        mistakes.append("it must have variants, and nothing else: a list of name, options and positions")
        return
    for place, one in enumerate(listed):
        where = f"variants[{place}]"
        if not isinstance(one, dict):
            mistakes.append(f"{where}: must have name, options, positions")
            continue
        mistakes += [f"{where}: {key} is no field of a variant" for key in one if key not in _FIELDS]
        options = one.get("options") or {}
        if not isinstance(options, dict):
            mistakes.append(f"{where}.options: must have options by their names")
            options = {}
        mistakes += [f"{where}.options: {_unknown(key)}" for key in options if key not in _OPTIONS]
        lines = tuple(_lines(one.get("positions"), f"{where}.positions", mistakes))
        yield _Written(where, str(one.get("name") or ""), options, lines)


def _unknown(option: object) -> str:
    """An option that there is not, and the one that it is most like."""
    near = get_close_matches(str(option), _OPTIONS, 1)
    return f"{option} is no option" + "".join(f": is it {one}?" for one in near)


def _lines(positions: object, where: str, mistakes: list[str]) -> Iterator[Line]:
    if positions is None:
        return
    if not isinstance(positions, list) or not positions:
        mistakes.append(f"{where}: must be a list; leave it out for those of the model")
        return
    for place, one in enumerate(positions):
        if not isinstance(one, dict):
            mistakes.append(f"{where}[{place}]: must have security, target, low_drift, high_drift")
            continue
        texts = {key: "" if value is None else str(value) for key, value in one.items()}
        if line := line_of(texts, f"{where}[{place}]", mistakes):
            yield line


def _variant(written: _Written, ids: Mapping[str, str], mistakes: list[str]) -> Variant | None:
    options = {name: _value(value, ids) for name, value in written.options.items()}
    lines = [Position(ids[one.security], one.target, one.low_drift, one.high_drift) for one in written.lines]
    try:
        return Variant(written.name, RebalanceOptions(**options), lines)
    except (TypeError, ValueError) as error:
        mistakes.append(f"{written.where}.options: {error}")
        return None


def _value(value: object, ids: Mapping[str, str]) -> Any:  # noqa: ANN401 - whatever options take
    """A value as options take it: securities by their ids, and `5%` as 0.05."""
    match value:
        case Mapping():
            return {ids[str(key)]: _value(one, ids) for key, one in value.items()}
        case str():
            number = exact(value, is_weight=True)
            return value if number is None else number
    return value


class _Exact(yaml.SafeLoader):
    """Reads true, false, whole numbers and null as such, all else as text; refuses a key that comes twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """See SafeLoader."""
        keys = [self.construct_object(key, deep=True) for key, _value in node.value]
        twice = next((key for place, key in enumerate(keys) if key in keys[:place]), None)
        if twice is not None:
            raise yaml.MarkedYAMLError(problem=f"{twice} stands there twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep=deep)


_Exact.yaml_implicit_resolvers = {}
for _kind, _form, _first in (
    ("bool", "true|false", "tf"),
    ("int", "0|[1-9][0-9]*", "0123456789"),
    ("null", "null|", ["n", ""]),
):
    _Exact.add_implicit_resolver(
        f"tag:yaml.org,2002:{_kind}", re.compile(rf"(?:{_form})\Z", re.ASCII), list(_first)
    )
