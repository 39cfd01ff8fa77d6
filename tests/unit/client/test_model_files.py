"""Models as people write them: every digit is read, and every mistake is named with its place."""

import csv
import io
from decimal import Decimal
from pathlib import Path

import click
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from ordergen_client.commands.models.files import ModelFile, read_model
from ordergen_client.commands.models.lines import Line

WEIGHTS = st.decimals(min_value=0, max_value=1, places=12)
LINES = st.lists(
    st.builds(
        Line,
        st.text("ABCDEFGHIJ.-0123456789", min_size=1, max_size=24).filter(lambda one: one.strip("- ") == one),
        WEIGHTS,
        WEIGHTS,
        WEIGHTS,
    ),
    max_size=8,
    unique_by=lambda line: line.security,
)


def written(text: str, folder: Path, name: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


@given(lines=LINES.filter(bool), separator=st.sampled_from(",;\t"), percent=st.booleans())
def test_a_spreadsheet_is_read_digit_for_digit(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line], separator: str, *, percent: bool
) -> None:
    def shown(weight: Decimal) -> str:
        return f"{weight.scaleb(2):f}%" if percent else f"{weight:f}"

    rows = [[one.security, *map(shown, (one.target, one.low_drift, one.high_drift))] for one in lines]
    file = io.StringIO()
    csv.writer(file, delimiter=separator).writerows(
        [["Security", "Target", "low_drift", "high_drift"], *rows]
    )
    path = written("\ufeff" + file.getvalue(), tmp_path_factory.mktemp("files"), "model.csv")
    assert read_model(path) == ModelFile(lines=lines)


@given(lines=LINES, version=st.none() | st.integers(1, 10**6))
def test_yaml_is_read_digit_for_digit(
    tmp_path_factory: pytest.TempPathFactory, lines: list[Line], version: int | None
) -> None:
    positions = [
        f"- {{security: {yaml.safe_dump(one.security).splitlines()[0]}, target: {one.target:f},"
        f" low_drift: {one.low_drift:f}, high_drift: {one.high_drift:f}}}\n"
        for one in lines
    ]
    head = "name: X\nportfolios: [A, B]\n" + ("" if version is None else f"version: {version}\n")
    text = head + ("positions:\n" + "".join(positions) if lines else "positions: []\n")
    path = written(text, tmp_path_factory.mktemp("files"), "model.yaml")
    assert read_model(path) == ModelFile("X", lines, ["A", "B"], version)


def test_what_a_file_does_not_have_is_not_said(tmp_path: Path) -> None:
    assert read_model(written("name: X\n", tmp_path, "model.yaml")) == ModelFile(name="X")


def test_every_mistake_is_named_with_its_line(tmp_path: Path) -> None:
    path = written("security,target\n,0.1\nA,x\nB,1e999999999\nC,-inf\n", tmp_path, "model.csv")
    with pytest.raises(click.UsageError) as raised:
        read_model(path)
    assert str(raised.value).splitlines() == [
        f"{path}:",
        "  line 2: security is missing: an id or a ticker",
        "  line 3: target must be a number, such as 0.05 or 5%, not 'x'",
        "  line 4: target must be a number, such as 0.05 or 5%, not '1e999999999'",
        "  line 5: target must be a number, such as 0.05 or 5%, not '-inf'",
    ]


def test_of_many_mistakes_the_first_are_told(tmp_path: Path) -> None:
    path = written("security,target\n" + ",1\n" * 25, tmp_path, "model.csv")
    with pytest.raises(click.UsageError, match="and 15 more"):
        read_model(path)


def test_a_decimal_comma_is_read_where_columns_are_parted_by_another_sign(tmp_path: Path) -> None:
    path = written("sep=;\nsecurity;target;low_drift\nAEP;5,5%;0,01\n", tmp_path, "model.csv")
    assert read_model(path).lines == [Line("AEP", Decimal("0.055"), Decimal("0.01"), Decimal(0))]


@pytest.mark.parametrize("text", ["1_000", "\uff11", "1e-99999", "9" * 5000, "0x1", "1,5", "--1", "."])
def test_what_only_looks_like_a_number_is_refused(tmp_path: Path, text: str) -> None:
    path = written(f'security,target\nA,"{text}"\n', tmp_path, "model.csv")
    with pytest.raises(click.UsageError, match="line 2: target must be a number"):
        read_model(path)
