"""A run as a file: whole, or not there at all."""

import json
import os
from collections.abc import Iterator
from hashlib import sha256
from pathlib import Path

import pytest
from google.protobuf import json_format

from ordergen_client import OrderGenerationError
from ordergen_client.export import ExportError, Message, write_export
from ordergen_client.whole_file import FileNotWrittenError, whole_file
from tests.builders import RUN_ID
from tests.exports import answers, messages


@pytest.fixture(scope="module")
def told() -> list[Message]:
    return messages(answers())


def write(
    told: Iterator[Message] | list[Message], path: Path, *, force: bool = False
) -> list[tuple[int, int]]:
    """Write it; what its progress was."""
    steps: list[tuple[int, int]] = []
    write_export(told, RUN_ID, path, force=force, progress=lambda *step: steps.append(step))
    return steps


def test_every_message_is_a_line(told: list[Message], tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    steps = write(told, path)
    header, *lines = path.read_bytes().splitlines(keepends=True)
    assert json.loads(header) == {
        "format": "ordergen-rebalance",
        "version": 1,
        "rebalanceId": RUN_ID,
        "sha256": sha256(b"".join(lines)).hexdigest(),
    }
    assert [json_format.Parse(line, Message()) for line in lines] == told
    assert steps == [(done, 6) for done in range(7)]
    assert list(tmp_path.iterdir()) == [path]


def test_nothing_is_overwritten_but_by_force(told: list[Message], tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("mine")
    with pytest.raises(FileNotWrittenError, match="is there already: --force, or force=True, overwrites it"):
        write(told, path)
    assert path.read_text() == "mine"
    write(told, path, force=True)
    assert path.read_text() != "mine"


def test_what_another_export_writes_is_left_alone(told: list[Message], tmp_path: Path) -> None:
    path, part = tmp_path / "run.jsonl", tmp_path / "run.jsonl.part"
    part.write_text("half")
    with pytest.raises(FileNotWrittenError, match="another export writes it, or was killed"):
        write(told, path)
    assert (part.read_text(), path.exists()) == ("half", False)
    write(told, path, force=True)
    assert list(tmp_path.iterdir()) == [path]


def cut_off(told: list[Message], error: BaseException | None) -> Iterator[Message]:
    yield from told[:3]
    if error:
        raise error


@pytest.mark.parametrize(
    ("error", "raised"),
    [
        (None, ExportError),
        (OrderGenerationError("UNAVAILABLE", "down"), OrderGenerationError),
        (KeyboardInterrupt(), KeyboardInterrupt),
    ],
)
def test_what_is_cut_off_leaves_nothing(
    told: list[Message], tmp_path: Path, error: BaseException | None, raised: type[BaseException]
) -> None:
    path = tmp_path / "run.jsonl"
    path.write_text("mine")
    with pytest.raises(raised):
        write(cut_off(told, error), path, force=True)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_while_it_is_written_it_has_another_name(told: list[Message], tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    def looking() -> Iterator[Message]:
        for message in told:
            yield message
            assert [one.name for one in tmp_path.iterdir()] == ["run.jsonl.part"]

    write(looking(), path)
    assert path.exists()


def test_a_file_that_came_there_meanwhile_is_left_alone(told: list[Message], tmp_path: Path) -> None:
    path = tmp_path / "run.jsonl"

    def slow() -> Iterator[Message]:
        yield from told[:-1]
        path.write_text("mine")
        yield told[-1]

    with pytest.raises(FileNotWrittenError, match="is there already"):
        write(slow(), path)
    assert path.read_text() == "mine"
    assert list(tmp_path.iterdir()) == [path]


def test_a_folder_that_is_not_there(told: list[Message], tmp_path: Path) -> None:
    with pytest.raises(FileNotWrittenError, match="cannot be written: No such file or directory"):
        write(told, tmp_path / "none" / "run.jsonl")


@pytest.mark.parametrize("force", [False, True])
def test_what_is_no_file_is_not_replaced(tmp_path: Path, *, force: bool) -> None:
    """A pipe here; /dev/full would be gone, and a file in its place, for everybody on the machine."""
    os.mkfifo(tmp_path / "pipe")
    with (
        pytest.raises(FileNotWrittenError, match="is no file that can be replaced"),
        whole_file(tmp_path / "pipe", force=force),
    ):
        pass
    assert [one.name for one in tmp_path.iterdir()] == ["pipe"]


def test_a_link_stays_one(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path / "file")
    with whole_file(tmp_path / "link", force=True) as file:
        file.write(b"written")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "file").read_bytes() == b"written"
