"""Releases of a project in a folder: one version everywhere, notes, and tags of what is committed."""

import subprocess
from datetime import date
from pathlib import Path

import pytest

from tests.unit.tools.programs import on_path
from tools import release
from tools.locks import ROOT
from tools.release import Project, ReleaseError

CHANGELOG = """# Changelog

## [Unreleased]

### Added

- A new thing.

## [0.1.0] - 2026-01-01

- The first one.
"""
TODAY = date(2026, 2, 3)


def git(folder: Path, *arguments: str) -> str:
    command = ["git", "-c", "user.name=A", "-c", "user.email=a@example.com", *arguments]
    return subprocess.run(command, cwd=folder, check=True, capture_output=True, text=True).stdout.strip()


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Project:
    """All that names a version, committed on the main branch."""
    for name in ("AUTHOR", "COMMITTER"):
        monkeypatch.setenv(f"GIT_{name}_NAME", "A")
        monkeypatch.setenv(f"GIT_{name}_EMAIL", "a@example.com")
    root = tmp_path / "project"
    (root / "kubernetes" / "overlay").mkdir(parents=True)
    needed = 'dependencies = ["globeco-ordergen-client==0.1.0"]\n'
    (root / "pyproject.toml").write_text(f'[project]\nname = "x"\nversion = "0.1.0"\n{needed}')
    (root / "ordergen_client").mkdir()
    (root / "ordergen_client" / "pyproject.toml").write_text('[project]\nname = "y"\nversion = "0.1.0"\n')
    (root / "CHANGELOG.md").write_text(CHANGELOG)
    (root / "docs").mkdir()
    (root / "docs" / "openapi.json").write_text('{\n "info": {\n  "version": "0.1.0"\n }\n}\n')
    (root / "docs" / "deployment.md").write_text("push REGISTRY/globeco-order-generation-service:0.1.0\n")
    (root / "docker-bake.json").write_text('"globeco-order-generation-service-sandbox:0.1.0"\n')
    (root / "ordergen_server").mkdir()
    (root / "ordergen_server" / "__init__.py").write_text('__version__ = "0.1.0"\n')
    image = "image: globeco-order-generation-service:0.1.0\nother: mongo:8.0\n"
    (root / "kubernetes" / "deployment.yaml").write_text(image)
    (root / "kubernetes" / "overlay" / "kustomization.yaml").write_text("images:\n  - newTag: 0.1.0\n")
    git(root, "init", "-q", "-b", "main")
    commit(root)
    return Project(root)


def commit(root: Path) -> None:
    git(root, "add", "-A")
    git(root, "commit", "-q", "-m", "All")


def test_a_release_from_beginning_to_end(
    project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    project.prepare("0.2.0", TODAY)
    project.check()
    texts = [path.read_text() for path, _ in project.places()]
    assert [("0.2.0" in text, "0.1.0" in text) for text in texts] == 8 * [(True, False)]
    assert "mongo:8.0" in "".join(texts)
    heading = "## [Unreleased]\n\n## [0.2.0] - 2026-02-03\n\n### Added\n"
    assert heading in (project.root / "CHANGELOG.md").read_text()
    assert project.notes("0.2.0") == "### Added\n\n- A new thing."
    commit(project.root)
    assert project.tag() == "v0.2.0"
    assert git(project.root, "tag", "-n9", "--list", "v0.2.0", "--format=%(contents)") == project.notes(
        "0.2.0"
    )
    programs = on_path(tmp_path / "bin", monkeypatch)
    programs.add("gh")
    assert release.main(["publish", "sbom.json", "--root", str(project.root)]) == 0
    (call,) = programs.calls()
    assert (call[:5], call[-1]) == (["gh", "release", "create", "v0.2.0", "--verify-tag"], "sbom.json")


@pytest.mark.parametrize("version", ["0.1.0", "0.0.9", "0.1.0rc1", "1.2", "v1.0.0", "one", "1.0.0.dev1"])
def test_no_version_to_come(version: str, project: Project) -> None:
    before = {path: path.read_text() for path, _ in project.places()}
    with pytest.raises(ReleaseError, match=version):
        project.prepare(version, TODAY)
    assert {path: path.read_text() for path, _ in project.places()} == before


@pytest.mark.parametrize("version", ["0.1.1", "0.2.0rc1", "1.0.0"])
def test_versions_to_come(version: str, project: Project) -> None:
    project.prepare(version, TODAY)
    project.check()


def test_the_first_release_may_be_of_the_version_that_is_there(project: Project) -> None:
    path = project.root / "CHANGELOG.md"
    path.write_text(CHANGELOG.partition("## [0.1.0]")[0])
    project.prepare("0.1.0", TODAY)
    project.check()


def test_nothing_is_released_where_nothing_is_unreleased(project: Project) -> None:
    project.prepare("0.2.0", TODAY)
    with pytest.raises(ReleaseError, match="says nothing of Unreleased"):
        project.prepare("0.3.0", TODAY)


def test_all_that_is_of_another_version_is_named(project: Project) -> None:
    (project.root / "kubernetes" / "deployment.yaml").write_text(
        "globeco-order-generation-service:0.0.9\nglobeco-order-generation-service:0.1.0\n"
    )
    (project.root / "CHANGELOG.md").write_text("# Changelog\n\n## [Unreleased]\n")
    with pytest.raises(ReleaseError) as caught:
        project.check()
    assert str(caught.value) == (
        "the version is 0.1.0, but kubernetes/deployment.yaml has 0.0.9, "
        "CHANGELOG.md has no section of 0.1.0 with a date"
    )


def test_what_is_not_committed_is_not_tagged(project: Project) -> None:
    (project.root / "new.txt").write_text("")
    with pytest.raises(ReleaseError, match=r"not everything is committed: \?\? new\.txt"):
        project.tag()


def test_only_the_main_branch_is_tagged(project: Project) -> None:
    git(project.root, "switch", "-q", "-c", "other")
    with pytest.raises(ReleaseError, match="this is the branch other"):
        project.tag()


def test_a_tag_stays_where_it_is(project: Project) -> None:
    assert project.tag() == "v0.1.0"
    (project.root / "more.txt").write_text("")
    commit(project.root)
    with pytest.raises(ReleaseError, match=r"there is a tag v0\.1\.0 already"):
        project.tag()
    with pytest.raises(ReleaseError, match=r"what is here is not what v0\.1\.0 stands for"):
        project.publish([], "gh")


def test_github_refuses(project: Project, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    project.tag()
    with pytest.raises(ReleaseError, match="cannot be started"):
        project.publish([], "/nowhere/gh")
    on_path(tmp_path / "bin", monkeypatch).add("gh", "echo not allowed >&2; exit 1")
    with pytest.raises(ReleaseError, match="gh release create: not allowed"):
        project.publish([], "gh")


def test_the_command_line(project: Project, capsys: pytest.CaptureFixture[str]) -> None:
    root = ["--root", str(project.root)]
    assert release.main(["prepare", "0.2.0", *root]) == 0
    assert release.main(["check", *root]) == 0
    assert release.main(["notes", *root]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "- A new thing."
    assert release.main(["prepare", *root]) == 1
    assert release.main(["tag", *root]) == 1
    assert "NOT DONE: not everything is committed" in capsys.readouterr().err


def test_one_version_of_this_project_is_everywhere() -> None:
    ours = Project(ROOT)
    assert len(list(ours.places())) > 3
    versions = {match[2] for path, pattern in ours.places() for match in pattern.finditer(path.read_text())}
    assert versions == {ours.version}
