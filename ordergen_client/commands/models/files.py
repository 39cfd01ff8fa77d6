"""Models as files that people write: YAML, or CSV of a spreadsheet. Weights are read digit for digit."""

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import click
import yaml

from ordergen_client.commands.models.lines import SECURITY, Line, line_of

#: Errors of a file that are told.
_TOLD: Final = 10
#: Of a version.
_DIGITS: Final = 18
_PORTFOLIOS: Final = "portfolios", "portfolio_ids"
#: What `ordergen models show` writes beside what may be changed.
_READ_ONLY: Final = {
    "positions_count",
    "portfolios_count",
    "total_target",
    "last_rebalance_time",
    "create_time",
    "update_time",
    "update_actor",
}


@dataclass(frozen=True, slots=True)
class ModelFile:
    """What a file says of a model; None is what it does not say.

    Attributes:
        name: of the model.
        lines: its positions.
        portfolios: by id or name.
        version: the one that was read and is changed.
        model_id: of the model that it was read from.
    """

    name: str | None = None
    lines: Sequence[Line] | None = None
    portfolios: Sequence[str] | None = None
    version: int | None = None
    model_id: str | None = None


def read_model(path: Path) -> ModelFile:
    """What a file says: CSV where its name ends so, otherwise YAML. Raises click.UsageError with mistakes."""
    try:
        text = path.read_text(encoding="utf-8-sig")
    except (OSError, UnicodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not UTF-8"
        raise click.UsageError(f"{path} cannot be read: {why}") from error
    mistakes: list[str] = []
    is_csv = path.suffix.lower() in {".csv", ".tsv", ".txt"}
    found = _of_csv(text, mistakes) if is_csv else _of_yaml(text, mistakes)
    if found.lines is not None:
        _refuse_twice([line.security for line in found.lines], mistakes)
    if mistakes:
        left = f"\n  and {len(mistakes) - _TOLD:,} more" if len(mistakes) > _TOLD else ""
        raise click.UsageError(f"{path}:" + "".join(f"\n  {one}" for one in mistakes[:_TOLD]) + left)
    return found


def _of_csv(text: str, mistakes: list[str]) -> ModelFile:
    if text.startswith("sep="):  # which spreadsheets write for themselves
        text = text.partition("\n")[2]
    head = text.partition("\n")[0]
    separator = max(",;\t", key=head.count)
    rows = csv.DictReader(io.StringIO(text), delimiter=separator, skipinitialspace=True, strict=True)
    try:
        names = [name.strip().lower() for name in rows.fieldnames or ()]
        rows.fieldnames = names
        if not (set(SECURITY) & set(names) and "target" in names):
            mistakes.append("the first line must be: security,target,low_drift,high_drift")
            return ModelFile()
        lines = [
            line_of(
                {key: _with_point(value, separator) for key, value in row.items() if key},
                f"line {rows.line_num}",
                mistakes,
            )
            for row in rows
            if any(value for key, value in row.items() if key)
        ]
    except csv.Error as error:
        mistakes.append(f"line {rows.line_num}: {error}")
        return ModelFile()
    if not lines:
        mistakes.append("it has no position")
    return ModelFile(lines=[line for line in lines if line])


def _with_point(value: Any, separator: str) -> Any:  # noqa: ANN401 - a text, or what csv makes of too many
    """A number with a decimal comma, as spreadsheets write it that part columns by another sign."""
    return value.replace(",", ".") if separator != "," and isinstance(value, str) else value


def _of_yaml(text: str, mistakes: list[str]) -> ModelFile:
    try:
        document = yaml.load(text, _Texts)  # noqa: S506 - it makes texts, lists and mappings alone
    except yaml.YAMLError as error:
        mistakes.append(f"it is no YAML: {_where(error)}")
        return ModelFile()
    except RecursionError:
        mistakes.append("it is nested too deeply")
        return ModelFile()
    if not isinstance(document, dict):
        mistakes.append("it must have name, positions and portfolios")
        return ModelFile()
    taken = {"name", "positions", "version", "model_id", *_PORTFOLIOS, *_READ_ONLY}
    mistakes += [f"{key}: a model has no such field" for key in document if key not in taken]
    found = ModelFile(
        name=_text(document, "name", mistakes),
        version=_version(document.get("version"), mistakes),
        model_id=_text(document, "model_id", mistakes),
    )
    if "positions" in document:
        found = replace(found, lines=list(_lines(document["positions"], mistakes)))
    given = next((document[key] for key in _PORTFOLIOS if key in document), None)
    if given is not None:
        found = replace(found, portfolios=_texts(given, mistakes))
    return found


def _lines(positions: object, mistakes: list[str]) -> Iterator[Line]:
    if not positions:
        return
    if not isinstance(positions, list):
        mistakes.append("positions: must be a list")
        return
    for place, one in enumerate(positions):
        if not isinstance(one, dict):
            mistakes.append(f"positions[{place}]: must have security, target, low_drift, high_drift")
        elif line := line_of(one, f"positions[{place}]", mistakes):
            yield line


def _text(document: Mapping[str, Any], key: str, mistakes: list[str]) -> str | None:
    given = document.get(key)
    if given is None or isinstance(given, str):
        return given
    mistakes.append(f"{key}: must be a text, not {given!r}")
    return None


def _version(given: object, mistakes: list[str]) -> int | None:
    if given is None:
        return None
    if isinstance(given, str) and given.isascii() and given.isdecimal() and len(given) <= _DIGITS:
        return int(given)
    mistakes.append(f"version: must be a whole number, not {given!r}")
    return None


def _texts(given: object, mistakes: list[str]) -> list[str]:
    if not given:
        return []
    if not isinstance(given, list) or not all(isinstance(one, str) for one in given):
        mistakes.append("portfolios: must be a list of ids or names")
        return []
    return given


def _refuse_twice(securities: Sequence[str], mistakes: list[str]) -> None:
    seen: set[str] = set()
    for one in securities:
        if one in seen:
            mistakes.append(f"{one} stands there twice")
        seen.add(one)


class _Texts(yaml.BaseLoader):
    """Reads every number as its text, and refuses a key that comes twice."""

    def construct_mapping(self, node: yaml.MappingNode, deep: bool = False) -> dict[Any, Any]:
        """See BaseLoader."""
        keys = [self.construct_object(key, deep=True) for key, _value in node.value]
        twice = next((key for place, key in enumerate(keys) if key in keys[:place]), None)
        if twice is not None:
            raise yaml.MarkedYAMLError(problem=f"{twice} stands there twice", problem_mark=node.start_mark)
        return super().construct_mapping(node, deep=deep)


def _where(error: yaml.YAMLError) -> str:
    if isinstance(error, yaml.MarkedYAMLError) and error.problem_mark:
        return f"{error.problem} in line {error.problem_mark.line + 1}"
    return str(error).partition("\n")[0]
