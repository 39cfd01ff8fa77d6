"""The client as others install it: its wheel alone, in an environment with what it asks for alone."""

import re
import subprocess
import sys
import venv
from collections.abc import Iterator
from importlib.metadata import distribution
from pathlib import Path
from zipfile import ZipFile

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from ordergen_server.sandbox.services.simulated import SimulatedSiblings
from tests.databases import temporary_database
from tests.e2e.api import Api, message_of, served
from tests.limits import PATIENCE

ROOT = Path(__file__).parents[2]
CLIENT = "globeco-ordergen-client"
LIBRARY = {"googleapis-common-protos", "grpcio", "grpcio-status", "protobuf", "typing-extensions"}
COMMAND = {"click", "markdown-it-py", "mdurl", "pygments", "pyyaml", "rich"}
REBALANCE = """
import sys
from importlib.util import find_spec
from ordergen_client import Client

assert not [name for name in ("ordergen_server", "optimizer", "rich", "click", "pymongo") if find_spec(name)]
with Client(sys.argv[1]) as client:
    (model,) = client.models.list()
    portfolios = list(client.runs.start(model.model_id))
print(*sorted(one.portfolio_id for one in portfolios))
assert not [name for name in ("rich", "click", "pytest", "grpc_health") if name in sys.modules]
"""


def run(*command: str | Path) -> "subprocess.CompletedProcess[str]":
    return subprocess.run(
        [str(part) for part in command],
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE,
        cwd=ROOT / "ordergen_client",
    )


def needed(name: str, extra: str = "") -> set[str]:
    """What an installation brings along, all the way down."""
    found: set[str] = set()
    asked = [(name, extra)]
    while asked:
        name, extra = asked.pop()
        for text in distribution(name).requires or ():
            requirement = Requirement(text)
            other = canonicalize_name(requirement.name)
            if other not in found and (
                not requirement.marker or requirement.marker.evaluate({"extra": extra})
            ):
                found.add(other)
                asked += [(other, one) for one in requirement.extras or {""}]
    return found


def link(names: set[str], site: Path) -> None:
    """Put what is installed here, as the lock has it, into another environment."""
    for name in names:
        found = distribution(name)
        for file in found.files or ():
            if ".." not in file.parts and file.suffix != ".pyc":
                place = site / file
                place.parent.mkdir(parents=True, exist_ok=True)
                place.symlink_to(Path(str(found.locate_file(file))).resolve())


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    built = run(sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", folder)
    assert built.returncode == 0, built.stderr
    (path,) = folder.glob("*.whl")
    return path


@pytest.fixture(scope="module")
def environment(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An environment that has the client alone."""
    folder = tmp_path_factory.mktemp("environment")
    venv.create(folder, with_pip=False, symlinks=True)
    link(LIBRARY, site(folder))
    python = folder / "bin" / "python"
    pip = (sys.executable, "-m", "pip", "--disable-pip-version-check", "--python", python)
    installed = run(*pip, "install", "--quiet", "--no-index", "--no-deps", wheel)
    assert installed.returncode == 0, installed.stderr
    return folder


def site(environment: Path) -> Path:
    (found,) = environment.glob("lib/python*/site-packages")
    return found


@pytest.fixture(scope="module")
def api(mongodb_uri: str, clean_siblings: SimulatedSiblings) -> Iterator[Api]:
    with temporary_database(mongodb_uri) as name, served(mongodb_uri, name, clean_siblings) as running:
        yield running


def test_it_has_the_client_and_the_contract_and_nothing_of_the_server(wheel: Path) -> None:
    with ZipFile(wheel) as content:
        names = content.namelist()
        metadata = content.read(next(one for one in names if one.endswith("/METADATA"))).decode()
    folders = {
        "/".join(name.split("/")[:2]) if name.startswith("globeco/") else name.split("/")[0] for name in names
    }
    assert folders == {"ordergen_client", "globeco/ordergen", re.sub(r"-py3.*", ".dist-info", wheel.name)}
    files = {path for path in (ROOT / "ordergen_client").rglob("*") if path.is_file()}
    ours = {str(path.relative_to(ROOT)) for path in files if path.suffix not in {".pyc", ".toml"}}
    assert {one for one in names if one.startswith("ordergen_client/")} == ours - {"ordergen_client/LICENSE"}
    wanted = set(re.findall(r"(?m)^Requires-Dist: (.+)$", metadata))
    assert wanted == set(distribution(CLIENT).requires or ())


def test_what_it_brings_along_is_what_the_page_says() -> None:
    assert needed(CLIENT) == LIBRARY
    assert needed(CLIENT, "cli") == LIBRARY | COMMAND
    page = (ROOT / "docs" / "client.md").read_text()
    assert set(re.findall(r"(?m)^\| `([a-z-]+)` \| [0-9.]+ MB \|", page)) == LIBRARY


def test_it_rebalances(environment: Path, api: Api, clean_siblings: SimulatedSiblings) -> None:
    model = api.create(message_of(clean_siblings.model, portfolios=3))
    done = run(environment / "bin" / "python", "-I", "-W", "error", "-c", REBALANCE, f"127.0.0.1:{api.port}")
    assert (done.stdout.split(), done.stderr, done.returncode) == (sorted(model.portfolio_ids), "", 0)


def test_its_command_says_what_it_lacks_and_works_with_it(environment: Path, api: Api) -> None:
    command = environment / "bin" / "ordergen"
    lacking = run(command, "--help")
    assert (lacking.returncode, lacking.stdout) == (1, "")
    assert lacking.stderr == "ordergen needs click: install globeco-ordergen-client[cli].\n"
    link(COMMAND, site(environment))
    assert run(command, "--version").stdout == f"ordergen, version {distribution(CLIENT).version}\n"
    listed = run(command, "models", "list", f"--target=127.0.0.1:{api.port}", "--json")
    assert (listed.returncode, listed.stdout[:12]) == (0, '{"models": [')
    demo = run(command, "demo")
    assert demo.returncode == 1
    assert demo.stderr.endswith("Error: the service is not installed: install globeco-ordergen[embedded]\n")
