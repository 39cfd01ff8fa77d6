"""The image: built for all platforms, signed by what was pushed, and named once it is."""

import json
import tomllib
from pathlib import Path

import pytest

from tests.unit.tools.programs import Programs, on_path
from tools import publish, sbom
from tools.locks import ROOT

DIGEST = f"sha256:{'0' * 64}"
IMAGE = "registry.example/ours"


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Programs:
    found = on_path(tmp_path / "bin", monkeypatch)
    pushed = json.dumps({"containerimage.digest": DIGEST})
    found.add("docker", f"[ \"$2\" = imagetools ] || echo '{pushed}' > {tmp_path}/image.json")
    found.add("cosign")
    monkeypatch.setattr(sbom, "write", lambda path: path.write_text("a bill"))
    return found


def published(folder: Path, step: str, *arguments: str) -> int:
    files = ["--built", str(folder / "image.json"), "--bill", str(folder / "sbom.json")]
    return publish.main([step, *files, *arguments])


def test_to_build_it_needs_no_name_and_keeps_nothing(tmp_path: Path, programs: Programs) -> None:
    assert published(tmp_path, "build") == 0
    (call,) = programs.calls()
    assert call[:3] == ["docker", "buildx", "build"]
    assert {"--platform=linux/amd64,linux/arm64", "--target=production"} < set(call)
    assert [one for one in call if one.startswith(("--push", "--tag"))] == []


def test_layers_are_kept_from_one_build_to_the_next(tmp_path: Path, programs: Programs) -> None:
    """In a folder that is a new one each time, for an old one only grows."""
    layers, fresh = tmp_path / "layers", tmp_path / "layers.fresh"
    programs.add("docker", f"mkdir {fresh} && echo new > {fresh}/index.json")
    for _ in range(2):
        assert published(tmp_path, "build", "--cache", str(layers)) == 0
        assert (layers / "index.json").read_text() == "new\n"
    first, second = programs.calls()
    assert f"--cache-to=type=local,dest={fresh},mode=max" in first
    assert [one for one in first if one.startswith("--cache-from")] == []
    assert f"--cache-from=type=local,src={layers}" in second


def test_from_pushing_to_the_name_of_a_release(tmp_path: Path, programs: Programs) -> None:
    """Everything after the push goes by the digest of what was pushed."""
    for step in ("push", "sign", "promote"):
        assert published(tmp_path, step, "--image", IMAGE) == 0
    assert published(tmp_path, "verify", "--image", IMAGE, "--identity", "https://ours/.*") == 0
    push, sign, attest, promote, verify, attested = programs.calls()
    assert {"--push", f"--tag={IMAGE}:candidate", "--provenance=mode=max", "--sbom=true"} < set(push)
    reference = f"{IMAGE}@{DIGEST}"
    assert sign == ["cosign", "sign", "--yes", "--recursive", reference]
    bill = tmp_path / "sbom.json"
    form = ["--yes", "--type=cyclonedx", f"--predicate={bill}", reference]
    assert attest == ["cosign", "attest", *form]
    assert bill.read_text() == "a bill"
    version = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"]
    assert promote[2:] == ["imagetools", "create", f"--tag={IMAGE}:{version}", reference]
    for call in (verify, attested):
        assert {"--certificate-identity-regexp=https://ours/.*", reference} < set(call)


@pytest.mark.parametrize(
    ("step", "arguments", "said"),
    [
        ("push", [], "--image says where it goes"),
        ("sign", ["--image", IMAGE], "push first"),
        ("promote", ["--image", IMAGE], "push first"),
    ],
)
def test_what_is_missing(
    step: str,
    arguments: list[str],
    said: str,
    programs: Programs,
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert published(programs.folder.parent, step, *arguments) == 1
    assert (programs.calls(), said in capsys.readouterr().err) == ([], True)


@pytest.mark.parametrize("said", ["", "{}", '{"containerimage.digest": "latest"}'])
def test_what_has_no_digest_is_not_signed(said: str, tmp_path: Path, programs: Programs) -> None:
    (tmp_path / "image.json").write_text(said)
    assert published(tmp_path, "sign", "--image", IMAGE) == 1
    assert programs.calls() == []


def test_whose_signature_it_must_be_is_said(tmp_path: Path, programs: Programs) -> None:
    assert published(tmp_path, "push", "--image", IMAGE) == 0
    assert published(tmp_path, "verify", "--image", IMAGE) == 1
    assert len(programs.calls()) == 1


def test_a_step_that_fails_ends_it(tmp_path: Path, programs: Programs) -> None:
    assert published(tmp_path, "push", "--image", IMAGE) == 0
    programs.add("cosign", "exit 1")
    assert published(tmp_path, "sign", "--image", IMAGE) == 1
    assert [one[:2] for one in programs.calls()] == [["docker", "buildx"], ["cosign", "sign"]]


def test_a_program_that_is_not_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(publish, "_git", lambda *_: "0")
    on_path(tmp_path / "bin", monkeypatch, alone=True)
    assert published(tmp_path, "build") == 1
    assert "docker is not installed" in capsys.readouterr().err
