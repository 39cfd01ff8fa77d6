"""The real promtool: the installed one, or that of Debian's package `prometheus`; PyPI has none."""

import shutil
import subprocess
import tempfile
from pathlib import Path

KEPT = Path(__file__).resolve().parents[1] / ".build" / "promtool"
_DOWNLOAD_SECONDS = 240


class NoPromtoolError(Exception):
    """It is not installed, and cannot be had here."""


def promtool() -> Path:
    """Where it is; unpacked into `.build` where it is not installed. Nothing is installed by this.

    Raises:
        NoPromtoolError: it is neither installed nor to be had.
    """
    installed = shutil.which("promtool")
    if installed:
        return Path(installed)
    if not KEPT.exists():
        _unpack()
    return KEPT


def _unpack() -> None:
    if not (shutil.which("apt-get") and shutil.which("dpkg-deb")):
        raise NoPromtoolError("promtool is not installed, and this is no Debian: install Prometheus")
    KEPT.parent.mkdir(exist_ok=True)
    with tempfile.TemporaryDirectory(dir=KEPT.parent) as folder:
        try:
            _download(Path(folder))
            (package,) = Path(folder).glob("prometheus_*.deb")
            _run(["dpkg-deb", "--extract", package.name, "."], Path(folder))
        except (OSError, subprocess.SubprocessError, ValueError) as error:
            raise NoPromtoolError(
                f"promtool is not installed, and its package cannot be had: {error}"
            ) from error
        (Path(folder) / "usr" / "bin" / "promtool").replace(KEPT)  # at once, whoever else does the same


def _download(folder: Path) -> None:
    """Into the folder; the lists of packages are brought up to date where they do not know it."""
    download = ["apt-get", "download", "--quiet", "prometheus"]
    try:
        _run(download, folder)
    except subprocess.CalledProcessError:
        _run(["apt-get", "update", "--quiet"], folder)
        _run(download, folder)


def _run(command: list[str], folder: Path) -> None:
    subprocess.run(command, cwd=folder, check=True, capture_output=True, timeout=_DOWNLOAD_SECONDS)
