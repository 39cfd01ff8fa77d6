"""The stubs are those of the protos, and buf finds nothing; and the checks do find what is wrong."""

import shutil
from pathlib import Path

import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorSet

from tools import protos

SERVICE = Path("protos/globeco/ordergen/v1/model_service.proto")


@pytest.fixture
def changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A copy of the protos that the tools take for ours; its ModelService."""
    shutil.copytree(protos.PROTOS, tmp_path / "protos")
    monkeypatch.setattr(protos, "PROTOS", tmp_path / "protos")
    return tmp_path / SERVICE


def test_the_stubs_are_up_to_date() -> None:
    assert protos.stale_stubs() == []


def test_buf_lint_finds_nothing() -> None:
    assert protos.lint() == ""


def test_nothing_breaks_against_the_main_branch() -> None:
    assert protos.breaking(protos.main_branch()) == ""


def test_a_changed_proto_makes_stubs_stale(changed: Path) -> None:
    changed.write_text(changed.read_text().replace("string order_by = 4", "string sorted_by = 4"))
    stale = protos.stale_stubs()
    assert "globeco/ordergen/v1/model_service_pb2.py" in stale
    assert "globeco/ordergen/v1/model_service_pb2.pyi" in stale


def test_a_missing_comment_is_found(changed: Path) -> None:
    changed.write_text(changed.read_text().replace("// Asks for one model.\n", ""))
    assert 'Message "GetModelRequest" should have a non-empty comment' in protos.lint()


def test_a_break_is_found(changed: Path) -> None:
    """In a clone of today's revision a field changes its type."""
    changed.write_text(changed.read_text().replace("int64 version = 2", "string version = 2"))
    assert "DeleteModelRequest" in protos.breaking("HEAD")


def test_a_revision_without_a_contract_breaks_nothing() -> None:
    assert protos.breaking("no-such-revision") == ""


def test_the_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.argv", ["protos", "check"])
    assert protos.main() == 0
    assert "nothing breaks against" in capsys.readouterr().out


def test_the_command_line_fails_where_something_is_found(
    changed: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    changed.write_text(changed.read_text().replace("// Asks for one model.\n", ""))
    monkeypatch.setattr("sys.argv", ["protos", "check"])
    assert protos.main() == 1
    assert "GetModelRequest" in capsys.readouterr().out


def test_the_contract_is_described_in_one_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With all that it imports and what it says: no other file is needed to make stubs of it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.argv", ["protos", "describe", "contract.binpb"])
    assert protos.main() == 0
    files = {one.name: one for one in FileDescriptorSet.FromString(Path("contract.binpb").read_bytes()).file}
    assert {name for one in files.values() for name in one.dependency} <= set(files)
    service = files["globeco/ordergen/v1/model_service.proto"]
    said = {one.leading_comments.strip() for one in service.source_code_info.location}
    assert "Asks for one model." in said


@pytest.mark.parametrize("arguments", [["describe"], ["check", "file"]])
def test_only_a_description_has_a_file(monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.setattr("sys.argv", ["protos", *arguments])
    with pytest.raises(SystemExit) as ended:
        protos.main()
    assert ended.value.code == 2
