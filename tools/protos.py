"""Makes the stubs from protos/ and checks the contract with buf.

python -m tools.protos generate         write generated/ again
python -m tools.protos check            stubs up to date, buf lint, buf breaking against the main branch
python -m tools.protos describe FILE    the contract and what it imports, as descriptors with their comments
"""

import argparse
import filecmp
import shutil
import subprocess
import sys
import tempfile
from importlib import resources
from pathlib import Path

import google.api
import google.rpc
import google.type

ROOT = Path(__file__).resolve().parent.parent
PROTOS = ROOT / "protos"
GENERATED = ROOT / "generated"
IMPORTED = (google.api, google.rpc, google.type)


def generate(target: Path) -> None:
    """Write the stubs and type stubs of every proto into `target`, replacing what is there.

    Raises:
        subprocess.CalledProcessError: protoc refused a file; its reason is on standard error.
    """
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    _run(
        *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={PROTOS}", *_include_flags()),
        *(f"--{kind}_out={target}" for kind in ("python", "grpc_python", "mypy", "mypy_grpc")),
        # Servicers may leave out what they do not serve yet: the base class answers UNIMPLEMENTED.
        "--mypy_grpc_opt=generate_concrete_servicer_stubs",
        *map(str, _proto_files(PROTOS)),
    )
    for folder in (path.parent for path in target.rglob("*_pb2.py")):
        (folder / "__init__.py").touch()
        (folder / "py.typed").touch()


def describe(target: Path) -> None:
    """Write descriptors of every proto and what it imports, with their comments, into the file `target`."""
    _run(
        *(sys.executable, "-m", "grpc_tools.protoc", f"--proto_path={PROTOS}", *_include_flags()),
        *(f"--descriptor_set_out={target.resolve()}", "--include_imports", "--include_source_info"),
        *map(str, _proto_files(PROTOS)),
    )


def stale_stubs() -> list[str]:
    """Name the files in generated/ that differ from what protos/ makes today."""
    with tempfile.TemporaryDirectory() as folder:
        fresh = Path(folder) / "generated"
        generate(fresh)
        names = _file_names(fresh) | _file_names(GENERATED)
        _, different, missing = filecmp.cmpfiles(fresh, GENERATED, sorted(names), shallow=False)
        return sorted({*different, *missing})


def lint() -> str:
    """Answer what `buf lint` complains about; empty where it does not."""
    with tempfile.TemporaryDirectory() as folder:
        _lay_out(PROTOS, Path(folder))
        return _buf("lint", folder)


def breaking(against: str) -> str:
    """Answer what `buf breaking` finds between the protos of the git revision `against` and these."""
    with tempfile.TemporaryDirectory() as now, tempfile.TemporaryDirectory() as before:
        if not _export(against, Path(before)):
            return ""  # that revision has no contract yet, so there is nothing to break
        _lay_out(PROTOS, Path(now))
        _lay_out(Path(before) / "protos", Path(before))
        return _buf("breaking", now, "--against", before)


def main_branch() -> str:
    """Name the revision to compare with: the main branch, or its first parent where we stand on its tip."""
    main = next((name for name in ("main", "origin/main") if _revision(name)), "HEAD")
    parent = _revision(f"{main}~1")
    return parent if parent and _revision(main) == _revision("HEAD") else main


def _proto_files(folder: Path) -> list[Path]:
    return sorted(folder.rglob("*.proto"))


def _file_names(folder: Path) -> set[str]:
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if path.is_file() and "__pycache__" not in path.parts
    }


def _include_flags() -> list[str]:
    site_packages = Path(google.type.__path__[0]).parent.parent
    well_known = resources.files("grpc_tools") / "_proto"
    return [f"--proto_path={site_packages}", f"--proto_path={well_known}"]


def _lay_out(protos: Path, workspace: Path) -> None:
    """Make a buf workspace: our module as buf.yaml has it, and the google protos it imports beside it."""
    if protos.parent != workspace:
        shutil.copytree(protos, workspace / "protos")
    for package in IMPORTED:
        source = Path(package.__path__[0])
        for path in source.glob("*.proto"):
            target = workspace / "google_protos" / "google" / source.name / path.name
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(path, target)
    config = (
        (ROOT / "buf.yaml")
        .read_text()
        .replace(
            "  - path: protos\n",
            "  - path: protos\n  - path: google_protos\n    lint: {ignore: [google_protos]}\n",
        )
    )
    (workspace / "buf.yaml").write_text(config)


def _export(revision: str, target: Path) -> bool:
    archive = subprocess.run(
        ["git", "archive", revision, "protos"], cwd=ROOT, capture_output=True, check=False
    )
    if archive.returncode:
        return False
    subprocess.run(["tar", "-x", "-C", str(target)], input=archive.stdout, check=True)
    return True


def _revision(name: str) -> str:
    """Answer the commit a name stands for; empty where there is none (a shallow clone, a first commit)."""
    answer = subprocess.run(
        ["git", "rev-parse", "--verify", "--quiet", f"{name}^{{commit}}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    return answer.stdout.strip()


def _buf(*arguments: str) -> str:
    buf = Path(sys.executable).with_name("buf")
    answer = subprocess.run([str(buf), *arguments], capture_output=True, text=True, check=False)
    return answer.stdout + answer.stderr if answer.returncode else ""


def _run(*command: str) -> None:
    path = f"{Path(sys.executable).parent}:/usr/bin:/bin"
    subprocess.run(command, check=True, cwd=ROOT, env={"PATH": path})


def main() -> int:
    """Run the command line; the exit code is 1 where the check finds something."""
    parser = argparse.ArgumentParser(
        prog="python -m tools.protos",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("command", choices=("generate", "check", "describe"))
    parser.add_argument("file", nargs="?", type=Path, help="of `describe`")
    arguments = parser.parse_args()
    if (arguments.command == "describe") != (arguments.file is not None):
        parser.error("describe takes a file, and nothing else does")
    if arguments.command == "check":
        return _check()
    if arguments.command == "generate":
        generate(GENERATED)
    else:
        describe(arguments.file)
    return 0


def _check() -> int:
    against = main_branch()
    findings = [f"stale: {name}" for name in stale_stubs()] + [lint(), breaking(against)]
    found = "\n".join(finding for finding in findings if finding)
    print(found or f"The stubs are up to date, buf lint is clean, nothing breaks against {against}.")
    return bool(found)


if __name__ == "__main__":
    sys.exit(main())
