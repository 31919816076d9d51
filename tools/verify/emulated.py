"""The conformance and stress suites on an emulated aarch64: qemu's user mode, Debian's Python for arm64, wheels from PyPI.

    python -m tools.verify.emulated [--long] [--json]

The short form runs the suite as plain Python; the long form its stress tests compiled for aarch64 by numba besides. What is needed
is fetched once into a folder of its own below the user's cache; nothing of this system changes.
An emulator on x86-64 keeps x86-64's order: see tools/verify/arm.py for the orders.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from tools.verify.figures import FAILED, PASSED, MissingTool, Row, command, timed

__all__ = ["main", "prepared", "rows"]

_ROOT = Path(__file__).parents[2]
_QEMU = "qemu-aarch64-static"
_PYTHON = "usr/bin/python3"
_SITE = "site-packages"  # by this name the library knows what is installed, and follows no imports there
_WHEELS = (
    "attrs", "cffi", "click", "execnet", "hypothesis", "iniconfig", "llvmlite", "markdown-it-py", "mdurl", "numba", "numpy", "orjson",
    "packaging", "pluggy", "pycparser", "Pygments", "pytest", "pytest-timeout", "pytest-xdist", "PyYAML", "rich", "sortedcontainers",
)
_PLATFORMS = ("manylinux_2_28_aarch64", "manylinux_2_27_aarch64", "manylinux_2_17_aarch64", "manylinux2014_aarch64")
_READY = "ready-2"
_LIMIT_S = 3600
PLAIN = ("tests/conformance", "--ignore=tests/conformance/test_checklist.py")  # which starts a Python of its own: not emulated
COMPILED = ("tests/conformance/test_stress.py", "tests/conformance/test_sequences.py")
_COUNTS = re.compile(r"(\d+) (passed|failed|error|errors|skipped)\b")


def prepared() -> Path:
    """Return the folder with `root` (Debian's Python) and `site-packages` (wheels); made when it is not there. Raises: MissingTool."""
    for tool, package in ((_QEMU, "qemu-user-static"), ("apt-get", "apt"), ("dpkg-deb", "dpkg")):
        if shutil.which(tool) is None:
            raise MissingTool(f"{tool} is not there; install {package}")
    folder = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "hydraflow-x" / "aarch64"
    if not (folder / _READY).exists():
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        _fetch_python(folder)
        _fetch_wheels(folder)
        (folder / _READY).touch()
    return folder


def _fetch_python(folder: Path) -> None:
    """Unpack Debian's Python for arm64 with all that it depends on, by apt lists of their own."""
    for part in ("state/lists/partial", "cache/archives/partial", "root"):
        (folder / part).mkdir(parents=True)
    (folder / "status").touch()
    settings = {
        "APT::Architecture": "arm64", "APT::Architectures": "arm64", "Dir::State": folder / "state", "Dir::State::status": folder / "status",
        "Dir::Cache": folder / "cache", "APT::Sandbox::User": "root", "APT::Install-Recommends": "false",
    }
    apt = ["apt-get", "-qq", *(x for name, value in settings.items() for x in ("-o", f"{name}={value}"))]
    _run([*apt, "update"], "the package lists of arm64 cannot be fetched")
    _run([*apt, "install", "-y", "--download-only", "python3", "libstdc++6"], "Debian's packages for arm64 cannot be fetched")
    for package in sorted((folder / "cache" / "archives").glob("*.deb")):
        _run(["dpkg-deb", "-x", package, folder / "root"], f"{package.name} cannot be unpacked")
    shutil.rmtree(folder / "cache")
    shutil.rmtree(folder / "state")


def _fetch_wheels(folder: Path) -> None:
    """Unpack the wheels that this environment has, as built for aarch64 and the emulated Python."""
    minor = _emulated(folder, ["-c", "import sys; print('%d%d' % sys.version_info[:2])"]).strip()
    pip = [sys.executable, "-m", "pip", "download", "-q", "--no-deps", "--only-binary=:all:", "-d", folder / "wheels", "--python-version", minor]
    names = []
    for name in _WHEELS:
        try:
            names.append(f"{name}=={version(name)}")
        except PackageNotFoundError:
            names.append(name)
    _run([*pip, *(x for p in _PLATFORMS for x in ("--platform", p)), *names], "wheels for aarch64 cannot be fetched")
    for wheel in sorted((folder / "wheels").glob("*.whl")):
        with zipfile.ZipFile(wheel) as archive:
            archive.extractall(folder / _SITE)
    shutil.rmtree(folder / "wheels")


def _run(line: Sequence[str | Path], what: str) -> None:
    ran = subprocess.run([str(x) for x in line], capture_output=True, text=True, stdin=subprocess.DEVNULL, check=False)
    if ran.returncode:
        raise MissingTool(f"{what}: {ran.stderr.strip()[-500:]}")


def _emulated(folder: Path, arguments: Sequence[str], **variables: str) -> str:
    """Run the emulated Python; return all that it says, its exit code on a last line when it is not 0."""
    root = folder / "root"
    environment = {
        **os.environ, "QEMU_LD_PREFIX": str(root), "PYTHONPATH": f"{folder / _SITE}:{_ROOT}", "PYTHONDONTWRITEBYTECODE": "1",
        "XDG_CACHE_HOME": str(folder / "compiled"), "HYDRAFLOW_DATA": "", **variables,
    }
    ran = subprocess.run(
        [_QEMU, "-L", str(root), str(root / _PYTHON), *arguments], cwd=_ROOT, env=environment, text=True, check=False, timeout=_LIMIT_S,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )
    return ran.stdout + (f"\nended with {ran.returncode}" if ran.returncode else "")


def rows(long: bool) -> Iterator[Row]:
    """Run the suites."""
    folder = prepared()
    yield timed(lambda: _suite(folder, "conformance, plain Python", PLAIN, NUMBA_DISABLE_JIT="1"))
    if long:
        yield timed(lambda: _suite(folder, "stress, compiled for aarch64", COMPILED))


def _suite(folder: Path, what: str, tests: Sequence[str], **variables: str) -> Row:
    said = _emulated(folder, ["-m", "pytest", "-q", "-p", "no:cacheprovider", "--timeout=900", *tests], **variables)
    counts = {name: int(number) for number, name in _COUNTS.findall(said)}
    good = counts.get("passed", 0) > 0 and "ended with" not in said
    if not good:
        print(said[-4000:], file=sys.stderr)
    result = f"{PASSED if good else FAILED}: " + ", ".join(f"{n} {name}" for name, n in counts.items())
    return Row("emulated", what, counts.get("passed", 0), "tests", result)


def main(argv: Sequence[str] | None = None) -> int:
    return command("emulated", "Suites on an emulated aarch64", rows, argv)


if __name__ == "__main__":
    raise SystemExit(main())
