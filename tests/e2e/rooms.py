"""A folder with the files of an image, and its commands run in it as a container runs them.

Where the tests are root, that is as user 10001, without capabilities, in a mount namespace in which nothing
can be written to but what is given. Elsewhere it is as whoever runs the tests, on files without write bits.
What is installed of others comes from the environment of the tests, which has the same releases.
"""

import os
import shutil
import site
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.limits import PATIENCE
from tests.unit.deployment.dockerfile import FOLDER, last, lay, variables

ISOLATED = os.geteuid() == 0 and all(map(shutil.which, ("bash", "mount", "unshare", "setpriv")))
_PYTHON = f"python{sys.version_info.major}.{sys.version_info.minor}"
_SITE = next(one for one in site.getsitepackages() if one.startswith(sys.prefix))
#: The folder, the installed Python, what is installed beside it, what /tmp is to be; then user and command.
_ISOLATE = """
set -e
mount --bind "$2" "$1/python"
mount --bind "$3" "$1/site"
for one in / /tmp "$1/python" "$1/site"; do
    if mountpoint -q "$one"; then mount -o remount,bind,ro "$one"; fi
done
# Our code is no installed distribution in the image, and has nothing that says so.
for own in "$1"/site/globeco_ordergen-*.dist-info; do mount -t tmpfs -o ro tmpfs "$own"; done
if [ "$4" = scratch ]; then mount -t tmpfs -o mode=1777 tmpfs /tmp; fi
set -- "--reuid=${5%:*}" "--regid=${5#*:}" --clear-groups --no-new-privs --bounding-set=-all -- "${@:6}"
exec setpriv "$@"
"""


@dataclass(frozen=True)
class Room:
    """A folder that has what production has in /app."""

    folder: Path

    def command(self, *words: str, scratch: bool = False) -> list[str]:
        """What runs `python` with these words in it; with `scratch` there is an empty /tmp to write to."""
        python = [str(self._base / "bin" / _PYTHON), *words]
        if not ISOLATED:
            return python
        given = [str(self.folder), sys.base_prefix, _SITE, "scratch" if scratch else "-"]
        isolate = ["unshare", "--mount", "--propagation", "private", "bash", "-c", _ISOLATE, "room", *given]
        return [*isolate, last("production", "USER"), *python]

    @property
    def app(self) -> Path:
        """What is /app in the image."""
        return self.folder / "app"

    @property
    def _base(self) -> Path:
        return self.folder / "python" if ISOLATED else Path(sys.base_prefix)

    def environment(self, settings: Mapping[str, str]) -> Mapping[str, str]:
        """What the image sets, and settings; of the tests' own what their Python and processor need."""
        told = {name: value for name, value in variables("production").items() if name != "PATH"}
        path = told["PYTHONPATH"].replace(FOLDER, str(self.app))
        installed = str(self.folder / "site") if ISOLATED else _SITE
        own = {name: value for name, value in os.environ.items() if name.startswith("OPENBLAS")}
        own["LD_LIBRARY_PATH"] = str(
            self._base / "lib"
        )  # a Python may have a library that it looks for at home
        return {**own, **told, "PYTHONPATH": f"{path}:{installed}", **settings}

    def run(self, settings: Mapping[str, str], *words: str) -> "subprocess.CompletedProcess[str]":
        """Run it to its end."""
        return subprocess.run(
            self.command(*words),
            cwd=self.app,
            env=self.environment(settings),
            capture_output=True,
            text=True,
            timeout=PATIENCE,
            check=False,
        )

    @contextmanager
    def running(
        self, settings: Mapping[str, str], *words: str, scratch: bool = False
    ) -> Iterator["subprocess.Popen[str]"]:
        """Run it until the end of the block; killed where it has not ended by then."""
        with subprocess.Popen(
            self.command(*words, scratch=scratch),
            cwd=self.app,
            env=self.environment(settings),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                yield process
            finally:
                if process.poll() is None:
                    process.kill()

    def files(self) -> set[Path]:
        """Every file that is in it."""
        return set(self.app.rglob("*"))


@contextmanager
def room() -> Iterator[Room]:
    """One for the time of the block. It is not in /tmp, which may be hidden from what runs in it."""
    folder = Path(tempfile.mkdtemp(prefix="ordergen-image-", dir="/var/tmp"))
    try:
        for name in ("app", "python", "site"):
            (folder / name).mkdir()
        lay(folder / "app")
        for path in (folder, *folder.rglob("*")):
            path.chmod(0o555 if path.is_dir() else 0o444)
        yield Room(folder)
    finally:
        for path in (folder, *folder.rglob("*")):
            if path.is_dir():
                path.chmod(0o755)
        shutil.rmtree(folder)
