"""Builds the image for all platforms, signs it, and gives it the name of a release.

python -m tools.publish build                    whether it can be built; nothing is kept
python -m tools.publish push --image NAME        build and push NAME:candidate, with provenance and contents
python -m tools.publish sign --image NAME        sign what was pushed, and its bill of materials
python -m tools.publish verify --image NAME      whether that is signed, by whom it must be
python -m tools.publish promote --image NAME     give what was pushed the name NAME:VERSION

Between `push` and `sign` it is scanned, so that a signature says that it was. `.build/image.json` has the
digest of what was pushed, which all that follows goes by. The pipeline itself signs, so that there is no key.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator
from pathlib import Path

from tools import locks, sbom

BUILT = locks.ROOT / ".build" / "image.json"
PLATFORMS = "linux/amd64,linux/arm64"
#: Who signs in a pipeline of GitHub, and whom its certificates are then of: a workflow of this repository.
ISSUER = "https://token.actions.githubusercontent.com"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_SECONDS = 3600.0


class PublishError(Exception):
    """It was not carried out; the message says why."""


def version() -> str:
    """The version of the project."""
    found: str = tomllib.loads((locks.ROOT / "pyproject.toml").read_text())["project"]["version"]
    return found


def build(image: str | None, built: Path, cache: Path | None) -> list[str]:
    """The call that builds it, and pushes it where it has a name. Layers are kept in a folder."""
    attestations = ["--provenance=mode=max", "--sbom=true"] if image else []
    kept = [f"--tag={image}:candidate", "--push", f"--metadata-file={built}"] if image else []
    cached = [f"--cache-to=type=local,dest={_fresh(cache)},mode=max"] if cache else []
    if cache and cache.exists():
        cached.append(f"--cache-from=type=local,src={cache}")
    labels = [f"--label=org.opencontainers.image.{name}={text}" for name, text in _labels()]
    form = [f"--platform={PLATFORMS}", "--target=production", *labels, *attestations, *kept, *cached]
    return ["docker", "buildx", "build", *form, "."]


def _fresh(cache: Path) -> Path:
    """Where layers go first: a folder that is written to again and again only grows."""
    return cache.with_name(f"{cache.name}.fresh")


def _labels() -> Iterator[tuple[str, str]]:
    yield "version", version()
    yield "revision", _git("rev-parse", "HEAD")


def digest(built: Path) -> str:
    """The digest of what was pushed.

    Raises:
        PublishError: nothing was.
    """
    try:
        found = json.loads(built.read_text())["containerimage.digest"]
    except (OSError, ValueError, KeyError) as error:
        raise PublishError(f"{built} does not say what was pushed: push first") from error
    if not _DIGEST.fullmatch(str(found)):
        raise PublishError(f"{built} has no digest: {found}")
    return str(found)


def sign(reference: str, bill: Path) -> list[list[str]]:
    """Signatures of whoever the pipeline is, logged in public: there is no key to lose."""
    attested = ["cosign", "attest", "--yes", "--type=cyclonedx", f"--predicate={bill}", reference]
    return [["cosign", "sign", "--yes", "--recursive", reference], attested]


def verify(reference: str, identity: str) -> list[list[str]]:
    """Whether both are there, and of that identity."""
    of_whom = [f"--certificate-identity-regexp={identity}", f"--certificate-oidc-issuer={ISSUER}"]
    attested = ["cosign", "verify-attestation", "--type=cyclonedx", *of_whom, reference]
    return [["cosign", "verify", *of_whom, reference], attested]


def promote(image: str, reference: str) -> list[str]:
    """Another name for the same digest."""
    return ["docker", "buildx", "imagetools", "create", f"--tag={image}:{version()}", reference]


def _call(command: list[str]) -> None:
    if shutil.which(command[0]) is None:
        raise PublishError(f"{command[0]} is not installed")
    environment = {**os.environ, "SOURCE_DATE_EPOCH": _git("log", "-1", "--format=%ct")}
    code = subprocess.run(command, cwd=locks.ROOT, env=environment, timeout=_SECONDS, check=False).returncode
    if code:
        raise PublishError(f"{' '.join(command[:3])} ended with {code}")


def _git(*arguments: str) -> str:
    answer = subprocess.run(["git", *arguments], cwd=locks.ROOT, capture_output=True, text=True, check=True)
    return answer.stdout.strip()


def commands(options: argparse.Namespace) -> list[list[str]]:
    """What is called for a step.

    Raises:
        PublishError: what it needs is not there.
    """
    if options.step == "build":
        return [build(None, options.built, options.cache)]
    if not options.image:
        raise PublishError("--image says where it goes")
    if options.step == "push":
        return [build(options.image, options.built, options.cache)]
    reference = f"{options.image}@{digest(options.built)}"
    if options.step == "sign":
        sbom.write(options.bill)
        return sign(reference, options.bill)
    if options.step == "promote":
        return [promote(options.image, reference)]
    if not options.identity:
        raise PublishError("--identity says whose signature it must be, as a regular expression")
    return verify(reference, options.identity)


def main(arguments: list[str] | None = None) -> int:
    """Run the command line; the exit code is 1 where a step was not carried out."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.publish",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("step", choices=("build", "push", "sign", "verify", "promote"))
    parser.add_argument("--image", help="name with the registry, without a tag")
    parser.add_argument("--cache", type=Path, help="folder of layers, kept from one build to the next")
    parser.add_argument("--identity", help="whose signature it must be")
    parser.add_argument("--built", type=Path, default=BUILT, help="what push says of it (%(default)s)")
    parser.add_argument("--bill", type=Path, default=sbom.OUTPUT, help="bill of materials (%(default)s)")
    options = parser.parse_args(arguments)
    try:
        for command in commands(options):
            print(" ".join(command), flush=True)
            _call(command)
        if options.cache and _fresh(options.cache).exists():
            shutil.rmtree(options.cache, ignore_errors=True)
            _fresh(options.cache).rename(options.cache)
    except (PublishError, subprocess.SubprocessError, OSError, ValueError) as error:
        print(f"NOT DONE: {error}.", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
