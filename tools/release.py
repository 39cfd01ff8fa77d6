"""Makes releases: one version everywhere, notes from the changelog, a tag that stands for what was tested.

python -m tools.release prepare 0.2.0    set the version, and make a section of it of what is unreleased
python -m tools.release check            whether one version is everywhere, and the changelog has its section
python -m tools.release notes            that section, as notes
python -m tools.release tag              tag what is committed; refused where anything is not
python -m tools.release publish FILE ... a release on GitHub, with notes and these files

The exit code is 1 where something is not as it must be.
"""

import argparse
import re
import subprocess
import sys
import tempfile
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path

from packaging.version import InvalidVersion, Version

from tools.locks import ROOT

UNRELEASED = "Unreleased"
_BRANCH = "main"
_SECTION = re.compile(r"(?m)^## \[(?P<name>[^\]]+)\](?: - (?P<date>\d{4}-\d{2}-\d{2}))?\n")
#: As both distributions, the need of one for the other, the code and the OpenAPI document say it.
_PROJECT = re.compile(
    r'(?m)^((?:version|__version__) = "|  "version": "|dependencies = \["globeco-ordergen-client==)([^"]+)(")'
)
_SAID = "pyproject.toml", "ordergen_client/pyproject.toml", "ordergen_server/__init__.py", "docs/openapi.json"
_TAGGED = "docker-bake.json", "docs/deployment.md"
#: Our image in manifests: as it is named in them, and as an overlay sets its tag.
_TAG = re.compile(
    r"(?m)(globeco-order-generation-service[a-z-]*:|^[ -]*newTag: |^ *revision: v)(\d+\.\d+\.\d+\w*)()"
)


class ReleaseError(Exception):
    """Something is not as a release must be; the message says what."""


@dataclass(frozen=True, slots=True)
class Project:
    """The project in a folder."""

    root: Path

    @property
    def version(self) -> str:
        """As pyproject.toml has it."""
        found: str = tomllib.loads((self.root / "pyproject.toml").read_text())["project"]["version"]
        return found

    def places(self) -> Iterator[tuple[Path, re.Pattern[str]]]:
        """Every file that names the version, and how."""
        for name in _SAID:
            yield self.root / name, _PROJECT
        tagged = (self.root / name for name in _TAGGED)
        for path in (*tagged, *sorted((self.root / "kubernetes").rglob("*.yaml"))):
            if _TAG.search(path.read_text()):
                yield path, _TAG

    def check(self) -> None:
        """Hold the project to what a release is.

        Raises:
            ReleaseError: it is not that; all that is wrong is named.
        """
        wrong = [
            f"{path.relative_to(self.root)} has {match[2]}"
            for path, pattern in self.places()
            for match in pattern.finditer(path.read_text())
            if match[2] != self.version
        ]
        if self.version not in self._sections():
            wrong.append(f"CHANGELOG.md has no section of {self.version} with a date")
        if wrong:
            raise ReleaseError(f"the version is {self.version}, but " + ", ".join(wrong))

    def notes(self, name: str) -> str:
        """What a section of the changelog says.

        Raises:
            ReleaseError: there is none, or it says nothing.
        """
        text, found = self._changelog, list(_SECTION.finditer(self._changelog))
        for match, following in zip(found, [*found[1:], None], strict=True):
            if match["name"] == name:
                notes = text[match.end() : following.start() if following else len(text)].strip()
                if notes:
                    return notes
        raise ReleaseError(f"CHANGELOG.md says nothing of {name}")

    def prepare(self, version: str, today: date) -> None:
        """Set a version everywhere, and give it what is unreleased.

        Raises:
            ReleaseError: it is no version after the present one, or nothing is unreleased.
        """
        _check_follows(version, self.version, released=bool(self._sections()))
        self.notes(UNRELEASED)
        heading = f"## [{UNRELEASED}]\n\n## [{version}] - {today.isoformat()}\n"
        changelog = self._changelog.replace(f"## [{UNRELEASED}]\n", heading, 1)
        for path, pattern in list(self.places()):
            path.write_text(pattern.sub(rf"\g<1>{version}\g<3>", path.read_text()))
        (self.root / "CHANGELOG.md").write_text(changelog)

    def tag(self) -> str:
        """Tag what is committed, with the notes.

        Raises:
            ReleaseError: it is not all committed, not on the main branch, tagged already, or not a release.
        """
        self.check()
        if changed := self._git("status", "--porcelain"):
            raise ReleaseError(f"not everything is committed: {', '.join(changed.splitlines())}")
        if (branch := self._git("branch", "--show-current")) != _BRANCH:
            raise ReleaseError(f"this is the branch {branch or 'of no name'}, and not {_BRANCH}")
        name = f"v{self.version}"
        if self._git("tag", "--list", name):
            raise ReleaseError(f"there is a tag {name} already")
        self._git("tag", "--annotate", "--cleanup=verbatim", "--message", self.notes(self.version), name)
        return name

    def publish(self, files: list[str], program: str) -> str:
        """Make a release of the tag on GitHub.

        Raises:
            ReleaseError: the tag is of something else, or GitHub refuses.
        """
        self.check()
        name = f"v{self.version}"
        if self._git("rev-parse", "HEAD") != self._git("rev-list", "-n", "1", name):
            raise ReleaseError(f"what is here is not what {name} stands for")
        with tempfile.NamedTemporaryFile("w", suffix=".md") as notes:
            notes.write(self.notes(self.version) + "\n")
            notes.flush()
            form = ["--verify-tag", "--title", self.version, "--notes-file", notes.name]
            self._called([program, "release", "create", name, *form, *files])
        return name

    @property
    def _changelog(self) -> str:
        return (self.root / "CHANGELOG.md").read_text()

    def _sections(self) -> list[str]:
        return [one["name"] for one in _SECTION.finditer(self._changelog) if one["date"]]

    def _git(self, *arguments: str) -> str:
        return self._called(["git", *arguments])

    def _called(self, command: list[str]) -> str:
        try:
            answer = subprocess.run(command, cwd=self.root, capture_output=True, text=True, check=False)
        except OSError as error:
            raise ReleaseError(f"{command[0]} cannot be started: {error.strerror}") from error
        if answer.returncode:
            raise ReleaseError(f"{' '.join(command[:3])}: {answer.stderr.strip()}")
        return answer.stdout.strip()


def _check_follows(version: str, present: str, *, released: bool) -> None:
    """Whether a version may come next; the first one may be the one that is there."""
    if not re.fullmatch(r"\d+\.\d+\.\d+((a|b|rc)\d+)?", version):
        raise ReleaseError(f"{version} is no version such as 1.2.3 or 1.2.3rc1")
    try:
        follows = Version(version) > Version(present)
    except InvalidVersion as error:
        raise ReleaseError(str(error)) from error
    if not (follows or (version == present and not released)):
        raise ReleaseError(f"{version} does not come after {present}")


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.release",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("step", choices=("prepare", "check", "notes", "tag", "publish"))
    parser.add_argument("rest", nargs="*", metavar="...", help="the version, or the files")
    parser.add_argument("--root", type=Path, default=ROOT, help="folder of the project")
    parser.add_argument("--gh", default="gh", help="the program of GitHub")
    options = parser.parse_args(arguments)
    try:
        print(_carried_out(Project(options.root), options))
    except ReleaseError as error:
        print(f"NOT DONE: {error}.", file=sys.stderr)
        return 1
    return 0


def _carried_out(project: Project, options: argparse.Namespace) -> str:
    if options.step == "prepare":
        if len(options.rest) != 1:
            raise ReleaseError("prepare takes one version")
        project.prepare(options.rest[0], datetime.now(UTC).date())
        return f"Prepared {project.version}: look at what changed, and commit it."
    if options.step == "check":
        project.check()
        return f"Everything is of version {project.version}."
    if options.step == "notes":
        return project.notes(project.version)
    if options.step == "tag":
        return f"Tagged {project.tag()}."
    return f"Published {project.publish(options.rest, options.gh)}."


if __name__ == "__main__":
    sys.exit(main())
